import { expect } from "vitest";
import { parseRepositoryName, parseTag } from "../../src/oci/index.ts";
import { deleteTag } from "../../src/registry/index.ts";
import type { ReviewInput } from "../../src/registry/writes/review.ts";
import { describeEachDatabase } from "../support/each-database.ts";
import { garbageRows } from "../support/garbage-rows.ts";
import { caller, check, collectAll, digestOf, imageOf, indexOf, openRegistry } from "../support/open-registry.ts";
import { putBlob, putManifest } from "../support/open-registry.ts";

const rule = { lookGap: 0, steady: Number.MAX_SAFE_INTEGER, untagged: "delete", objectGrace: 0 } as const;

await describeEachDatabase((it, prepare) => {
  let registry: ReturnType<typeof openRegistry>;
  let dialect: "sqlite" | "postgres";
  let sql: (text: string) => Promise<Record<string, unknown>[]>;
  let review: (input: Omit<ReviewInput, keyof typeof rule>) => Promise<unknown>;
  prepare(async ({ database }) => {
    dialect = database.metadata.dialect;
    sql = (text) => database.sql(text);
    registry = openRegistry(database.metadata);
    await database.metadata.write("ensureInstallation", { uploadKey: "00", epoch: "e1" });
    review = (input) => database.metadata.write("reviewBatch", { ...rule, ...input });
  });

  const digests = async () => (await sql("select digest from manifest order by digest")).map(({ digest }) => digest);

  it("so many targets are looked at together, and no further ones once the time is over", async () => {
    for (const text of garbageRows(dialect, 7, {})) await sql(text);
    const manifests = { kind: "manifest", limit: 10, budget: 0 } as const;
    expect(await review({ ...manifests, atOnce: 1 })).toEqual({ looked: 1, condemned: 1, removed: 0, more: true });
    expect(await review({ ...manifests, atOnce: 4 })).toEqual({ looked: 4, condemned: 4, removed: 0, more: true });
    expect(await review({ ...manifests, atOnce: 9, budget: 60_000 })).toMatchObject({ looked: 7 });
    await collectAll(registry);
    expect(await digests()).toEqual([]);
    expect(await check(registry)).toEqual({ numbers: [0, 0, 0, 0], problems: [] });
  });

  it("what is looked at together with what uses it goes after it, and leaves nothing", async () => {
    const app = parseRepositoryName("team/app");
    const layers = ["layer one", "layer two"];
    for (const layer of layers) await putBlob(registry, "team/app", layer);
    const images = layers.map((layer) => imageOf([layer]));
    for (const [at, image] of images.entries()) await putManifest(registry, "team/app", image, `t${at}`);
    const index = indexOf(images);
    await putManifest(registry, "team/app", index, "all");
    for (const tag of ["t0", "t1", "all"]) await deleteTag(registry, caller, app, parseTag(tag));
    const all = { limit: 100, atOnce: 100, budget: 60_000 } as const;
    const queueAll = `insert into review (kind, repository_id, target_id, review_after, event)
      select 'manifest', repository_id, id, 0, 'queued' from manifest`;
    const step = async () => {
      await sql(queueAll);
      await review({ ...all, kind: "manifest" });
      return digests();
    };
    // Looked at together with the index they are used until it goes, and then they are queued anew.
    const alone = images.map((image) => digestOf(Buffer.from(image))).toSorted();
    await expect.poll(step, { timeout: 30_000 }).toEqual(alone);
    await collectAll(registry);
    expect(await check(registry)).toEqual({ numbers: [0, 0, 0, 0], problems: [] });
    expect(await digests()).toEqual([]);
  });
});
