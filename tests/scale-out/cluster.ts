import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { findPeer } from "../support/peers.ts";
import { findFreePort } from "../support/free-port.ts";
import { startPostgres } from "../support/postgres.ts";
import { s3Settings, startS3 } from "../support/s3.ts";
import { startProcess } from "../support/start-process.ts";
import type { TestProcess } from "../support/start-process.ts";

export const example = resolve(import.meta.dirname, "../../examples/scale-out");

/** What several nodes share. */
export interface SharedStores {
  /** Settings in the environment of a node. */
  readonly env: Readonly<Record<string, string>>;
  /** Directory in which the S3 server keeps the objects. */
  readonly objects: string;
  close(): Promise<void>;
}

/** A PostgreSQL and an S3 server; undefined where one is not installed. */
export async function startSharedStores(): Promise<SharedStores | undefined> {
  const [postgres, s3] = [await startPostgres(), await startS3("versitygw")];
  if (postgres === undefined || s3 === undefined) return undefined;
  const { storage, storageCredentials } = await s3Settings(s3);
  return {
    env: {
      BERTH_DATABASE: postgres.url,
      BERTH_STORAGE: storage,
      BERTH_STORAGE_CREDENTIALS_ACCESS_KEY_ID: storageCredentials.accessKeyId,
      BERTH_STORAGE_CREDENTIALS_SECRET_ACCESS_KEY: storageCredentials.secretAccessKey,
    },
    objects: s3.folder,
    async close() {
      await s3.close();
      await postgres.stop();
    },
  };
}

export interface Cluster {
  /** Address of the proxy. */
  readonly host: string;
  readonly url: string;
  readonly nodes: readonly TestProcess[];
  close(): Promise<void>;
}

/** Starts nodes as processes, and HAProxy before them, by the example's configuration and more settings in `extra`. */
export async function startCluster(
  shared: SharedStores,
  size: 2 | 3,
  extra: Readonly<Record<string, string>> = {},
): Promise<Cluster> {
  const folder = await mkdtemp(join(tmpdir(), "berth-scale-out-"));
  const nodes: TestProcess[] = [];
  const proxied: Record<string, string> = {};
  for (const n of [1, 2, 3]) {
    // The example has three nodes: with two, the third is one that does not answer.
    const ops = await findFreePort();
    proxied[`BERTH_NODE_${n}_OPS`] = String(ops);
    proxied[`BERTH_NODE_${n}`] = `127.0.0.1:${ops}`;
    if (n > size) continue;
    const env = { ...shared.env, BERTH_CONFIG: join(example, "berth.yaml"), BERTH_OPS: `127.0.0.1:${ops}` };
    const node = await startProcess({ data: join(folder, `node-${n}`), env: { ...env, ...extra } });
    nodes.push(node);
    proxied[`BERTH_NODE_${n}`] = node.host;
  }
  const host = `127.0.0.1:${await findFreePort()}`;
  const proxy = spawn(findPeer("haproxy")!, ["-db", "-f", join(example, "haproxy.cfg")], {
    env: { ...process.env, ...proxied, BERTH_PROXY: host },
    stdio: "ignore",
  });
  const ended = once(proxy, "exit");
  await waitFor(async () => (await fetch(`http://${host}/v2/`)).ok);
  return {
    host,
    url: `http://${host}`,
    nodes,
    async close() {
      proxy.kill("SIGKILL");
      await ended;
      await Promise.all(nodes.map((node) => node.stop("SIGKILL")));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Waits until `done` resolves to true; at most 90 seconds. */
export async function waitFor(done: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 900; attempt++) {
    if (await done().catch(() => false)) return;
    await new Promise((next) => setTimeout(next, 100));
  }
  throw new Error("it did not come about in 90 seconds");
}
