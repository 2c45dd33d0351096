import { distributionErrors } from "../../src/api/distribution/index.ts";
import { placeOfRepository } from "../../src/api/ecr/index.ts";
import { openListener } from "../../src/api/http/index.ts";
import type { TrafficLimits } from "../../src/api/http/index.ts";
import { finishRenewals } from "../../src/access/index.ts";
import type { Access, AccessSettings, SsoProvider } from "../../src/access/index.ts";
import { openGuardedFetch } from "../../src/lib/index.ts";
import type { Jobs, Webhooks } from "../../src/jobs/index.ts";
import { openSqliteInProcess } from "../../src/metadata/index.ts";
import type { Metadata } from "../../src/metadata/index.ts";
import { routeRequests } from "../../src/route-requests.ts";
import { writes } from "../../src/writes.ts";
import type { AllWrites } from "../../src/writes.ts";
import { openGuarded } from "./open-rights.ts";
import { WireClient } from "./wire-client.ts";
import type { Answer } from "./wire-client.ts";

/** The background of a server in which nothing is done. */
function idleBackground(metadata: Metadata<AllWrites>, access: Access): { jobs: Jobs; webhooks: Webhooks } {
  const idle = { wake: () => undefined, stop: () => Promise.resolve() };
  const fetch = openGuardedFetch({ allow: ["127.0.0.0/8"], ca: undefined, timeout: 1_000, sizeLimit: 10_000 });
  const ecrPlaceOf = (repository: string) =>
    placeOfRepository({ accounts: [], createOnPush: false, strict: false }, repository);
  const deps = { metadata, access, fetch, source: "urn:berth", ecrPlaceOf };
  return { jobs: { metadata, ...idle }, webhooks: { deps, ...idle } };
}

export interface GuardedServer extends Awaited<ReturnType<typeof openGuarded>> {
  readonly metadata: Metadata<AllWrites>;
  /** `127.0.0.1:40123`: also what its tokens are for. */
  readonly host: string;
  readonly url: string;
  readonly wire: WireClient;
  /** What broke. */
  readonly broken: unknown[];
  /** Asks for a token as docker does. */
  token(scope: string | readonly string[], login?: string): Promise<string>;
  /** A request with what is shown. */
  ask(method: string, path: string, authorization?: string, body?: Uint8Array | string): Promise<Answer>;
  close(): Promise<void>;
}

/** The registry with access control on, on a port of its own, over rows that the test can reach. */
export async function serveGuarded(
  settings: Partial<AccessSettings> = {},
  options: {
    readonly metadata?: Metadata<AllWrites>;
    readonly publicUrl?: string;
    readonly trusted?: string[];
    readonly traffic?: TrafficLimits;
    readonly providers?: readonly SsoProvider[];
    readonly alarm?: Access["alarm"];
    readonly slowest?: Parameters<typeof openListener>[0]["slowest"];
  } = {},
): Promise<GuardedServer> {
  const metadata = options.metadata ?? openSqliteInProcess<AllWrites>(":memory:", writes);
  const broken: unknown[] = [];
  const fetch = openGuardedFetch({ allow: ["127.0.0.0/8"], ca: undefined, timeout: 20_000, sizeLimit: 100_000 });
  const { providers = [], alarm } = options;
  const registry = await openGuarded(metadata, undefined, settings, undefined, { providers, ...(alarm && { alarm }) });
  const { trusted: trustedProxies = [], publicUrl, traffic = { requestRate: 0, uploadsAtOnce: 0 } } = options;
  const { slowest = { bytesPerSecond: 0, over: 60_000 } } = options;
  const limits = { connections: 1000, headerBytes: 16_384, headerTime: 60_000, keepAlive: 75_000 };
  const listener = await openListener(
    { host: "127.0.0.1", port: 0, trustedProxies, publicUrl, ...limits, slowest },
    {
      wires: distributionErrors,
      handle: routeRequests(
        { registry, ...idleBackground(metadata, registry.access), passwordChanged: async () => undefined },
        traffic,
        (_exchange, error) => broken.push(error),
        { access: registry.access, providers, fetch },
        { accounts: [], createOnPush: false, strict: false },
      ),
      ended: () => undefined,
      refused: () => undefined,
      alarm: () => undefined,
    },
  );
  const host = `127.0.0.1:${listener.port}`;
  const url = `http://${host}`;
  const wire = new WireClient(() => url);
  const ask: GuardedServer["ask"] = (method, path, authorization, body) =>
    wire.call(method, path, body, authorization === undefined ? {} : { authorization });
  return {
    ...registry,
    metadata,
    host,
    url,
    wire,
    broken,
    ask,
    async token(scope, login) {
      const query = new URLSearchParams({ service: host });
      for (const one of [scope].flat()) query.append("scope", one);
      const answer = await ask("GET", `/token?${query.toString()}`, login);
      if (answer.status !== 200) throw new Error(answer.text);
      return `Bearer ${answer.json<{ token: string }>().token}`;
    },
    async close() {
      await listener.drain(1000);
      await finishRenewals(registry.access);
      registry.access.version.close();
      await metadata.close();
    },
  };
}
