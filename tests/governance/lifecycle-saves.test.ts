import { afterEach, expect } from "vitest";
import type { RepositoryName } from "../../src/oci/index.ts";
import { parseDigest, parseReference, parseRepositoryName, parseTag } from "../../src/oci/index.ts";
import { deleteManifest, notePull, pullManifest, setTag } from "../../src/registry/index.ts";
import { describeEachDatabase } from "../support/each-database.ts";
import { LifecycleStage } from "../support/lifecycle-stage.ts";
import { caller, check, collectAll, descriptorOf, putManifest } from "../support/open-registry.ts";
import { makeNamespace } from "../support/open-rights.ts";

/* What happened since the plan of a lifecycle run saves an image. */

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

  /** That something is pulled, as the server that serves it keeps in mind. */
  const serve = async (name: RepositoryName, reference: string) => {
    const { mark } = await pullManifest(stage.served, caller, name, parseReference(reference));
    notePull(stage.served, { principal: caller.principal, repository: name }, mark);
  };
  const pull = async (name: RepositoryName, reference: string) => {
    await serve(name, reference);
    await stage.writePulls();
  };
  const name = parseRepositoryName("team/app");
  const child = "child";

  it.each<[string, (of: { index: string; childDigest: string }) => Promise<unknown>, RegExp]>([
    ["a pull by tag", () => pull(name, "dev"), /^it was pulled since the plan$/],
    [
      "a pull of a child",
      ({ childDigest }) => pull(name, childDigest),
      /, which goes along, was pulled since the plan$/,
    ],
    [
      "another tag",
      ({ index }) => setTag(stage.registry, caller, name, parseTag("prod"), parseDigest(index), undefined),
      /^it was tagged prod since the plan$/,
    ],
    [
      "a tag of a child",
      ({ childDigest }) => setTag(stage.registry, caller, name, parseTag("arm"), parseDigest(childDigest), undefined),
      /goes along, was tagged arm since the plan$/,
    ],
    [
      "the same push again",
      () => stage.index(name, [stage.textOf(child)], "dev"),
      /^it was pushed again since the plan$/,
    ],
    [
      "a signature",
      () =>
        stage.image(name, "sig", undefined, {
          subject: descriptorOf(stage.textOf(child)),
          artifactType: "application/x.sig",
        }),
      /got something that belongs to it since the plan$/,
    ],
    [
      "a signature by its tag",
      ({ index }) => stage.image(name, "cosign", `${index.replace(":", "-")}.sig`),
      /^it got something that belongs to it since the plan$/,
    ],
    [
      "an index that lists the child, too",
      () => stage.index(name, [stage.textOf(child), stage.textOf("kept")], "other"),
      /goes along, was put into sha256:[0-9a-f]{64} since the plan$/,
    ],
    ["the tag given to another", () => stage.image(name, "next", "dev"), /^it lost the tag dev since the plan$/],
  ])("%s between plan and delete saves an image and what belongs to it; the others go", async (_what, work, why) => {
    const kept = await stage.image(name, "kept", "v1");
    const childDigest = await stage.image(name, child);
    const index = await stage.index(name, [stage.textOf(child)], "dev");
    const old = await stage.image(name, "old", "dev-old");
    await stage.set({ repository: name }, { lifecycle: all({ select: { glob: ["dev*"] } }) });
    await stage.openBetween(() => work({ index, childDigest }));
    const row = await stage.run(name);
    expect(row).toMatchObject({ state: "done", expired: 2, deleted: 1, saved: 1 });
    const images = await stage.imagesOf(row.id);
    expect(images.find(({ digest }) => digest === index)).toMatchObject({
      state: "saved",
      note: expect.stringMatching(why) as string,
    });
    const left = await stage.digests(name);
    expect(left).toEqual(expect.arrayContaining([kept, childDigest, index]));
    expect(left).not.toContain(old);
  });

  it("a pull that this server has not written down yet saves an image, too", async () => {
    await stage.image(name, "old", "dev");
    await stage.set({ repository: name }, { lifecycle: all() });
    await stage.openBetween(() => serve(name, "dev"));
    const row = await stage.run(name);
    expect(row).toMatchObject({ deleted: 0, saved: 1 });
  });

  it("what another deletes meanwhile is gone, and what is pushed again afterwards stays", async () => {
    const one = await stage.image(name, "one", "one");
    const two = await stage.image(name, "two", "two");
    await stage.set({ repository: name }, { lifecycle: all() });
    await stage.openBetween(async () => {
      await deleteManifest(stage.registry, caller, name, parseDigest(one));
      await deleteManifest(stage.registry, caller, name, parseDigest(two));
      await putManifest(stage.registry, name, stage.textOf("two"), "two");
    });
    const row = await stage.run(name);
    expect(row).toMatchObject({ state: "done", expired: 2, deleted: 0, saved: 1 });
    const notes = (await stage.imagesOf(row.id)).map(({ digest, state, note }) => [digest, state, note]);
    expect(notes).toEqual(
      expect.arrayContaining([
        [one, "gone", "it was deleted since the plan"],
        [two, "saved", "it was pushed again since the plan"],
      ]),
    );
    expect(await stage.digests(name)).toEqual([two]);
  });

  it("a child of two indexes stays with the one that was saved", async () => {
    const shared = await stage.image(name, "shared");
    const one = await stage.index(name, [stage.textOf("shared")], "one");
    await stage.image(name, "own");
    const two = await stage.index(name, [stage.textOf("shared"), stage.textOf("own")], "two");
    await stage.set({ repository: name }, { lifecycle: all() });
    const saved = (await stage.preview(name)).images[0]!.digest;
    expect([one, two]).toContain(saved);
    await stage.openBetween(() => pull(name, saved));
    const row = await stage.run(name);
    expect(row).toMatchObject({ deleted: 1, saved: 1 });
    expect(await stage.digests(name)).toEqual(expect.arrayContaining([saved, shared]));
    await collectAll(stage.registry);
    expect(await check(stage.registry)).toEqual({ numbers: [0, 0, 0, 0], problems: [] });
  });
});
