import { expect, test } from "vitest";
import { openSqliteInProcess } from "../../src/metadata/index.ts";
import { parseReference, parseTag } from "../../src/oci/index.ts";
import {
  deleteBlob,
  deleteManifest,
  deleteTag,
  listReferrers,
  listUndo,
  pullManifest,
  readTagHistory,
  registryWrites,
  setTag,
} from "../../src/registry/index.ts";
import { describeEachDatabase } from "../support/each-database.ts";
import {
  caller,
  check,
  collectAll,
  descriptorOf,
  digestOf,
  imageOf,
  indexOf,
  openRegistry,
  putBlob,
  putManifest,
} from "../support/open-registry.ts";
import { app, codeOf, day, digestOfText, first, latest, long, second, UndoPlace } from "../support/undo-place.ts";

// What was deleted or moved away comes back for as long as its window lasts, and goes for good afterwards.

const v1 = parseTag("v1");

await describeEachDatabase((it, prepare) => {
  let place: UndoPlace;
  prepare(async (rows) => void (place = await UndoPlace.open(rows)));

  it("a tag that was moved goes back, and forth again", async () => {
    await putManifest(place.registry, "team/app", first, "v1");
    await putManifest(place.registry, "team/app", second, "v1");
    await collectAll(place.registry);
    expect(await place.has(first), "held although no tag is at it").toBe("done");
    expect(await place.undoable()).toMatchObject([
      { kind: "tag", target: "v1", digest: digestOfText(first), movedTo: digestOfText(second), by: "anonymous" },
    ]);
    expect(await place.undo()).toMatchObject({ tags: ["v1"], left: [] });
    expect(await place.at()).toBe(digestOfText(first));
    await place.undo();
    expect(await place.at()).toBe(digestOfText(second));
    await place.leave();
    expect(await place.has(first)).toBe("MANIFEST_UNKNOWN");
    expect(await place.hasBlob(long)).toBe("BLOB_UNKNOWN");
  });

  it("a tag that was deleted comes back, with its manifest although another delete took that", async () => {
    await putManifest(place.registry, "team/app", first, "v1");
    await deleteTag(place.registry, caller, app, v1);
    const [entry] = await place.undoable();
    await deleteManifest(place.registry, caller, app, digestOf(Buffer.from(first)));
    await collectAll(place.registry);
    expect(await place.has(first)).toBe("MANIFEST_UNKNOWN");
    await place.undo(entry!.id);
    expect(await place.at()).toBe(digestOfText(first));
    expect(await codeOf(place.undo(entry!.id)), "a second time").toBe("NOT_FOUND");
    await place.leave();
    expect(await place.at()).toBe(digestOfText(first));
  });

  it("what came back by one undo is there for the others that need it, though nothing else holds it", async () => {
    await putManifest(place.registry, "team/app", first, "v1");
    await putManifest(place.registry, "team/app", second, "v1");
    const [move] = await place.undoable();
    const index = indexOf([first]);
    await putManifest(place.registry, "team/app", index, "all");
    await deleteManifest(place.registry, caller, app, digestOf(Buffer.from(index)));
    const [listing] = await place.undoable();
    await deleteManifest(place.registry, caller, app, digestOf(Buffer.from(first)));
    await place.undo();
    await collectAll(place.registry);
    expect(await place.has(first)).toBe("done");
    await place.undo(move!.id);
    expect(await place.at()).toBe(digestOfText(first));
    await putManifest(place.registry, "team/app", second, "v1");
    await place.database.sql("delete from undo where kind = 'tag'");
    await collectAll(place.registry);
    await place.undo(listing!.id);
    expect(await place.has(index)).toBe("done");
    await place.leave();
  });

  it("a manifest comes back byte for byte with its blobs, tags, platform and times, whatever was collected meanwhile", async () => {
    await putManifest(place.registry, "team/app", first, "v1");
    await setTag(place.registry, caller, app, parseTag("v2"), digestOf(Buffer.from(first)), undefined);
    const columns = "digest, media_type, size, kind, content_size, os, labels, annotations, created_at, pulled_at";
    const before = await place.database.sql(`select ${columns} from manifest order by digest`);
    await deleteManifest(place.registry, caller, app, digestOf(Buffer.from(first)));
    await collectAll(place.registry);
    expect(await place.hasBlob(long), "gone from the repository").toBe("BLOB_UNKNOWN");
    expect(await check(place.registry)).toEqual({ numbers: [0, 0, 0, 0], problems: [] });
    expect(await place.undoable()).toMatchObject([
      { kind: "manifest", digest: digestOfText(first), tags: ["v1", "v2"] },
    ]);
    expect(await place.undo()).toMatchObject({ kind: "manifest", tags: ["v1", "v2"], left: [] });
    expect(await place.database.sql(`select ${columns} from manifest order by digest`)).toEqual(before);
    expect(Buffer.from((await pullManifest(place.registry, caller, app, parseReference("v2"))).bytes).toString()).toBe(
      first,
    );
    expect(await place.hasBlob(long)).toBe("done");
    expect(await place.undoable()).toEqual([]);
    await place.leave();
    expect(await place.at("v2")).toBe(digestOfText(first));
    expect(await place.hasBlob(long)).toBe("done");
  });

  it("an index comes back with children that were deleted after it, and with what refers to it", async () => {
    await putManifest(place.registry, "team/app", first);
    await putManifest(place.registry, "team/app", second);
    const index = indexOf([first, second]);
    await putManifest(place.registry, "team/app", index, "v1");
    const signature = imageOf(["layer"], { subject: descriptorOf(index), annotations: { signed: "yes" } });
    await putManifest(place.registry, "team/app", signature);
    await deleteManifest(place.registry, caller, app, digestOf(Buffer.from(index)));
    const [entry] = await place.undoable();
    await collectAll(place.registry);
    expect([await place.has(first), await place.has(second), await place.has(signature)]).toEqual([
      "done",
      "done",
      "done",
    ]);
    await deleteManifest(place.registry, caller, app, digestOf(Buffer.from(first)));
    await deleteManifest(place.registry, caller, app, digestOf(Buffer.from(signature)));
    await collectAll(place.registry);
    await place.undo(entry!.id);
    expect([await place.at(), await place.has(first)]).toEqual([digestOfText(index), "done"]);
    const [told] = await place.database.sql("select payload from event where type = 'undo.applied'");
    expect(JSON.parse(told!["payload"] as string)).toMatchObject({
      ...{ kind: "manifest", digest: digestOfText(index), tags: ["v1"] },
      ...{ also: [digestOfText(first)], alsoCount: 1 },
    });
    await place.undo();
    const { descriptors } = await listReferrers(place.registry, caller, app, {
      subject: digestOf(Buffer.from(index)),
      types: [],
      after: "",
    });
    expect(descriptors.map((text) => (JSON.parse(text) as { digest: string }).digest)).toEqual([
      digestOfText(signature),
    ]);
    await place.leave();
    expect([await place.at(), await place.has(first), await place.has(signature)]).toEqual([
      digestOfText(index),
      "done",
      "done",
    ]);
  });

  it("what only undo held goes when its window ends: manifest, children, referrers, blobs and objects", async () => {
    await putManifest(place.registry, "team/app", first);
    const index = indexOf([first]);
    await putManifest(place.registry, "team/app", index, "v1");
    await putManifest(place.registry, "team/app", imageOf(["layer"], { subject: descriptorOf(index) }));
    await deleteManifest(place.registry, caller, app, digestOf(Buffer.from(index)));
    await collectAll(place.registry);
    expect(await place.count("manifest")).toBe(2);
    await place.leave();
    for (const table of ["manifest", "repository_blob", "blob", "review"]) {
      expect([table, await place.count(table)]).toEqual([table, 0]);
    }
    for await (const entry of place.registry.store.driver.list()) expect(entry.key).toBeUndefined();
  });

  it("what is pushed or tagged again meanwhile is left as it is, and said", async () => {
    await putManifest(place.registry, "team/app", first, "v1");
    await setTag(place.registry, caller, app, parseTag("other"), digestOf(Buffer.from(first)), undefined);
    await deleteManifest(place.registry, caller, app, digestOf(Buffer.from(first)));
    await putManifest(place.registry, "team/app", second, "v1");
    const undone = await place.undo();
    expect(undone).toMatchObject({ tags: ["other"], left: [{ tag: "v1", reason: expect.stringContaining("again") }] });
    expect([await place.at(), await place.at("other")]).toEqual([digestOfText(second), digestOfText(first)]);
    expect(await place.undoable(), "the tag by itself").toMatchObject([{ kind: "tag", target: "v1" }]);
    await place.undo();
    expect(await place.at()).toBe(digestOfText(first));
    await deleteManifest(place.registry, caller, app, digestOf(Buffer.from(second)));
    await putManifest(place.registry, "team/app", second);
    expect(await place.undo(), "it is there already").toMatchObject({ kind: "manifest", tags: [], left: [] });
    await place.leave();
  });

  it("a blob that is taken out of the repository comes back with the manifest", async () => {
    await putManifest(place.registry, "team/app", first, "v1");
    await deleteManifest(place.registry, caller, app, digestOf(Buffer.from(first)));
    await deleteBlob(place.registry, caller, app, digestOf(Buffer.from(long)));
    await collectAll(place.registry);
    await place.undo();
    expect(await place.hasBlob(long)).toBe("done");
    await place.leave();
  });

  it("a history says where a tag was, who ended that, and how to undo it", async () => {
    await putManifest(place.registry, "team/app", first, "v1");
    await putManifest(place.registry, "team/app", second, "v1");
    await deleteTag(place.registry, caller, app, v1);
    await place.undo();
    await deleteManifest(place.registry, caller, app, digestOf(Buffer.from(second)));
    const history = await readTagHistory(place.registry, caller, app, v1);
    expect(history.map(({ digest, ended, by, undo: number }) => [digest, ended, by, number !== null])).toEqual([
      [digestOfText(second), "deleted with its manifest", "anonymous", true],
      [digestOfText(second), "deleted", "anonymous", false],
      [digestOfText(first), "moved", "anonymous", true],
    ]);
    await place.undo(history[0]!.undo!);
    expect((await readTagHistory(place.registry, caller, app, v1))[0]).toMatchObject({
      digest: digestOfText(second),
      ended: null,
    });
    expect(await codeOf(readTagHistory(place.registry, caller, app, parseTag("never")))).toBe("MANIFEST_UNKNOWN");
    await place.leave();
  });

  it("a tag's former places are bounded: the oldest go first", async () => {
    for (const text of [first, second]) await putManifest(place.registry, "team/app", text);
    for (let move = 0; move < 105; move++) {
      await setTag(place.registry, caller, app, v1, digestOf(Buffer.from(move % 2 === 0 ? first : second)), undefined);
    }
    expect(await listUndo(place.registry, caller, app, latest, 1000)).toHaveLength(100);
    await place.leave();
  });

  it("of two who undo the same at once one does", async () => {
    await putManifest(place.registry, "team/app", first, "v1");
    await deleteManifest(place.registry, caller, app, digestOf(Buffer.from(first)));
    const [entry] = await place.undoable();
    const came = await Promise.all([codeOf(place.undo(entry!.id)), codeOf(place.undo(entry!.id))]);
    expect(new Set(came)).toEqual(new Set(["NOT_FOUND", "done"]));
    await place.leave();
  });
});

test("a push of a new tag writes no row of undo, and a moved tag one", async () => {
  const metadata = openSqliteInProcess(":memory:", registryWrites);
  const registry = openRegistry(metadata, undefined, { undoWindow: day });
  await putBlob(registry, "team/app", "layer");
  await putManifest(registry, "team/app", second, "v1");
  expect(await listUndo(registry, caller, app, latest, 10)).toEqual([]);
  await putManifest(registry, "team/app", second, "v1");
  expect(await listUndo(registry, caller, app, latest, 10)).toEqual([]);
  await putManifest(registry, "team/app", imageOf(["layer"], { annotations: { another: "one" } }), "v1");
  expect(await listUndo(registry, caller, app, latest, 10)).toHaveLength(1);
  await metadata.close();
});
