import { expect } from "vitest";
import type { Reader } from "../../src/metadata/index.ts";
import type { Registry } from "../../src/registry/index.ts";
import { findRoom } from "../../src/registry/quotas/find-room.ts";
import { describeEachDatabase } from "../support/each-database.ts";
import { openRegistry, putBlob } from "../support/open-registry.ts";
import { makeNamespace, setQuota } from "../support/quota-world.ts";

/* The look at quotas before bytes are taken, when many ask at once. */

await describeEachDatabase((it, prepare) => {
  let registry: Registry;
  let looks = 0;
  prepare(async ({ database: { metadata } }) => {
    looks = 0;
    const read: Reader = {
      all: (statement, parameters) => {
        if (statement.name === "readUsage") looks++;
        return metadata.read.all(statement, parameters);
      },
      first: (statement, parameters) => metadata.read.first(statement, parameters),
    };
    registry = openRegistry({ ...metadata, read });
    await makeNamespace(metadata, "market");
  });
  const askAtOnce = (count: number) =>
    Promise.all(Array.from({ length: count }, (_, n) => findRoom(registry, `market/app-${n}`)));

  it("of uploads that begin at once into a namespace one looks, and what it finds holds for all", async () => {
    await setQuota(registry, "market", { quotaStorage: 1_000 });
    looks = 0;
    const rooms = await askAtOnce(50);
    expect([looks, new Set(rooms).size]).toEqual([1, 1]);
    expect(() => rooms[0]!.refuseBytes(2 * 1024 * 1024)).toThrow("the quota of namespace market is");
    // Far from the limit it is remembered for a second.
    await askAtOnce(50);
    expect(looks).toBe(1);
  });

  it("near a limit each look is for those that ask while it is under way, and for nobody later", async () => {
    await setQuota(registry, "market", { quotaStorage: 1_000 });
    // By another process.
    await putBlob(openRegistry(registry.metadata), "market/app", "x".repeat(995));
    looks = 0;
    await askAtOnce(20);
    expect(looks).toBe(1);
    await setQuota(registry, "market", { quotaStorage: 900 });
    looks = 0;
    for (const room of await askAtOnce(20))
      expect(() => room!.refuseOver()).toThrow("the quota of namespace market is");
    expect(looks).toBe(1);
  });

  it("a look that fails is not remembered", async () => {
    await setQuota(registry, "market", { quotaStorage: 1_000 });
    const { metadata } = registry;
    const failing = { ...registry, metadata: { ...metadata, read: { all: () => Promise.reject(new Error("away")) } } };
    await expect(findRoom(failing as never, "market/app")).rejects.toThrow("away");
    failing.metadata.read = metadata.read as never;
    expect(await findRoom(failing as never, "market/app")).toBeDefined();
  });
});
