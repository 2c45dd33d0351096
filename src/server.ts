import { setTimeout } from "node:timers/promises";
import { distributionErrors, handleDistribution } from "./api/distribution/index.ts";
import { openListener } from "./api/http/index.ts";
import type { ListenerOptions } from "./api/http/index.ts";
import type { Config } from "./config.ts";
import { formatAddress, isLoopback } from "./lib/index.ts";
import type { Address, Log } from "./lib/index.ts";
import { SettingsError } from "./lib/settings/index.ts";
import type { Control } from "./api/control/index.ts";
import { serveMaintenance } from "./maintain.ts";
import { openStores } from "./open-stores.ts";
import { beatHeart, collectInBackground } from "./registry/index.ts";
import type { Collection, Heart, Registry } from "./registry/index.ts";
import { watchServer } from "./watch-server.ts";

/** A server that takes requests. */
export interface RunningServer {
  /** Where it listens; the port is the one that was taken. */
  readonly address: Address;
  /** Lets requests in flight finish, then closes rows and bytes. */
  close(): Promise<void>;
}

/** Wires rows, bytes and the Distribution API. @throws SettingsError, MetadataError, StorageError, the listener's own error */
export async function startServer(config: Config, log: Log): Promise<RunningServer> {
  refuseExposure(config);
  const stores = await openStores(config, log);
  let heart: Heart | undefined;
  try {
    const { registry } = stores;
    heart = await beatHeart(registry);
    const watch = watchServer(config, log, registry);
    const listener = await openListener(listenerOptions(config), {
      wires: distributionErrors,
      handle: (exchange) => handleDistribution(registry, exchange, (error) => watch.broke(exchange, error)),
      ended: (exchange) => watch.ended(exchange),
      refused: (facts) => watch.refused(facts),
      alarm: (message, facts) => log.warn(message, facts),
    });
    await watch.open(listener).catch(async (error: unknown) => {
      await listener.drain(0);
      throw error;
    });
    const { enabled, interval, orphanGrace } = config.collection;
    const collection = collectInBackground(registry, {
      interval: enabled ? interval : undefined,
      sweepEvery: Math.max(interval, orphanGrace / 4),
      passed: (collected) => watch.passed(collected),
    });
    const control = registry.metadata.alone ? await openControl(config, log, registry, collection) : undefined;
    return {
      address: { host: config.listen.host, port: listener.port },
      async close() {
        watch.drain();
        if (config.drainNotice > 0) await setTimeout(config.drainNotice);
        await listener.drain(config.drain);
        await control?.close();
        await collection.stop();
        await heart?.stop();
        await stores.close();
        await watch.close();
      },
    };
  } catch (error) {
    await heart?.stop();
    await stores.close();
    throw error;
  }
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

function listenerOptions({ listen, tls, limits, trustedProxies }: Config): ListenerOptions {
  const { certificate, key } = tls;
  return {
    ...listen,
    tls: certificate === undefined || key === undefined ? undefined : { certificate, key },
    trustedProxies,
    connections: limits.connections,
    headerBytes: limits.headerBytes,
    headerTime: minute,
    keepAlive: 75_000,
    slowest: { bytesPerSecond: limits.minimumRate / 60, over: minute },
  };
}

/** While there is no access control, only this machine may reach the registry. */
function refuseExposure({ listen: address, ops, open }: Config): void {
  if (!open) {
    throw new SettingsError([
      "there is no access control yet, so whoever reaches the registry may do everything: start it with --open (or BERTH_OPEN=1) to agree, for this machine alone",
    ]);
  }
  for (const [name, { host, port }] of Object.entries({ listen: address, ...(ops === undefined ? {} : { ops }) })) {
    if (isLoopback(host)) continue;
    throw new SettingsError([
      `\`${name}\` is ${formatAddress({ host, port })}, which other machines can reach: without access control anyone there could change or delete your images. Use 127.0.0.1, ::1 or localhost, and a proxy that asks for a password in front if others must reach it`,
    ]);
  }
}
