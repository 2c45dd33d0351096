import { afterEach, expect } from "vitest";
import { parseDigest, parseRepositoryName, parseTag } from "../../src/oci/index.ts";
import { setImageClass, setTag, undoRun } from "../../src/registry/index.ts";
import { describeEachDatabase } from "../support/each-database.ts";
import { LifecycleStage } from "../support/lifecycle-stage.ts";
import { caller, check, descriptorOf } from "../support/open-registry.ts";
import { makeNamespace } from "../support/open-rights.ts";

/* Rules of Amazon ECR archive images, and let go what was archived long ago; what a run did is undone. */

const day = 86_400_000;
const name = parseRepositoryName("team/app");

const policyOf = (...rules: object[]) => ({
  rules: rules.map((rule, at) => ({ rulePriority: at + 1, description: "one of the rules of this test", ...rule })),
});
const archiving = {
  selection: { tagStatus: "any", countType: "imageCountMoreThan", countNumber: 1 },
  action: { type: "transition", targetStorageClass: "archive" },
};
const expiring = {
  selection: {
    ...{ tagStatus: "any", storageClass: "archive" },
    ...{ countType: "sinceImageTransitioned", countUnit: "days", countNumber: 90 },
  },
  action: { type: "expire" },
};

await describeEachDatabase((it, prepare) => {
  let stage: LifecycleStage;
  prepare(async ({ database }) => {
    stage = new LifecycleStage(database);
    await makeNamespace(database.metadata, "team");
  });
  afterEach(() => stage.close());

  const age = (digest: string, days: number, column = "created_at") =>
    stage.database.sql(`update manifest set ${column} = ${Date.now() - days * day} where digest = '${digest}'`);
  const archived = async () => {
    const rows = await stage.database.sql("select digest from manifest where archived = 1 order by digest");
    return rows.map((row) => String(row["digest"]));
  };
  /** An image with its signature, one that an index lists, the index, and the latest. */
  const fill = async () => {
    const old = await stage.image(name, "old", "old");
    const signature = await stage.image(name, "signature", undefined, { subject: descriptorOf(stage.textOf("old")) });
    const listed = await stage.image(name, "listed", "listed");
    const index = await stage.index(name, [stage.textOf("listed")], "multi");
    const latest = await stage.image(name, "latest", "latest");
    for (const [at, digest] of [old, listed, index].entries()) await age(digest, 9 - at);
    await stage.set({ repository: name }, { lifecycle: policyOf(expiring, archiving), undoWindow: "7d" });
    return { old, signature, listed, index, latest };
  };

  it("a run archives as the preview says, an index before what it lists, and undo brings all back", async () => {
    const { old, signature, listed, index } = await fill();
    const { images } = await stage.preview(name);
    expect(images.map(({ tags, outcome, because }) => [tags[0], outcome, because])).toEqual([
      ["old", "transitioned", "rule"],
      ["multi", "transitioned", "rule"],
      ["latest", "kept", "within"],
      ["listed", "kept", "needed"],
    ]);
    await stage.open();
    const first = await stage.run(name);
    expect(first.outcome).toBe("0 images went, 2 images were archived, 0 images stayed though planned to go");
    expect(await archived()).toEqual([old, signature, index].toSorted());
    const second = await stage.run(name);
    expect(second.outcome).toBe("0 images went, 1 image was archived, 0 images stayed though planned to go");
    expect(await archived()).toEqual([old, signature, index, listed].toSorted());
    const third = await stage.run(name);
    expect(third.outcome).toBe("0 images went, 0 images stayed though planned to go");

    const undone = await undoRun(stage.registry, caller, first.id, 0);
    expect(undone.restored.map(({ kind, target }) => [kind, target])).toEqual([
      ["archive", old],
      ["archive", index],
    ]);
    // What an index lists is back with it.
    expect(await archived()).toEqual([]);
    expect((await undoRun(stage.registry, caller, second.id, 0)).left).toEqual([]);
    await check(stage.registry);
  });

  it("what was archived long ago goes, unless it was restored since the plan, and comes back as archived", async () => {
    const { old, latest } = await fill();
    await setImageClass(stage.registry, caller, name, { digest: old }, "archive");
    await setImageClass(stage.registry, caller, name, { digest: latest }, "archive");
    await age(old, 91, "archived_at");
    await age(latest, 89, "archived_at");
    await stage.set({ repository: name }, { lifecycle: policyOf(expiring) });
    const restore = () => setImageClass(stage.registry, caller, name, { digest: old }, "standard");
    await stage.openBetween(restore);
    const saved = await stage.run(name);
    expect(await stage.imagesOf(saved.id)).toMatchObject([
      { digest: old, state: "saved", note: "it was restored from the archive since the plan" },
    ]);
    await setImageClass(stage.registry, caller, name, { digest: old }, "archive");
    await age(old, 91, "archived_at");
    const ran = await stage.run(name);
    expect(await stage.imagesOf(ran.id)).toMatchObject([{ digest: old, state: "deleted" }]);
    await undoRun(stage.registry, caller, ran.id, 0);
    expect(await archived()).toContain(old);
  });

  it("what happened since the plan keeps an image from being archived, and so does what runs", async () => {
    const { old, index } = await fill();
    const tag = () => setTag(stage.registry, caller, name, parseTag("prod"), parseDigest(old), undefined);
    await stage.openBetween(tag);
    const run = await stage.run(name);
    expect(run.outcome).toBe("0 images went, 1 image was archived, 1 image stayed though planned to go");
    expect(await stage.imagesOf(run.id)).toMatchObject([
      { digest: old, state: "saved", note: "it was tagged prod since the plan", archives: true },
      { digest: index, state: "archived", note: null },
    ]);
  });
});
