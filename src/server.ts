import { setTimeout } from "node:timers/promises";
import { distributionErrors, handleDistribution } from "./api/distribution/index.ts";
import { openListener } from "./api/http/index.ts";
import type { ListenerOptions } from "./api/http/index.ts";
import type { Config } from "./config.ts";
import { formatAddress, isLoopback } from "./lib/index.ts";
import type { Address, Log } from "./lib/index.ts";
import { SettingsError } from "./lib/settings/index.ts";
import { openStores } from "./open-stores.ts";
import { collectInBackground } from "./registry/index.ts";
import { watchServer } from "./watch-server.ts";

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
  try {
    const { registry } = stores;
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
    const collection = enabled
      ? collectInBackground(registry, {
          interval,
          sweepEvery: Math.max(interval, orphanGrace / 4),
          passed: (collected) => watch.passed(collected),
        })
      : undefined;
    return {
      address: { host: config.listen.host, port: listener.port },
      async close() {
        watch.drain();
        if (config.drainNotice > 0) await setTimeout(config.drainNotice);
        await listener.drain(config.drain);
        await collection?.stop();
        await stores.close();
        await watch.close();
      },
    };
  } catch (error) {
    await stores.close();
    throw error;
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
