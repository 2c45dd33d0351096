import fc from "fast-check";
import { expect } from "vitest";
import { parseTag, RegistryError } from "../../src/oci/index.ts";
import {
  applyUndo,
  changeSettings,
  deleteManifest,
  deleteTag,
  purgeUndo,
  readTagHistory,
  setTag,
} from "../../src/registry/index.ts";
import { describeEachDatabase } from "../support/each-database.ts";
import { caller, collectAll, digestOf, imageOf, indexOf, putBlob, putManifest } from "../support/open-registry.ts";
import { app, codeOf, day, digestOfText, UndoPlace } from "../support/undo-place.ts";

// What the list of undo shows can be undone, whatever was set since, and collection keeps what that takes.

const image = (note: string) => imageOf(["layer"], { annotations: { note } });
const [a, b] = [image("a"), image("b")];
const index = indexOf([a]);
const texts = [a, b, index];
const v1 = parseTag("v1");
const digest = (text: string) => digestOf(Buffer.from(text));
const windows = ["0s", "1h", "30d"] as const;

await describeEachDatabase((it, prepare) => {
  let place: UndoPlace;
  prepare(async (rows) => void (place = await UndoPlace.open(rows)));

  async function setWindow(undoWindow: string): Promise<void> {
    const change = { set: { undoWindow }, unset: [], enforce: [], relax: [] };
    await changeSettings(place.registry, caller, { repository: app }, change, undefined);
  }

  /** So much time passes for all that can be undone. */
  async function pass(milliseconds: number): Promise<void> {
    await place.database.sql(`update undo set until_at = until_at - ${milliseconds}, at = at - ${milliseconds}`);
    await collectAll(place.registry);
  }

  for (const window of ["0s", "1h"]) {
    it(`an image that a former place of a tag needs outlives a window of ${window} in which it is deleted`, async () => {
      await putManifest(place.registry, app, a, "v1");
      await putManifest(place.registry, app, b, "v1");
      const [moved] = await place.undoable();
      await setWindow(window);
      await deleteManifest(place.registry, caller, app, digest(a));
      const [deleted, ...rest] = await place.undoable();
      expect(rest).toMatchObject([{ id: moved!.id, until: moved!.until }]);
      expect(deleted, "as long as was promised").toMatchObject({ kind: "manifest", until: moved!.until });
      await pass(day);
      expect((await place.undoable()).map(({ id }) => id)).toEqual([deleted!.id, moved!.id]);
      await place.undo(moved!.id);
      expect(await place.at()).toBe(digestOfText(a));
      await place.leave();
    });
  }

  it("so does a child of an index that was deleted under a longer window", async () => {
    await putManifest(place.registry, app, a);
    await putManifest(place.registry, app, index, "v1");
    await deleteManifest(place.registry, caller, app, digest(index));
    await setWindow("0s");
    await deleteManifest(place.registry, caller, app, digest(a));
    await pass(day);
    const entries = await place.undoable();
    await place.undo(entries.find(({ target }) => target === digestOfText(index))!.id);
    expect([await place.has(a), await place.has(index), await place.at()]).toEqual([
      "done",
      "done",
      digestOfText(index),
    ]);
    await place.leave();
  });

  it("what is purged takes with it what needs it", async () => {
    await putManifest(place.registry, app, a, "other");
    await putManifest(place.registry, app, b, "other");
    await putManifest(place.registry, app, index, "v1");
    await deleteManifest(place.registry, caller, app, digest(index));
    await deleteManifest(place.registry, caller, app, digest(a));
    const [deleted] = await place.undoable();
    await purgeUndo(place.registry, caller, app, deleted!.id);
    expect(await place.undoable(), "neither the index nor the place of the tag can come back").toEqual([]);
    await place.leave();
  });

  it("after anything that was done, each that is listed can be undone", { timeout: 240_000 }, async () => {
    const text = fc.constantFrom(...texts);
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ do: fc.constant("push" as const), text }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant("push untagged" as const), text }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant("set tag" as const), text }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant("delete tag" as const) }) },
      { weight: 5, arbitrary: fc.record({ do: fc.constant("delete" as const), text }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("purge" as const), text }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("purge entry" as const), nth: fc.nat(5) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant("undo" as const), nth: fc.nat(5) }) },
      { weight: 3, arbitrary: fc.record({ do: fc.constant("window" as const), window: fc.constantFrom(...windows) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant("pass" as const), days: fc.constantFrom(0, 0.5, 2, 20) }) },
    );
    type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
    const { registry } = place;
    const nth = async (number: number) => (await place.undoable())[number]?.id;
    async function begin(one: Step): Promise<unknown> {
      switch (one.do) {
        case "push":
          await putBlob(registry, app, "layer");
          if (one.text === index) await putManifest(registry, app, a);
          return putManifest(registry, app, one.text, "v1");
        case "push untagged":
          await putBlob(registry, app, "layer");
          if (one.text === index) await putManifest(registry, app, a);
          return putManifest(registry, app, one.text);
        case "set tag":
          return setTag(registry, caller, app, v1, digest(one.text), undefined);
        case "delete tag":
          return deleteTag(registry, caller, app, v1);
        case "delete":
          return deleteManifest(registry, caller, app, digest(one.text));
        case "purge":
          return deleteManifest(registry, caller, app, digest(one.text), { purge: true });
        case "purge entry": {
          const entry = await nth(one.nth);
          return entry === undefined ? undefined : purgeUndo(registry, caller, app, entry);
        }
        case "undo": {
          const entry = await nth(one.nth);
          return entry === undefined ? undefined : applyUndo(registry, caller, app, entry);
        }
        case "window":
          return setWindow(one.window);
        case "pass":
          return pass(one.days * day);
      }
    }
    let undone = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20, size: "max" }), fc.nat(20), async (steps, which) => {
        await setWindow("30d");
        for (const one of steps) {
          await begin(one).catch((error: unknown) => {
            // An undo that is listed is never refused.
            if (!(error instanceof RegistryError) || one.do === "undo") throw error;
          });
        }
        await pass(0);
        const entries = await place.undoable();
        const history = await readTagHistory(registry, caller, app, v1).catch(() => []);
        const listed = new Set(entries.map(({ id }) => id));
        for (const { undo, ended } of history) {
          if (undo !== null && ended !== "deleted with its manifest") expect(listed).toContain(undo);
        }
        const entry = entries[which % Math.max(1, entries.length)];
        if (entry !== undefined) {
          expect(await codeOf(place.undo(entry.id)), JSON.stringify({ entry, steps })).toBe("done");
          undone++;
        }
        for (const text of [index, a, b]) {
          await codeOf(deleteManifest(registry, caller, app, digest(text), { purge: true }));
        }
        await place.leave();
      }),
      { numRuns: 25 },
    );
    expect(undone).toBeGreaterThan(3);
  });
});
