import { afterEach, expect } from "vitest";
import { parseDigest, parseRepositoryName } from "../../src/oci/index.ts";
import { deleteRepository, renameRepository, reportUsage, setHold, setReadOnly } from "../../src/registry/index.ts";
import { describeEachDatabase } from "../support/each-database.ts";
import { LifecycleStage } from "../support/lifecycle-stage.ts";
import { caller, descriptorOf, permit } from "../support/open-registry.ts";
import { makeNamespace } from "../support/open-rights.ts";

/* What a lifecycle policy lets go is deleted; what stops a run, and what is confirmed. */

const all = (more: object = {}) => ({
  rules: [{ name: "old", action: "expire", ...more }],
  floor: { images: 0, percent: 100 },
});

await describeEachDatabase((it, prepare) => {
  let stage: LifecycleStage;
  prepare(async ({ database }) => {
    stage = new LifecycleStage(database);
    await makeNamespace(database.metadata, "team");
  });
  afterEach(() => stage.close());

  it("what the policy lets go is gone with what belongs to it, what it keeps is there, and all is written down", async () => {
    const name = "team/app";
    const kept = await stage.image(name, "one", "v1");
    const old = await stage.image(name, "two", "dev");
    const child = stage.textOf("three");
    const childDigest = await stage.image(name, "three");
    const index = await stage.index(name, [child], "nightly");
    const signature = await stage.image(name, "sig", undefined, {
      subject: descriptorOf(child),
      artifactType: "application/x.sig",
    });
    await stage.set({ repository: name }, { lifecycle: all({ select: { glob: ["dev", "nightly"] } }) });
    await stage.open();
    const row = await stage.run(name);
    expect(row).toMatchObject({ state: "done", expired: 2, kept: 1, deleted: 2, saved: 0 });
    expect(row.outcome).toBe("2 images went, 0 images stayed though planned to go");
    expect(await stage.digests(name)).toEqual([kept]);
    const images = await stage.imagesOf(row.id);
    expect(images.map(({ digest, state, reason }) => [digest, state, reason])).toEqual(
      expect.arrayContaining([
        [old, "deleted", "rule old expires it"],
        [index, "deleted", "rule old expires it"],
      ]),
    );
    expect(new Set(images.find(({ digest }) => digest === index)!.along)).toEqual(new Set([childDigest, signature]));
    const audit = await stage.database.sql("select * from audit where principal = 'system:lifecycle' order by id");
    expect(audit.map(({ action }) => action)).toEqual([...Array(4).fill("delete-manifest"), "lifecycle-ran"]);
    expect(audit[0]).toMatchObject({ repository: name, reason: `lifecycle run ${row.id}: rule old expires it` });
    expect(JSON.parse(String(audit[0]!["detail"]))).toMatchObject({ run: row.id });
    const events = await stage.database.sql(
      "select type, payload from event where type in ('image.deleted', 'lifecycle.ran') order by id",
    );
    expect(events.map(({ type }) => type)).toEqual([...Array(4).fill("image.deleted"), "lifecycle.ran"]);
    expect(JSON.parse(String(events.at(-1)!["payload"]))).toMatchObject({
      ...{ run: row.id, state: "done", planned: 2, deleted: 2, saved: 0, bytes: row.freed },
    });
  });

  const name = parseRepositoryName("team/app");

  it.each<[string, () => Promise<unknown>, RegExp]>([
    [
      "another policy",
      () => stage.set({ namespace: "team" }, { lifecycle: all({ olderThan: { days: 1 } }) }),
      /^its lifecycle policy or tagDelete was changed since the plan: the next run goes by what holds now$/,
    ],
    [
      "another rule for deleting tags",
      () => stage.set({ repository: name }, { tagDelete: { rule: "refuse", except: [], by: null } }),
      /policy or tagDelete was changed/,
    ],
    [
      "a repository with another name",
      () => renameRepository(stage.registry, caller, name, parseRepositoryName("team/other"), undefined),
      /^the repository was deleted or renamed since the plan$/,
    ],
    [
      "no repository any more",
      () => deleteRepository(stage.registry, caller, name, undefined),
      /^the repository was deleted or renamed since the plan$/,
    ],
    [
      "a registry that is read-only",
      () => setReadOnly(stage.registry, permit.by, "moving house"),
      /^the registry is read-only \(moving house\): run it again afterwards$/,
    ],
  ])("%s since the plan stops the run before it deletes anything", async (_what, work, why) => {
    await stage.image(name, "old", "dev");
    await stage.set({ namespace: "team" }, { lifecycle: all() });
    await stage.openBetween(work);
    const row = await stage.run(name);
    expect(row).toMatchObject({ state: "stopped", deleted: 0, saved: 0, next: 0 });
    expect(row.outcome).toMatch(why);
    const audit = await stage.database.sql("select * from audit where action = 'delete-manifest'");
    expect(audit).toEqual([]);
  });

  it("a tag that may not be deleted stays, in the preview and in the run, with the setting that says so", async () => {
    const release = await stage.image(name, "one", "v1.0.0");
    const old = await stage.image(name, "two", "dev");
    await stage.set(
      { namespace: "team" },
      { tagDelete: { rule: "allow", except: ["v*"], by: "owner" }, lifecycle: all() },
    );
    const { images, expired } = await stage.preview(name);
    expect(expired).toBe(1);
    expect(images.find(({ digest }) => digest === release)).toMatchObject({
      outcome: "kept",
      because: "held",
      keeper: expect.stringMatching(
        /^the tag v1\.0\.0 may not be deleted: tagDelete of namespace team refuses that for v\*/,
      ),
    });
    await stage.open();
    expect(await stage.run(name)).toMatchObject({ state: "done", deleted: 1, saved: 0 });
    expect(await stage.digests(name)).toEqual([release]);
    expect(old).not.toBe(release);
  });

  it("an image that is reported to run between plan and delete stays, though people would only be warned", async () => {
    const runs = await stage.image(name, "one", "one");
    await stage.image(name, "two", "two");
    await stage.set({ repository: name }, { lifecycle: all(), inUse: "warn" });
    await stage.openBetween(async () => {
      const uses = [{ digest: runs, workload: "prod/deployment/web" }];
      await reportUsage(stage.registry, caller, { namespace: "", source: "cluster-1" }, uses, 60_000);
    });
    const row = await stage.run(name);
    expect(row).toMatchObject({ state: "done", expired: 2, deleted: 1, saved: 1 });
    const saved = (await stage.imagesOf(row.id)).find(({ state }) => state === "saved");
    expect(saved).toMatchObject({ digest: runs, note: "prod/deployment/web runs it, as cluster-1 reports" });
  });

  it("an image that is held between plan and delete stays, and so does one that is refused for any other reason", async () => {
    const held = await stage.image(name, "one", "one");
    await stage.image(name, "two", "two");
    const part = await stage.image(name, "part");
    const index = await stage.index(name, [stage.textOf("part")], "three");
    await stage.image(name, "four", "four");
    await stage.set({ repository: name }, { lifecycle: all() });
    await stage.openBetween(async () => {
      await setHold(stage.registry, caller, name, { digest: parseDigest(held), reason: "lawsuit" });
      // A plan that has a child go before its index, as none does.
      const [{ plan }] = (await stage.database.sql(
        `select plan from lifecycle_image where plan like '%"digest":"${index}","tags"%'`,
      )) as [{ plan: string }];
      const planned = JSON.parse(plan) as { seen: unknown[] };
      const wrong = JSON.stringify({ ...planned, seen: planned.seen.toReversed() });
      await stage.database.sql(
        `update lifecycle_image set plan = '${wrong.replaceAll("'", "''")}' where plan = '${plan.replaceAll("'", "''")}'`,
      );
    });
    const row = await stage.run(name);
    expect(row).toMatchObject({ state: "done", expired: 4, deleted: 2, saved: 2 });
    const saved = (await stage.imagesOf(row.id)).filter(({ state }) => state === "saved");
    const notes = new Map(saved.map(({ digest, note }) => [digest, note]));
    expect(notes.get(held)).toMatch(
      /^the manifest sha256:[0-9a-f]{64} may not be deleted: the image, or what it belongs to, is held/,
    );
    expect(notes.get(index)).toBe(`the manifest belongs to the index ${index}: delete that index first`);
    expect(await stage.digests(name)).toEqual([held, part, index].toSorted());
  });

  it("where too many would go the run ends unconfirmed; once confirmed, what was on its list goes and no more", async () => {
    for (const tag of ["a", "b", "c", "d"]) await stage.image(name, tag, tag);
    const rules = [{ name: "old", action: "expire", exceptNewest: { count: 1 } }];
    await stage.set({ repository: name }, { lifecycle: { rules } });
    await stage.open();
    const first = await stage.run(name);
    expect(first).toMatchObject({ state: "unconfirmed", expired: 3, deleted: 0 });
    expect(first.outcome).toBe(
      `3 of 4 images (75 %) would go, and the policy's floor lets 50 % go without confirmation: look at them with berth lifecycle show ${first.id}, and let them go with berth lifecycle run team/app --confirm ${first.id}`,
    );
    expect((await stage.imagesOf(first.id)).map(({ state }) => state)).toEqual(["waiting", "waiting", "waiting"]);
    await stage.image(name, "e", "e");
    const second = await stage.run(name, first.id);
    expect(second).toMatchObject({ state: "unconfirmed", expired: 4, deleted: 0, confirms: first.id });
    expect(second.outcome).toMatch(
      new RegExp(`, and 1 of them were not on the list of run ${first.id} that was confirmed`),
    );
    expect(await stage.run(name, second.id)).toMatchObject({ state: "done", expired: 4, deleted: 4 });
    await expect(stage.start(name, first.id + 100)).rejects.toThrow(
      /is none of team\/app: only one that ended unconfirmed/,
    );
    const done = await stage.run(name);
    expect(done).toMatchObject({ state: "done", expired: 0, kept: 1 });
    await expect(stage.start(name, done.id)).rejects.toThrow(/is done: only one that ended unconfirmed/);
  });

  it("a run that is under way is joined; a policy that is gone ends a run that waited", async () => {
    await stage.image(name, "one", "v1");
    await stage.set({ repository: name }, { lifecycle: all() });
    const run = await stage.start(name);
    expect(await stage.start(name)).toBe(run);
    await stage.unset({ repository: name }, ["lifecycle"]);
    await stage.open();
    expect(await stage.ended(run)).toMatchObject({
      state: "stopped",
      outcome: "no lifecycle policy holds for it any more",
    });
    expect(await stage.digests(name)).toHaveLength(1);
  });

  it("what is known of old runs is removed, of those under way it stays", async () => {
    await stage.image(name, "one", "v1");
    await stage.image(name, "two", "v2");
    await stage.set({ repository: name }, { lifecycle: all() });
    const jobs = await stage.open();
    const { id } = await stage.run(name);
    await jobs.stop();
    const waiting = await stage.start(name);
    const expire = async (keep: number) => {
      while ((await stage.database.metadata.write("expireLifecycleRuns", { keep, limit: 1 })).more);
      return stage.database.sql("select id from lifecycle_run order by id");
    };
    expect(await expire(60_000)).toHaveLength(2);
    expect((await expire(-1)).map((row) => Number(row["id"]))).toEqual([waiting]);
    expect(await stage.imagesOf(id)).toEqual([]);
  });
});
