import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { digestOf } from "../support/wire-client.ts";
import { startBerth } from "./berth-process.ts";
import { Client, manifestOf } from "./client.ts";
import { Ledger } from "./ledger.ts";
import { imageOf } from "./operations.ts";
import { changes, Faults } from "./preload.ts";
import type { Call } from "./preload.ts";

const folder = await mkdtemp(join(tmpdir(), "berth-order-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

/**
 * What a file system may forget that keeps only what it was asked to keep: contents that were written and not synced,
 * and names whose directory was not synced since. It is stricter than ext4, which keeps more than it must.
 */
class Forgetful {
  readonly contents = new Set<string>();
  readonly names = new Set<string>();

  take(calls: readonly Call[]): void {
    for (const { kind, path } of calls) {
      // The index of the WAL is made anew after a crash, the reserve holds zeros, the lock is held by the kernel.
      if (/-(?:shm|reserve)$|\/lock(?:-journal)?$/.test(path)) continue;
      if (kind === "write" || kind === "truncate") this.contents.add(path);
      if (kind === "create" || kind === "mkdir" || kind === "rename") this.names.add(path);
      if (kind !== "sync") continue;
      this.contents.delete(path);
      for (const name of this.names) if (dirname(name) === (path === "" ? "/" : path)) this.names.delete(name);
    }
  }

  get all(): string[] {
    return [...this.contents, ...[...this.names].map((name) => `the name ${name}`)];
  }
}

test("when an answer arrives, every byte and every name that it stands for has been synced", async (context) => {
  const faults = new Faults(context);
  context.onTestFinished(() => faults.close());
  // The directory and the one above it are made by the first start.
  const data = join(folder, "new/data");
  faults.arm({ mode: "count", kinds: changes });
  const server = await startBerth(data, faults.env(folder));
  try {
    const disk = new Forgetful();
    const told: string[] = [];
    const client = new Client(server.base, new Ledger());
    const name = "in/order";
    const [config, ...layers] = imageOf(name) as [Buffer, ...Buffer[]];
    const manifest = manifestOf([config, ...layers]);
    const steps = {
      "the first start and a blob in a row": () => client.pushBlob(name, config),
      "a blob in a row": () => client.pushBlob(name, layers[0]!),
      "a blob in an object": () => client.pushBlob(name, layers[1]!),
      "a blob hashed by a thread": () => client.pushBlob(name, layers[2]!),
      "a manifest": () => client.pushManifest(name, manifest, "latest"),
      "a tag's move": () => client.pushManifest(name, manifest, "other"),
      "a tag's delete": () => client.deleteManifest(name, "other"),
      "a manifest's delete": () => client.deleteManifest(name, digestOf(manifest)),
      "a blob's delete": () => client.deleteBlob(name, digestOf(layers[1]!)),
    };
    let taken = 0;
    for (const [what, step] of Object.entries(steps)) {
      expect((await step()).status, what).toBeLessThan(300);
      const { calls } = faults;
      disk.take(calls.slice(taken));
      taken = calls.length;
      told.push(...disk.all.map((one) => `after ${what}: ${one}`));
    }
    expect(told).toEqual([]);
  } finally {
    await server.kill();
  }
});
