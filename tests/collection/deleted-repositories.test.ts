import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findRepository, listTombstones } from "../../src/metadata/index.ts";
import { parseReference, parseRepositoryName, parseTag, RegistryError } from "../../src/oci/index.ts";
import {
  appendUpload,
  collectGarbage,
  createRepository,
  deleteRepository,
  deleteTag,
  describeRepositories,
  findBlob,
  inspectRepository,
  listRepositories,
  listTags,
  mountBlob,
  pullManifest,
  renameRepository,
  startUpload,
  updateRepository,
} from "../../src/registry/index.ts";
import type { Actor, World } from "../support/actors.ts";
import {
  caller,
  check,
  collectAll,
  collectOnce,
  descriptorOf,
  digestOf,
  imageOf,
  indexOf,
  putBlob,
  putManifest,
} from "../support/open-registry.ts";
import { leaveWorld, listWorlds, openActors } from "../support/worlds.ts";

// A deleted repository is gone at once and emptied in the background; one of the same name is another.

const long = "a layer that is too long to live in its row ".repeat(5);
const a = parseRepositoryName("team/a");
const b = parseRepositoryName("team/b");
const digest = digestOf(Buffer.from(long));

describe.each(await listWorlds())("on $name", { timeout: 240_000 }, ({ open }) => {
  let world: World;
  let first: Actor;
  let second: Actor;
  let other: Actor;

  beforeEach(async () => {
    world = await open();
    [first, second, other] = await openActors(world);
  });

  afterEach(() => leaveWorld(world, other));

  const pull = async (name: typeof a, reference: string) =>
    pullManifest(other.registry, caller, name, parseReference(reference));
  const remove = (by = first, name = a) => deleteRepository(by.registry, caller, name, undefined);
  const codeOf = (work: Promise<unknown>) =>
    work.then(
      () => "done",
      (error: unknown) => (error instanceof RegistryError ? error.code : String(error)),
    );
  const outcome = (result: PromiseSettledResult<unknown>) =>
    result.status === "rejected" && result.reason instanceof RegistryError ? result.reason.code : result.status;

  /** Layers, an index of an index, a referrer, tags and an upload. */
  async function fill(name: typeof a): Promise<void> {
    await putBlob(first.registry, name, long);
    const [one, two] = [imageOf([long]), imageOf([long, long])];
    for (const text of [one, two]) await putManifest(first.registry, name, text);
    const inner = indexOf([one, two]);
    await putManifest(first.registry, name, inner, "inner");
    await putManifest(first.registry, name, indexOf([inner, one]), "outer");
    await putManifest(first.registry, name, imageOf([long], { subject: descriptorOf(one) }));
    const id = await startUpload(first.registry, caller, name, "sha256");
    const bytes = Buffer.from(long);
    await appendUpload(first.registry, caller, name, id, undefined, async (take) => void (await take(bytes)));
  }

  test("a deleted repository is unknown at once, in every list and look-up, and its name is free", async () => {
    await fill(a);
    await remove();
    const tags = async () => listTags(other.registry, caller, a, "", 10);
    expect(await codeOf(pull(a, "outer"))).toBe("NAME_UNKNOWN");
    expect(await codeOf(findBlob(other.registry, caller, a, digest))).toBe("BLOB_UNKNOWN");
    expect(await codeOf(tags())).toBe("NAME_UNKNOWN");
    expect(await codeOf(inspectRepository(other.registry, caller, a))).toBe("NAME_UNKNOWN");
    expect(await codeOf(remove())).toBe("NAME_UNKNOWN");
    expect((await listRepositories(other.registry, caller, "", 10)).items).toEqual([]);
    expect(await describeRepositories(other.registry, caller, "", 10)).toEqual([]);
    await createRepository(first.registry, caller, a, "inherit");
    expect((await inspectRepository(other.registry, caller, a)).manifests).toBe(0);
    expect((await listRepositories(other.registry, caller, "", 10)).items).toEqual([a]);
  });

  test("what a deleted repository held goes in the background; what others have too stays", async () => {
    await fill(a);
    await putBlob(first.registry, "team/b", long);
    await putManifest(first.registry, "team/b", imageOf([long]), "1");
    await remove();
    const { repositories, uploads } = await collectOnce(first.registry);
    expect([repositories, uploads]).toEqual([1, 1]);
    await collectAll(first.registry);
    await pull(b, "1");
    await findBlob(other.registry, caller, b, digest);
    await remove(first, b);
    await collectAll(first.registry);
    // One empty row stays, so that its id is never given to another.
    const left = await first.registry.metadata.read.all(listTombstones, {
      afterTime: -1,
      afterId: 0,
      now: 0,
      limit: 10,
    });
    expect(left).toHaveLength(1);
    expect(await Array.fromAsync(world.driver.list(), (entries) => entries)).toEqual([]);
  });

  test("a killed emptying goes on where it stopped", async () => {
    for (let index = 0; index < 300; index++) {
      const content = `${long}${index}`;
      await putBlob(first.registry, "team/a", content);
      await putManifest(first.registry, "team/a", imageOf([content]), `v${index}`);
    }
    await remove();
    for (let pass = 0; pass < 40; pass++) {
      // Each pass ends after one batch.
      const stopping = new AbortController();
      const { metadata } = first.registry;
      const write: typeof metadata.write = async (name, input) => {
        const result = await metadata.write(name, input);
        if (name === "emptyRepository") stopping.abort();
        return result;
      };
      const stopped = { ...first.registry, metadata: { ...metadata, write } };
      const options = { clock: undefined, checkMark: true, sweepEvery: 0, signal: stopping.signal };
      await collectGarbage(stopped, options);
      expect((await check(other.registry)).numbers).toEqual([0, 0, 0, 0]);
      if (!stopping.signal.aborted) break;
    }
    expect(await codeOf(pull(a, "v1"))).toBe("NAME_UNKNOWN");
  });

  test("a push that is under way when its repository is deleted comes before, or finds none (threat 32)", async () => {
    await putBlob(first.registry, "team/a", long);
    const push = {
      by: first,
      at: "insertManifest",
      run: () => putManifest(first.registry, "team/a", imageOf([long]), "1"),
    };
    const [pushed, removed] = await world.race(push, () => remove(second));
    expect([outcome(pushed), outcome(removed)]).toEqual(["fulfilled", "fulfilled"]);
    expect(await codeOf(pull(a, "1"))).toBe("NAME_UNKNOWN");
    await collectAll(other.registry);
    const left = await other.registry.metadata.read.all(listTombstones, {
      afterTime: -1,
      afterId: 0,
      now: 0,
      limit: 10,
    });
    expect(left.length).toBeLessThanOrEqual(1);
  });

  test("a deletion that is under way when a push comes is before it: the push makes a repository of its own", async () => {
    await putBlob(first.registry, "team/a", long);
    const before = await first.registry.metadata.read.first(findRepository, { name: a });
    const deletion = { by: first, at: "deleteGrantsOnRepository", run: () => remove(first) };
    const [removed, pushed] = await world.race(deletion, () => putBlob(second.registry, "team/a", long));
    expect([outcome(removed), outcome(pushed)]).toEqual(["fulfilled", "fulfilled"]);
    const after = await first.registry.metadata.read.first(findRepository, { name: a });
    expect(after?.id).not.toBe(before?.id);
    await findBlob(other.registry, caller, a, digest);
  });

  test("two nodes empty one repository, each what the other is not at", async () => {
    await fill(a);
    await remove();
    await Promise.all([first, second, other].map((actor) => collectOnce(actor.registry)));
  });

  test("a mount does not take from a deleted repository, neither by its name nor by any other (threat 32)", async () => {
    await fill(a);
    await remove();
    for (const from of [undefined, a]) expect(await mountBlob(first.registry, caller, b, digest, from)).toBe(false);
    await createRepository(first.registry, caller, a, "inherit");
    for (const from of [undefined, a]) expect(await mountBlob(first.registry, caller, b, digest, from)).toBe(false);
  });

  test("an upload of a deleted repository is unknown in the next one of its name (threat 32)", async () => {
    const bytes = Buffer.from(long);
    const id = await startUpload(first.registry, caller, a, "sha256");
    const append = () =>
      appendUpload(first.registry, caller, a, id, undefined, async (take) => void (await take(bytes)));
    await append();
    await remove();
    expect(await codeOf(append())).toBe("BLOB_UPLOAD_UNKNOWN");
    await createRepository(first.registry, caller, a, "inherit");
    expect(await codeOf(append())).toBe("BLOB_UPLOAD_UNKNOWN");
    await collectAll(first.registry);
  });

  test("a renamed repository keeps its id, tags and digests; its old name is unknown and free", async () => {
    await fill(a);
    const before = await first.registry.metadata.read.first(findRepository, { name: a });
    const moved = parseRepositoryName("other/deep/moved");
    await renameRepository(first.registry, caller, a, moved, undefined);
    expect((await first.registry.metadata.read.first(findRepository, { name: moved }))?.id).toBe(before?.id);
    expect((await listTags(other.registry, caller, moved, "", 10)).items).toEqual(["inner", "outer"]);
    await pull(moved, "outer");
    expect(await codeOf(pull(a, "outer"))).toBe("NAME_UNKNOWN");
    await deleteTag(first.registry, caller, moved, parseTag("outer"));
    await putBlob(first.registry, "team/a", long);
    expect((await inspectRepository(other.registry, caller, a)).blobs).toBe(1);
  });

  test("a repository is not renamed to a name that is taken, and its uploads do not follow it", async () => {
    const bytes = Buffer.from(long);
    const id = await startUpload(first.registry, caller, a, "sha256");
    const append = (name: typeof a) =>
      appendUpload(first.registry, caller, name, id, undefined, async (take) => void (await take(bytes)));
    await append(a);
    await putBlob(first.registry, "team/b", long);
    expect(await codeOf(renameRepository(first.registry, caller, a, b, undefined))).toBe("CONFLICT");
    expect(await codeOf(renameRepository(first.registry, caller, a, a, undefined))).toBe("CONFLICT");
    const free = parseRepositoryName("team/free");
    await renameRepository(first.registry, caller, a, free, undefined);
    expect([await codeOf(append(a)), await codeOf(append(free))]).toEqual([
      "BLOB_UPLOAD_UNKNOWN",
      "BLOB_UPLOAD_UNKNOWN",
    ]);
  });

  test("a repository that was changed since it was seen is neither updated, renamed nor deleted", async () => {
    await createRepository(first.registry, caller, a, "private");
    const { version } = await inspectRepository(first.registry, caller, a);
    await updateRepository(first.registry, caller, a, "public", [version]);
    const seen = await inspectRepository(other.registry, caller, a);
    expect(seen).toMatchObject({ visibility: "public", public: true });
    const late = [
      updateRepository(second.registry, caller, a, "inherit", [version]),
      renameRepository(second.registry, caller, a, b, [version]),
      deleteRepository(second.registry, caller, a, [version]),
    ];
    expect(await Promise.all(late.map(codeOf))).toEqual(Array(3).fill("VERSION_CHANGED"));
    await deleteRepository(second.registry, caller, a, ["another", seen.version]);
  });

  test("of a rename and a push that make one name at once, one makes it", async () => {
    await putBlob(first.registry, "team/a", long);
    const rename = {
      by: first,
      at: "updateRepository",
      run: () => renameRepository(first.registry, caller, a, b, undefined),
    };
    const [renamed, pushed] = await world.race(rename, () => putBlob(second.registry, "team/b", "other"));
    expect([outcome(renamed), outcome(pushed)]).toEqual(["fulfilled", "fulfilled"]);
    expect((await inspectRepository(other.registry, caller, b)).blobs).toBe(2);
    const push = { by: second, at: "insertLink", run: () => putBlob(second.registry, "team/c", "other") };
    const c = parseRepositoryName("team/c");
    const [made, late] = await world.race(push, () => renameRepository(first.registry, caller, b, c, undefined));
    expect([outcome(made), outcome(late)]).toEqual(["fulfilled", "CONFLICT"]);
  });
});
