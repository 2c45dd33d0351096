import { beforeEach, afterEach, describe, expect, test } from "vitest";
import { listBlobs, listDueReviews, listManifests } from "../../src/metadata/index.ts";
import { parseReference, parseRepositoryName, parseTag, RegistryError } from "../../src/oci/index.ts";
import type { Digest } from "../../src/oci/index.ts";
import {
  deleteBlob,
  deleteManifest,
  deleteTag,
  findBlob,
  inspectBlob,
  mountBlob,
  pullManifest,
} from "../../src/registry/index.ts";
import type { Actor, World } from "../support/actors.ts";
import {
  caller,
  collectAll,
  collectOnce,
  digestOf,
  imageOf,
  indexOf,
  openRegistry,
  putBlob,
  putManifest,
} from "../support/open-registry.ts";
import { leaveWorld, listWorlds, openActors } from "../support/worlds.ts";

// The specifications of docs/garbage-collection.md, "Races", by name: each with its actors on connections of their own, the
// first held in the middle of its transaction. Everything unused goes in two passes here: no pins, no gaps.

const long = "a layer that is too long to live in its row ".repeat(5);
const a = parseRepositoryName("team/a");
const b = parseRepositoryName("team/b");
const digest = digestOf(Buffer.from(long));
const longPin = 3_600_000;
/** What the configuration asks of a server that is not open to all, in milliseconds. */
const leastOrphanGrace = 3_600_000;

describe.each(await listWorlds())("on $name", { timeout: 240_000 }, ({ open }) => {
  let world: World;
  let pusher: Actor;
  let collector: Actor;
  let other: Actor;

  beforeEach(async () => {
    world = await open();
    [pusher, collector, other] = await openActors(world);
  });

  afterEach(() => leaveWorld(world, other));

  const pass = () => collectOnce(collector.registry);
  const pull = async (reference: string) => pullManifest(other.registry, caller, a, parseReference(reference));
  const there = (repository: typeof a, which: Digest = digest) => findBlob(other.registry, caller, repository, which);
  const refused = (result: PromiseSettledResult<unknown>) =>
    result.status === "rejected" && result.reason instanceof RegistryError ? result.reason.code : result.status;

  test("gc-put-1: a manifest that has locked its blobs keeps them from a collection that comes then", async () => {
    await putBlob(pusher.registry, "team/a", long);
    await pass();
    const push = {
      by: pusher,
      at: "insertManifest",
      run: () => putManifest(pusher.registry, "team/a", imageOf([long]), "1"),
    };
    const [pushed] = await world.race(push, pass);
    expect(pushed.status).toBe("fulfilled");
    await collectAll(collector.registry);
    expect((await there(a)).size).toBe(long.length);
  });

  test("second-statement: what is committed before the lock is had is seen by the look, without help from foreign keys", async () => {
    await putBlob(pusher.registry, "team/a", long);
    await pass();
    const before = collector.ran("claimReviews");
    const collect = { by: collector, at: "claimLink", run: pass };
    const [collected] = await world.race(collect, () => putManifest(pusher.registry, "team/a", imageOf([long]), "1"));
    if (collected.status === "rejected") throw collected.reason;
    if (world.kind === "sqlite") return;
    expect(collected.value.removed.link).toBe(0);
    // One batch of each kind: none of them was refused by the database and run again.
    expect(collector.ran("claimReviews")! - before!).toBe(3);
    expect((await there(a)).size).toBe(long.length);
  });

  test("gc-put-2: a manifest that comes while its blob is being removed waits, then is told that the blob is unknown", async () => {
    await putBlob(pusher.registry, "team/a", long);
    await pass();
    const collect = { by: collector, at: "insertReview", run: pass };
    const [, pushed] = await world.race(collect, () => putManifest(pusher.registry, "team/a", imageOf([long]), "1"));
    expect(refused(pushed)).toBe("MANIFEST_BLOB_UNKNOWN");
  });

  test("gc-head: a HEAD that said yes holds the blob", async () => {
    const pinning = await world.actor({ pin: longPin });
    await putBlob(pusher.registry, "team/a", long);
    await pass();
    const head = { by: pinning, at: "pinLink", run: () => inspectBlob(pinning.registry, caller, a, digest) };
    expect(refused((await world.race(head, pass))[0])).toBe("fulfilled");
    await collectAll(collector.registry);
    expect((await there(a)).size).toBe(long.length);
    await putManifest(pusher.registry, "team/a", imageOf([long]), "1");
  });

  test("gc-head-2: a HEAD that comes while the blob is being removed says no, and a new upload gets a new key", async () => {
    await putBlob(pusher.registry, "team/a", long);
    const { key } = await there(a);
    await pass();
    const collect = { by: collector, at: "insertDeadObject", run: () => collectAll(collector.registry) };
    const [, head] = await world.race(collect, () => inspectBlob(pusher.registry, caller, a, digest));
    expect(refused(head)).toBe("BLOB_UNKNOWN");
    await putBlob(pusher.registry, "team/a", long);
    expect((await there(a)).key).not.toBe(key);
  });

  test("gc-reupload: an upload of a digest whose object waits for the reaper is not touched by it", async () => {
    const slow = await world.actor({ objectGrace: 3_600_000 });
    await putBlob(pusher.registry, "team/a", long);
    const { key: old } = await there(a);
    await collectAll(slow.registry);
    expect(await world.driver.findSize(old!)).toBe(long.length);
    const pinning = await world.actor({ pin: longPin });
    await putBlob(pinning.registry, "team/a", long);
    const { key } = await there(a);
    await world.driver.remove([old!]);
    await collectAll(collector.registry);
    expect(await world.driver.findSize(key!)).toBe(long.length);
  });

  test("gc-reupload: an upload that comes while the row is being removed becomes a row of its own", async () => {
    const pinning = await world.actor({ pin: longPin });
    // Without it the passes that follow can take the upload's object for an orphan before its row is committed.
    const patient = await world.actor({ orphanGrace: leastOrphanGrace });
    await putBlob(pusher.registry, "team/a", long);
    await pass();
    const collect = { by: patient, at: "insertDeadObject", run: () => collectAll(patient.registry) };
    const [, pushed] = await world.race(collect, () => putBlob(pinning.registry, "team/a", long));
    expect(pushed.status).toBe("fulfilled");
    await collectAll(patient.registry);
    const { key } = await there(a);
    expect(await world.driver.findSize(key!)).toBe(long.length);
  });

  test("orphan-pushed: an object whose row is not committed yet is no orphan for as long as the least grace of a server", async () => {
    const pinning = await world.actor({ pin: longPin });
    const patient = await world.actor({ orphanGrace: leastOrphanGrace });
    const push = { by: pinning, at: "insertReview", run: () => putBlob(pinning.registry, "team/a", long) };
    const [pushed] = await world.race(push, () => collectAll(patient.registry));
    expect(pushed.status).toBe("fulfilled");
    const { key } = await there(a);
    expect(await world.driver.findSize(key!)).toBe(long.length);
  });

  test("link-again: a push that meets its link while that is being removed links again", async () => {
    const pinning = await world.actor({ pin: longPin });
    await putBlob(pusher.registry, "team/b", long);
    await putManifest(pusher.registry, "team/b", imageOf([long]), "1");
    await putBlob(pusher.registry, "team/a", long);
    await pass();
    const collect = { by: collector, at: "deleteLink", run: pass };
    const [, mounted] = await world.race(collect, () => mountBlob(pinning.registry, caller, a, digest, b));
    expect(mounted).toEqual({ status: "fulfilled", value: true });
    await collectAll(collector.registry);
    expect((await there(a)).size).toBe(long.length);
  });

  test("mount-delete: a mount that has its source keeps it until the target is linked", async () => {
    const pinning = await world.actor({ pin: longPin });
    await putBlob(pusher.registry, "team/a", long);
    const mount = { by: pinning, at: "insertLink", run: () => mountBlob(pinning.registry, caller, b, digest, a) };
    const [mounted] = await world.race(mount, () => deleteBlob(other.registry, caller, a, digest));
    expect(mounted).toEqual({ status: "fulfilled", value: true });
    await collectAll(collector.registry);
    expect((await there(b)).size).toBe(long.length);
  });

  test("mount-delete: a mount whose source is being deleted finds nothing to take", async () => {
    await putBlob(pusher.registry, "team/a", long);
    const remove = { by: other, at: "insertReview", run: () => deleteBlob(other.registry, caller, a, digest) };
    const [, mounted] = await world.race(remove, () => mountBlob(pusher.registry, caller, b, digest, a));
    expect(mounted).toEqual({ status: "fulfilled", value: false });
  });

  test("retag-gc: a manifest that gets its tag back while it is reviewed stays", async () => {
    const [one, two] = [imageOf([long]), imageOf([long], { annotations: { which: "two" } })];
    await putBlob(pusher.registry, "team/a", long);
    await putManifest(pusher.registry, "team/a", one, "t");
    await putManifest(pusher.registry, "team/a", two, "t");
    await pass();
    const back = { by: pusher, at: "moveTag", run: () => putManifest(pusher.registry, "team/a", one, "t") };
    expect((await world.race(back, pass))[0].status).toBe("fulfilled");
    await collectAll(collector.registry);
    const found = await pull("t");
    expect(Buffer.from(found.bytes).toString()).toBe(one);
  });

  test("retag-gc: a tag put on a manifest that is just being removed brings it anew", async () => {
    const [one, two] = [imageOf([long]), imageOf([long], { annotations: { which: "two" } })];
    await putBlob(pusher.registry, "team/a", long);
    await putManifest(pusher.registry, "team/a", one, "t");
    await putManifest(pusher.registry, "team/a", two, "t");
    await pass();
    const collect = { by: collector, at: "insertAudit", run: pass };
    const [, pushed] = await world.race(collect, () => putManifest(pusher.registry, "team/a", one, "t"));
    expect(pushed.status).toBe("fulfilled");
    await collectAll(collector.registry);
    const found = await pull("t");
    expect(Buffer.from(found.bytes).toString()).toBe(one);
  });

  test("index-child: an index that has locked its children keeps them", async () => {
    const child = imageOf([long]);
    await putBlob(pusher.registry, "team/a", long);
    await putManifest(pusher.registry, "team/a", child);
    await pass();
    const run = () => putManifest(pusher.registry, "team/a", indexOf([child]), "all");
    const [pushed] = await world.race({ by: pusher, at: "insertManifest", run }, pass);
    expect(pushed.status).toBe("fulfilled");
    await collectAll(collector.registry);
    const found = await pull(digestOf(Buffer.from(child)));
    expect(Buffer.from(found.bytes).toString()).toBe(child);
  });

  test("index-child: an index whose child is being removed is told that it is unknown", async () => {
    const child = imageOf([long]);
    await putBlob(pusher.registry, "team/a", long);
    await putManifest(pusher.registry, "team/a", child);
    await pass();
    const collect = { by: collector, at: "insertAudit", run: pass };
    const [, pushed] = await world.race(collect, () => putManifest(pusher.registry, "team/a", indexOf([child]), "all"));
    expect(refused(pushed)).toBe("MANIFEST_BLOB_UNKNOWN");
  });

  test("two-uploaders: two that finish one digest at once both succeed; one object lives, the other is dead", async () => {
    const pinning = await world.actor({ pin: longPin });
    const first = { by: pinning, at: "insertLink", run: () => putBlob(pinning.registry, "team/a", long) };
    const [one, two] = await world.race(first, () => putBlob(other.registry, "team/b", long));
    expect([one.status, two.status]).toEqual(["fulfilled", "fulfilled"]);
    await collectAll(collector.registry);
    const { key } = await there(a);
    const keys = [];
    for await (const entry of world.driver.list()) keys.push(entry.key);
    expect(keys).toEqual([key]);
  });

  test("lost-review: a tag that goes while its manifest is found used is not forgotten", async () => {
    const image = imageOf([long]);
    await putBlob(pusher.registry, "team/a", long);
    await putManifest(pusher.registry, "team/a", image, "1");
    await putManifest(pusher.registry, "team/a", image, "2");
    await deleteTag(pusher.registry, caller, a, parseTag("2"));
    // Held once it has looked and found the tag, before it removes the reviews that it listed.
    const collect = { by: collector, at: "deleteReviews", run: pass };
    await world.race(collect, () => deleteTag(pusher.registry, caller, a, parseTag("1")));
    await collectAll(collector.registry);
    await expect(pull(digestOf(Buffer.from(image)))).rejects.toThrow();
  });

  test("lost-review: a review that was begun before the look, and commits after it, stays", async () => {
    const image = imageOf([long]);
    await putBlob(pusher.registry, "team/a", long);
    await putManifest(pusher.registry, "team/a", image, "1");
    await putManifest(pusher.registry, "team/a", image, "2");
    // The deletion takes the lower id and commits last.
    const removal = { by: pusher, at: "insertAudit", run: () => deleteTag(pusher.registry, caller, a, parseTag("1")) };
    await world.race(removal, async () => {
      await deleteTag(other.registry, caller, a, parseTag("2"));
      const now = Date.now() + 60_000;
      const page = { kind: "manifest", now, afterTime: 0, afterId: 0, limit: 10 };
      expect((await other.registry.metadata.read.all(listDueReviews, page)).length).toBeGreaterThan(0);
      await pass();
    });
    await collectAll(collector.registry);
    await expect(pull(digestOf(Buffer.from(image)))).rejects.toThrow();
  });

  test.each(["collected", "deleted"])(
    "whatever an index held goes when it is %s: children, referrers, blobs, objects",
    async (how) => {
      const child = imageOf([long]);
      const index = indexOf([child]);
      const referrer = imageOf([long], { subject: descriptorOfText(child) });
      await putBlob(pusher.registry, "team/a", long);
      await putManifest(pusher.registry, "team/a", child);
      await putManifest(pusher.registry, "team/a", index, "all");
      await putManifest(pusher.registry, "team/a", referrer);
      // The reviews of the pushes find everything held, and are done with.
      await collectAll(collector.registry);
      const { read } = other.registry.metadata;
      expect((await read.all(listManifests, { after: 0, limit: 10 })).length).toBe(3);
      if (how === "collected") await deleteTag(pusher.registry, caller, a, parseTag("all"));
      else await deleteManifest(pusher.registry, caller, a, digestOf(Buffer.from(index)));
      await collectAll(collector.registry);
      expect(await read.all(listManifests, { after: 0, limit: 10 })).toEqual([]);
      expect(await read.all(listBlobs, { after: 0, limit: 10 })).toEqual([]);
      expect(await Array.fromAsync(world.driver.list())).toEqual([]);
    },
  );

  test("referrer: one that comes while its subject is being deleted is reviewed for it", async () => {
    const subject = imageOf([long]);
    const referrer = imageOf([long], { subject: JSON.parse(JSON.stringify(descriptorOfText(subject))) as object });
    const keeping = await world.actor({ untagged: "keep" });
    await putBlob(pusher.registry, "team/a", long);
    await putManifest(pusher.registry, "team/a", subject, "1");
    const push = { by: pusher, at: "insertReferrer", run: () => putManifest(pusher.registry, "team/a", referrer) };
    const remove = () => deleteManifest(other.registry, caller, a, digestOf(Buffer.from(subject)));
    const results = await world.race(push, remove);
    expect(results.map((result) => result.status)).toEqual(["fulfilled", "fulfilled"]);
    await collectAll(keeping.registry);
    await expect(pull(digestOf(Buffer.from(referrer)))).rejects.toThrow();
  });

  test("restore-epoch: an older database is not let loose on a newer store", async () => {
    await putBlob(pusher.registry, "team/a", long);
    const older = openRegistry(pusher.registry.metadata, world.driver);
    const mark = { epoch: "e1", turn: 1_000_000 };
    const kept = await world.driver.findMark();
    await world.driver.putMark(JSON.stringify(mark));
    expect((await collectOnce(older)).off).toContain("restored from a backup");
    await world.driver.putMark(JSON.stringify({ epoch: "another", turn: 0 }));
    expect((await collectOnce(older)).off).toContain("another database");
    expect((await there(a)).size).toBe(long.length);
    await world.driver.putMark(kept ?? JSON.stringify({ epoch: "e1", turn: 0 }));
  });
});

function descriptorOfText(text: string): object {
  const bytes = Buffer.from(text);
  return { mediaType: "application/vnd.oci.image.manifest.v1+json", digest: digestOf(bytes), size: bytes.length };
}
