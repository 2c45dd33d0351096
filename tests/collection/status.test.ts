import { expect } from "vitest";
import {
  collectInBackground,
  changeSettings,
  collectGarbage,
  deleteManifest,
  deleteRepository,
  explainCollection,
  inspectCollection,
  inspectQuotas,
  measureStorage,
  pauseCollection,
  resumeCollection,
  setHold,
  standardPause,
  weighPending,
} from "../../src/registry/index.ts";
import type { Explained, Registry, StorageFigures } from "../../src/registry/index.ts";
import { findStoredPause } from "../../src/registry/writes/collection-pause.ts";
import { describeEachDatabase } from "../support/each-database.ts";
import { makeNamespace } from "../support/open-rights.ts";
import {
  caller,
  collectAll,
  collectOnce,
  digestOf,
  imageOf,
  indexOf,
  openRegistry,
  permit,
  putBlob,
  putManifest,
  windowOf,
} from "../support/open-registry.ts";
import { app, day, digestOfText, first, long, second, UndoPlace } from "../support/undo-place.ts";

// What collection tells of itself: figures, pauses, rates, reasons.

const measure = (registry: Registry) => measureStorage(registry, { signal: new AbortController().signal, share: 1 });
const { by } = permit;
/** Bytes of all states together. */
const sumOf = ({ live, undo, pinned, held, reclaimable }: StorageFigures) =>
  [live, undo, pinned, held, reclaimable].reduce((sum, { bytes }) => sum + bytes, 0);
const other = "another layer that is too long to live in its row ".repeat(5);

await describeEachDatabase((it, prepare) => {
  let place: UndoPlace;
  prepare(async (rows) => void (place = await UndoPlace.open(rows)));
  const number = async (sql: string) => Number(Object.values((await place.database.sql(sql))[0]!)[0]);

  it("each blob and manifest is counted once, by what keeps it", async () => {
    const { registry } = place;
    await putManifest(registry, app, first, "v1");
    await putManifest(registry, app, second, "v2");
    const before = await measure(registry);
    expect(before).toMatchObject({ live: { manifests: 2, blobs: 2 }, undo: { manifests: 0, blobs: 0, from: null } });
    await deleteManifest(registry, caller, app, digestOf(Buffer.from(first)));
    const { live, undo, asOf, dead } = await measure(registry);
    // The second image needs its other layer still.
    expect([live.manifests, live.blobs, undo.manifests, undo.blobs]).toEqual([1, 1, 1, 1]);
    expect(undo.bytes).toBe(long.length + first.length);
    expect(undo.from! - asOf).toBeGreaterThan(7 * day - 60_000);
    expect(undo.days.map(({ bytes }) => bytes)).toEqual([undo.bytes]);
    expect(undo.days[0]!.until! - undo.until!).toBeLessThan(day);
    expect(undo.days[0]!.until!).toBeGreaterThan(undo.until!);
    expect(dead.objects).toBe(0);

    // Nothing names it: pinned, then held, then reclaimable, then a dead object, then gone.
    const pinning = openRegistry(place.database.metadata, registry.store.driver, { pin: day, objectGrace: day });
    await putBlob(pinning, app, other);
    const pinned = await measure(registry);
    expect(pinned.pinned).toMatchObject({ blobs: 1, bytes: other.length });
    expect(pinned.pinned.until! - pinned.asOf).toBeLessThanOrEqual(day);
    await place.database.sql("update blob set pin_until = 1");
    await place.database.sql("update repository_blob set pin_until = 1");
    const { hold } = await setHold(registry, caller, app, { digest: undefined, reason: "case 12" });
    expect((await measure(registry)).held).toMatchObject({ blobs: 1, bytes: other.length });
    await place.database.sql(`delete from hold where id = ${hold.id}`);
    const last = await measure(registry);
    expect(last.reclaimable).toMatchObject({ blobs: 1, manifests: 0, bytes: other.length });
    const all = await number("select (select sum(size) from blob) + (select sum(size) from manifest) as bytes");
    expect(sumOf(last)).toBe(all + first.length);
    await place.database.sql("update review set review_after = 1");
    for (let pass = 0; pass < 4; pass++) await collectOnce(pinning);
    const gone = await measure(registry);
    expect(gone.reclaimable.blobs).toBe(0);
    expect(gone.dead).toMatchObject({ objects: 1, bytes: other.length, unknown: 0, due: 0 });
    await place.database.sql("update dead_object set not_before = 1");
    expect((await measure(registry)).dead.due).toBe(1);
    expect(await collectOnce(registry)).toMatchObject({ objects: 1, bytes: other.length });
    expect((await measure(registry)).dead.objects).toBe(0);
    await place.leave();
  });

  it("what a deleted repository holds is pending until it cannot be brought back, then reclaimable", async () => {
    const { registry, database } = place;
    await makeNamespace(database.metadata, "team");
    const quota = { set: { quotaStorage: 1_048_576 }, unset: [], enforce: [], relax: [] };
    await changeSettings(registry, caller, { namespace: "team" }, quota, undefined);
    await putManifest(registry, app, first, "v1");
    await putBlob(registry, "else/where", "layer");
    await putManifest(registry, "else/where", second, "v1");
    const before = await measure(registry);
    expect(before.live).toMatchObject({ manifests: 2, blobs: 2 });
    await deleteRepository(registry, caller, app, undefined);
    const { live, undo, reclaimable, pendingIn, asOf } = await measure(registry);
    // The other repository needs one layer still.
    const bytes = first.length + long.length;
    expect([live.manifests, live.blobs, live.bytes]).toEqual([1, 1, second.length + "layer".length]);
    expect([undo.manifests, undo.blobs, undo.bytes, reclaimable.bytes]).toEqual([1, 1, bytes, 0]);
    expect(undo.until! - asOf).toBeGreaterThan(7 * day - 60_000);
    expect(pendingIn).toMatchObject([{ bytes, until: undo.until }]);
    await database.sql("update undo set until_at = 1");
    const after = await measure(registry);
    expect(after).toMatchObject({ undo: { bytes: 0, until: null }, reclaimable: { manifests: 1, blobs: 1, bytes } });
    await collectAll(registry);
    expect(await measure(registry)).toMatchObject({ live, reclaimable: { bytes: 0 } });
  });

  it("deletes say which bytes they keep until when, and quotas of their namespaces do", async () => {
    const { registry, database } = place;
    await makeNamespace(database.metadata, "team");
    const quota = { set: { quotaStorage: 1_048_576 }, unset: [], enforce: [], relax: [] };
    await changeSettings(registry, caller, { namespace: "team" }, quota, undefined);
    await putManifest(registry, app, first, "v1");
    await putManifest(registry, app, second, "v2");
    const { undo } = await deleteManifest(registry, caller, app, digestOf(Buffer.from(first)));
    const bytes = first.length + long.length;
    const pending = await weighPending(registry, undo);
    expect(pending).toMatchObject({ undo, bytes });
    const figures = await measure(registry);
    expect(pending!.until).toBe(figures.undo.until);
    expect(figures.pendingIn).toMatchObject([{ bytes, until: pending!.until }]);
    await database.metadata.write("keepCollectionFigures", { figures: JSON.stringify(figures) });
    await collectAll(registry);
    expect(await inspectQuotas(registry, caller, "team")).toMatchObject([
      { quota: "quotaStorage", used: second.length + "layer".length, pending: { bytes, until: pending!.until } },
      { quota: "quotaPending" },
    ]);
    const final = { ...registry, settings: { ...registry.settings, undoWindow: windowOf(0) } };
    const gone = await deleteManifest(final, caller, app, digestOf(Buffer.from(second)));
    expect([gone.undo, await weighPending(registry, gone.undo)]).toEqual([null, undefined]);
    await place.leave();
  });

  it("a pause stops a pass, ends by itself, and leaves its rows of audit", async () => {
    const { registry } = place;
    await putManifest(registry, app, first, "v1");
    await pauseCollection(registry, by, 3_600_000, "the disk moves");
    const paused = await collectOnce(registry);
    expect(paused.off).toMatch(/^anonymous paused it until \S+Z \(the disk moves\)$/);
    expect(paused.wished).toBe(true);
    expect(await inspectCollection(registry)).toMatchObject({
      state: "paused",
      pause: { by: "anonymous", reason: "the disk moves" },
    });
    const { pause } = await inspectCollection(registry);
    // What is said again changes the end, not since when.
    await pauseCollection(registry, by, 7_200_000, null);
    const again = (await inspectCollection(registry)).pause!;
    expect([again.since, again.reason]).toEqual([pause!.since, null]);
    expect(again.until - pause!.until).toBeGreaterThanOrEqual(3_600_000);
    await pauseCollection(registry, by, 5, null);
    await expect.poll(async () => (await inspectCollection(registry)).state).toBe("waiting");
    expect(await findStoredPause(place.database.metadata.read, pause!.since), "its row is there still").toBeDefined();
    expect((await collectOnce(registry)).off).toBeUndefined();
    await resumeCollection(registry, by);
    await pauseCollection(registry, by, standardPause, "twice");
    await resumeCollection(registry, by);
    const audit = await place.database.sql(
      "select action, target, principal from audit where action like '%collection' order by id",
    );
    expect(audit.map((row) => `${String(row["action"])} ${String(row["target"])} ${String(row["principal"])}`)).toEqual(
      [
        "pause-collection the disk moves anonymous",
        "pause-collection  anonymous",
        "pause-collection  anonymous",
        "pause-collection twice anonymous",
        "resume-collection  anonymous",
      ],
    );
    await place.leave();
  });

  it("a pause is told of again and again while it lasts, and one that was made without an end has one", async () => {
    const registry = openRegistry(place.database.metadata, place.registry.store.driver);
    await pauseCollection(registry, by, standardPause, "forgotten");
    const schedule = { interval: 10, sweepEvery: 0, remindEvery: 20, passed: () => undefined, failed: () => undefined };
    const collection = collectInBackground(registry, schedule);
    const told = () => registry.alarms.filter((what) => what === "nothing is collected, as was wished").length;
    await expect.poll(told, { interval: 10, timeout: 30_000 }).toBeGreaterThan(2);
    await resumeCollection(registry, by);
    await collection.collectNow();
    const before = told();
    await collection.collectNow();
    expect(told()).toBe(before);
    await collection.stop();
    const { now } = await place.database.metadata.write("readMark", {});
    const earlier = JSON.stringify({ by: "user:alice", since: now, until: null, reason: null });
    await place.database.sql(`update installation set value = '${earlier}' where name = 'collection-pause'`);
    const { read } = place.database.metadata;
    expect(await findStoredPause(read, now + 86_399_999)).toMatchObject({ until: now + 86_400_000 });
    expect(await findStoredPause(read, now + 86_400_000)).toBeUndefined();
  });

  it("a pass under way ends within about a second of a pause, and what is left waits", async () => {
    const { registry } = place;
    const slow = openRegistry(place.database.metadata, registry.store.driver, { rowRate: 20 });
    const layers = Array.from({ length: 120 }, (_, index) => `${index} ${other}`);
    for (const layer of layers) await putBlob(registry, app, layer);
    const { signal } = new AbortController();
    let told = 0;
    const progress = () => void told++;
    const pass = collectGarbage(slow, { clock: undefined, checkMark: true, sweepEvery: 0, signal, progress });
    await expect.poll(() => told, { interval: 5 }).toBeGreaterThan(2);
    await pauseCollection(registry, by, standardPause, null);
    const { looked, condemned } = await pass;
    expect(looked).toBeLessThan(122);
    expect(condemned.link).toBeLessThan(122);
    expect(await number("select count(*) from review where kind = 'link'"), "nothing is lost").toBe(122);
    await resumeCollection(registry, by);
    await collectAll(registry);
    expect(await number("select count(*) from repository_blob")).toBe(0);
    await place.leave();
  });

  it("passes look at no more rows, and remove no more objects, than their rates let them", async () => {
    const { registry } = place;
    for (let index = 0; index < 30; index++) await putBlob(registry, app, `${index} ${other}`);
    const paced = (objectGrace: number) =>
      openRegistry(place.database.metadata, registry.store.driver, { rowRate: 100, objectRate: 30, objectGrace });
    const timed = async (settings: Registry) => {
      const began = performance.now();
      const collected = await collectOnce(settings);
      return { ...collected, took: performance.now() - began };
    };
    // Links and blobs, some of them twice. Of what was done last nothing is waited for.
    const rows = await timed(paced(day));
    expect(rows.looked).toBeGreaterThan(63);
    expect(rows.took).toBeGreaterThan(((rows.looked - 10) * 1_000) / 100 - 50);
    await collectAll(openRegistry(place.database.metadata, registry.store.driver, { objectGrace: day }));
    await place.database.sql("update dead_object set not_before = 1");
    const { objects, took } = await timed(paced(0));
    expect(objects).toBe(31);
    expect(took).toBeGreaterThan(((31 - 4) * 1_000) / 30 - 50);
    await place.leave();
  });

  it("it is said of everything why it is there still", async () => {
    const { registry } = place;
    const index = indexOf([second]);
    await putManifest(registry, app, first, "v1");
    await putManifest(registry, app, second);
    await putManifest(registry, app, index, "all");
    const signature = imageOf(["layer"], { subject: { ...JSON.parse(descriptor(first)) } });
    await putManifest(registry, app, signature);
    await putBlob(registry, app, other);
    const said = async () => {
      const all: Explained[] = [];
      for await (const one of explainCollection(registry)) all.push(one);
      return new Map(all.map((one) => [one.name, one]));
    };
    const whole = await said();
    expect(whole.size).toBe(7);
    const why = (found: Map<string, Explained>, text: string) => {
      const { state, why: reasons } = found.get(digestOfText(text))!;
      return [state, ...reasons];
    };
    expect(why(whole, first)).toEqual(["kept", "tagged v1"]);
    expect(why(whole, second)).toEqual(["kept", `child of ${digestOfText(index)}`]);
    expect(why(whole, signature)).toEqual(["kept", `refers to ${digestOfText(first)}`]);
    expect(why(whole, long)).toEqual(["kept", `team/app@${digestOfText(first)} needs it`]);
    expect(why(whole, other)).toEqual(["goes", "nothing uses it"]);
    await setHold(registry, caller, app, { digest: digestOf(Buffer.from(index)), reason: "case 12" });
    expect(why(await said(), second)).toEqual([
      "kept",
      `child of ${digestOfText(index)}`,
      expect.stringMatching(/^held by hold \d+$/),
    ]);
    await place.database.sql("delete from hold");
    await deleteManifest(registry, caller, app, digestOf(Buffer.from(first)));
    for (let pass = 0; pass < 4; pass++) await collectOnce(registry);
    const after = await said();
    expect(after.has(digestOfText(other))).toBe(false);
    expect(why(after, long)).toEqual(["kept", expect.stringMatching(/^a delete that needs it can be undone until /)]);
    expect(why(after, signature)).toEqual(["kept", expect.stringMatching(/^its deleted subject can be undone until /)]);
    // What it says is what passes then do.
    await putBlob(registry, app, other);
    const kept = [...(await said()).values()].filter(({ state }) => state === "kept").map(({ name }) => name);
    await collectAll(registry);
    expect([...(await said()).keys()]).toEqual(kept);
    await place.leave();
  });
});

/** JSON of a descriptor of an image. */
function descriptor(text: string): string {
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  return JSON.stringify({ mediaType, digest: digestOfText(text), size: text.length });
}
