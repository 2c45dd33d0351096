import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { distributionErrors } from "./api/distribution/index.ts";
import { listAccounts } from "./api/ecr/index.ts";
import { openListener } from "./api/http/index.ts";
import type { ListenerOptions } from "./api/http/index.ts";
import type { Management } from "./api/management/index.ts";
import type { Config } from "./config.ts";
import { formatAddress, isLoopback } from "./lib/index.ts";
import type { Address, Log } from "./lib/index.ts";
import { SettingsError } from "./lib/settings/index.ts";
import type { Control } from "./api/control/index.ts";
import { serveMaintenance } from "./maintain.ts";
import { endCertificateTokens, ensureFirstOwner, firstOwner, keepTrail, keepUses } from "./access/index.ts";
import { openBackground } from "./open-background.ts";
import type { Background } from "./open-background.ts";
import { initialPasswordFile, openStores } from "./open-stores.ts";
import { beatHeart, collectInBackground, keepPullTimes, keepQuotas } from "./registry/index.ts";
import type { Collection, Heart, Registry } from "./registry/index.ts";
import { routeRequests } from "./route-requests.ts";
import { watchServer } from "./watch-server.ts";
import type { Watch } from "./watch-server.ts";

/** A server that takes requests. */
export interface RunningServer {
  /** Where it listens; the port is the one that was taken. */
  readonly address: Address;
  /** The first owner's password, when this start made it up, and the file that holds it. */
  readonly initialPassword: InitialPassword | undefined;
  /** Lets requests in flight finish, then closes rows and bytes. */
  close(): Promise<void>;
}

export interface InitialPassword {
  readonly user: string;
  readonly password: string;
  /** Path. */
  readonly file: string;
}

/** Wires rows, bytes and the Distribution API. @throws SettingsError, MetadataError, StorageError, the listener's own error */
export async function startServer(config: Config, log: Log): Promise<RunningServer> {
  refuseExposure(config);
  const stores = await openStores(config, log);
  let heart: Heart | undefined;
  let background: Background | undefined;
  let collection: Collection | undefined;
  try {
    const { registry } = stores;
    heart = await beatHeart(registry);
    const initialPassword = await makeFirstOwner(config, registry);
    const watch = watchServer(config, log, registry);
    collection = openCollection(config, registry, watch);
    background = await openBackground(config, stores, collection);
    const management: Omit<Management, "ecrAccountsOf"> = {
      registry,
      ...background,
      passwordChanged: (user) => forgetInitialPassword(config, user),
    };
    const { access } = registry;
    const signOn = { access, providers: access.providers, fetch: access.fetch };
    const listener = await openListener(listenerOptions(config), {
      wires: distributionErrors,
      handle: routeRequests(
        management,
        config.limits,
        (exchange, error) => watch.broke(exchange, error),
        signOn,
        config.ecr,
      ),
      ended: (exchange) => watch.ended(exchange),
      refused: (facts) => watch.refused(facts),
      alarm: (message, facts) => log.warn(message, facts),
      distrusted: () => endCertificateTokens(access),
    });
    await watch.open(listener).catch(async (error: unknown) => {
      await listener.drain(0);
      throw error;
    });
    const alarm = registry.alarm;
    const trail = keepTrail(registry.access, { interval: trailInterval, keep: config.audit.keep, alarm });
    const uses = keepUses(registry.access, { interval: usesInterval, alarm });
    const pulls = keepPullTimes(registry, usesInterval, listAccounts(config.ecr));
    const quotas = keepQuotas(registry, quotaInterval);
    const control = registry.metadata.alone ? await openControl(config, log, registry, collection) : undefined;
    return {
      address: { host: config.listen.host, port: listener.port },
      initialPassword,
      async close() {
        watch.drain();
        if (config.drainNotice > 0) await setTimeout(config.drainNotice);
        await listener.drain(config.drain);
        await control?.close();
        // Jobs hand over the passes that they wait for.
        await background?.stop();
        await collection?.stop();
        await heart?.stop();
        await pulls.stop();
        await quotas.stop();
        await uses.stop();
        await trail.stop();
        await stores.close();
        await watch.close();
      },
    };
  } catch (error) {
    await background?.stop();
    await collection?.stop();
    await heart?.stop();
    await stores.close();
    throw error;
  }
}

function openCollection({ collection }: Config, registry: Registry, watch: Watch): Collection {
  const { enabled, interval, orphanGrace } = collection;
  return collectInBackground(registry, {
    interval: enabled ? interval : undefined,
    sweepEvery: Math.max(interval, orphanGrace / 4),
    passed: (collected) => watch.passed(collected),
    failed: (error) => watch.failed(error),
    gaveUp: (count) => watch.gaveUp(count),
  });
}

/** The registry serves without it, too. */
async function openControl(
  config: Config,
  log: Log,
  registry: Registry,
  collection: Collection,
): Promise<Control | undefined> {
  try {
    return await serveMaintenance(config, registry, collection);
  } catch (error) {
    log.warn("commands such as gc cannot reach this server", { reason: String(error) });
    return undefined;
  }
}

const minute = 60_000;
/** Between two seals of the audit rows, in milliseconds. */
const trailInterval = 5_000;
/** Between two writes of when tokens were last used, and images last pulled, in milliseconds. */
const usesInterval = 30_000;
/** Between two looks at what quotas count, in milliseconds. */
const quotaInterval = 500;

function listenerOptions({ listen, tls, limits, trustedProxies, publicUrl }: Config): ListenerOptions {
  const { certificate, key, clientCa: ca, clientNames: names, clientCrl: crl, clientMode } = tls;
  const clients =
    ca === undefined || names === undefined ? undefined : { ca, names, crl, required: clientMode === "require" };
  return {
    ...listen,
    tls: certificate === undefined || key === undefined ? undefined : { certificate, key, clients },
    trustedProxies,
    publicUrl,
    connections: limits.connections,
    headerBytes: limits.headerBytes,
    headerTime: minute,
    keepAlive: 75_000,
    slowest: { bytesPerSecond: limits.minimumRate / 60, over: minute },
  };
}

/** What everybody may change, and what everybody could read on the way, stays on this machine. */
function refuseExposure({ listen: address, ops, open, tls, insecureHttp }: Config): void {
  if (isLoopback(address.host)) {
    if (!open || ops === undefined || isLoopback(ops.host)) return;
    throw new SettingsError([
      `\`ops\` is ${formatAddress(ops)}, which other machines can reach, and --open is for this machine alone: use 127.0.0.1, ::1 or localhost`,
    ]);
  }
  const reached = `\`listen\` is ${formatAddress(address)}, which other machines can reach`;
  if (open) {
    throw new SettingsError([
      `${reached}: with --open (BERTH_OPEN) anyone there could change or delete your images. Leave --open out, or listen on 127.0.0.1, ::1 or localhost`,
    ]);
  }
  if (tls.key !== undefined || insecureHttp) return;
  throw new SettingsError([
    `${reached}: passwords and tokens would pass in clear. Set tls.certificate and tls.key, or, behind a proxy that speaks TLS, --insecure-http (BERTH_INSECURE_HTTP=1)`,
  ]);
}

/** The file's use is over when the password in it is. */
async function forgetInitialPassword(config: Config, user: string): Promise<void> {
  if (user === firstOwner) await rm(join(config.data, initialPasswordFile), { force: true });
}

/** Makes the first owner; a password that was made up is kept in a file of the data directory until it is changed. */
async function makeFirstOwner(config: Config, registry: Registry): Promise<InitialPassword | undefined> {
  if (config.open) return undefined;
  const password = await ensureFirstOwner(registry.access, config.adminPassword);
  if (password === undefined) return undefined;
  const file = join(config.data, initialPasswordFile);
  await writeFile(file, `${password}\n`, { mode: 0o600 });
  return { user: firstOwner, password, file };
}
