import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { listBlobs, openSqliteInProcess } from "../../src/metadata/index.ts";
import { parseReference, parseRepositoryName, parseTag, RegistryError } from "../../src/oci/index.ts";
import {
  applyUndo,
  deleteBlob,
  deleteManifest,
  deleteRepository,
  deleteTag,
  findBlob,
  inspectRepository,
  inspectBlob,
  inspectManifest,
  listUndo,
  mountBlob,
  pullManifest,
  registryWrites,
  renameRepository,
  restoreRepository,
} from "../../src/registry/index.ts";
import type { Registry, UndoEntry } from "../../src/registry/index.ts";
import type { RepositoryName } from "../../src/oci/index.ts";
import {
  documents,
  layers,
  minute,
  Oracle,
  pairs,
  partsOf,
  pin,
  references,
  repositories,
  undoWindow,
} from "../support/collection-oracle.ts";
import { caller, check, collectOnce, digestOf, openRegistry, putBlob, putManifest } from "../support/open-registry.ts";

// Any sequence of operations, time and collection, against a plain oracle that knows what was promised: what a tag, an index, a
// subject, undo or a pin holds is there; when all pins have run out, everything else is gone.

const lookGap = 2 * minute;

const repository = fc.constantFrom(...repositories);
const layer = fc.constantFrom(...layers);
const text = fc.constantFrom(...documents);
const tag = fc.constantFrom("one", "two");
/** Seldom: what is purged leaves nothing to undo. */
const purge = fc.nat(5).map((one) => one === 0);
const operation = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("push blob" as const), repository, layer }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("mount" as const), repository, layer, from: repository }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("head blob" as const), repository, layer }) },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant("push image" as const), repository, text, tag: fc.option(tag) }),
  },
  {
    weight: 10,
    arbitrary: fc.record({ do: fc.constant("push whole" as const), repository, text, tag: fc.option(tag) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("head manifest" as const), repository, text }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("delete tag" as const), repository, tag, purge }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("delete manifest" as const), repository, text, purge }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("delete subject" as const), repository, pair: fc.constantFrom(...pairs) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("delete blob" as const), repository, layer }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("delete repository" as const), repository, purge }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("undo repository" as const), repository, to: repository }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("delete and undo repository" as const), repository }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("rename repository" as const), repository, to: repository }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("undo" as const), repository, which: fc.nat(5) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("wait" as const), minutes: fc.constantFrom(1, 3, 9, 25) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("collect" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("collect for long" as const) }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: new Date("2030-01-01") }));
afterEach(() => void vi.useRealTimers());

/** Whether it succeeded; a refusal that the interface knows is no failure. */
async function succeeds(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (error instanceof RegistryError && error.code !== "INTERNAL" && error.code !== "UNAVAILABLE") return false;
    throw error;
  }
}

const digestOfText = (content: string) => digestOf(Buffer.from(content));

async function run(registry: Registry, oracle: Oracle, step: Operation): Promise<void> {
  if (step.do === "wait") return void vi.setSystemTime(Date.now() + step.minutes * minute);
  if (step.do === "collect") {
    await collectOnce(registry);
    return oracle.forget();
  }
  if (step.do === "collect for long") {
    // All that only pins hold goes meanwhile, and no window of undo ends.
    for (let pass = 0; pass < 8; pass++) {
      vi.setSystemTime(Date.now() + 5 * minute);
      await collectOnce(registry);
      oracle.forget();
    }
    return;
  }
  const name = parseRepositoryName(step.repository);
  const promised = oracle.of(step.repository);
  switch (step.do) {
    case "push blob":
      await putBlob(registry, step.repository, step.layer);
      return oracle.hold("links", step.repository, digestOfText(step.layer));
    case "mount": {
      const digest = digestOfText(step.layer);
      const source = parseRepositoryName(step.from);
      const must = oracle.certain(step.from).blobs.has(digest);
      const mounted = await mountBlob(registry, caller, name, digest, source);
      if (must) expect(mounted, "a mount of what is there").toBe(true);
      if (mounted) oracle.hold("links", step.repository, digest);
      return;
    }
    case "head blob":
      if (await succeeds(inspectBlob(registry, caller, name, digestOfText(step.layer)))) {
        oracle.hold("links", step.repository, digestOfText(step.layer));
      }
      return;
    case "push image": {
      const digest = digestOfText(step.text);
      const { blobs, children } = references.get(digest)!;
      const known = oracle.certain(step.repository);
      const must = blobs.every((one) => known.blobs.has(one)) && children.every((one) => known.manifests.has(one));
      const stored = await succeeds(putManifest(registry, step.repository, step.text, step.tag ?? undefined));
      if (must) expect(stored, "a push of which everything is there").toBe(true);
      if (!stored) return;
      oracle.hold("manifests", step.repository, digest);
      for (const child of children) promised.manifests.set(child, promised.manifests.get(child) ?? 0);
      if (step.tag !== null) oracle.move(step.repository, step.tag, digest);
      return;
    }
    case "push whole":
      for (const part of partsOf(step.text)) {
        const pushed = layers.includes(part)
          ? { do: "push blob" as const, repository: step.repository, layer: part }
          : { do: "push image" as const, repository: step.repository, text: part, tag: null };
        await run(registry, oracle, pushed);
      }
      return run(registry, oracle, { ...step, do: "push image" });
    case "head manifest": {
      const digest = digestOfText(step.text);
      if (await succeeds(inspectManifest(registry, caller, name, parseReference(digest)))) {
        oracle.hold("manifests", step.repository, digest);
      }
      return;
    }
    case "delete tag": {
      const deleted = await succeeds(deleteTag(registry, caller, name, parseTag(step.tag), step));
      expect(deleted).toBe(promised.tags.has(step.tag));
      if (deleted && step.purge) return oracle.purgeTag(step.repository, step.tag);
      return oracle.move(step.repository, step.tag, undefined);
    }
    case "delete manifest": {
      const digest = digestOfText(step.text);
      if (!(await succeeds(deleteManifest(registry, caller, name, digest, step)))) return;
      if (step.purge) return oracle.purgeManifest(step.repository, digest);
      return oracle.deleteManifest(step.repository, digest);
    }
    case "delete subject": {
      // So that a referrer meets collection while only undo holds it.
      const { repository: at, pair } = step;
      for (const text of [pair.subject, pair.referrer]) {
        await run(registry, oracle, { do: "push whole", repository: at, text, tag: null });
      }
      await run(registry, oracle, { do: "delete manifest", repository: at, text: pair.subject, purge: false });
      await run(registry, oracle, { do: "collect for long" });
      return expectPromises(registry, oracle, false);
    }
    case "delete blob":
      if (await succeeds(deleteBlob(registry, caller, name, digestOfText(step.layer)))) {
        promised.links.delete(digestOfText(step.layer));
      }
      return;
    case "undo": {
      const [undoable, known] = [await listUndoable(registry, name), oracle.undoable(step.repository)];
      expect(undoable.map(summaryOf).toSorted()).toEqual(known.map(summaryOf).toSorted());
      const entry = undoable[step.which];
      if (entry === undefined) return;
      const must = oracle.canRestore(step.repository, entry.digest!);
      const undone = await succeeds(applyUndo(registry, caller, name, entry.id));
      if (must) expect(undone, "undoing what can be undone").toBe(true);
      if (undone)
        oracle.undo(
          step.repository,
          known.find((one) => summaryOf(one) === summaryOf(entry))!,
        );
      return;
    }
    case "delete repository": {
      const deleted = await succeeds(deleteRepository(registry, caller, name, undefined, step));
      if (oracle.isKnown(step.repository)) expect(deleted, "a deletion of what is there").toBe(true);
      if (deleted) oracle.delete(step.repository, step);
      return;
    }
    case "undo repository": {
      const must = oracle.canBringBack(step.repository);
      const isTaken = await succeeds(inspectRepository(registry, caller, parseRepositoryName(step.to)));
      const back = await succeeds(restoreRepository(registry, caller, name, parseRepositoryName(step.to)));
      if (must !== "perhaps" || isTaken) {
        expect(back, "a deleted repository comes back, where its name is free").toBe(must === true && !isTaken);
      }
      if (!back) return;
      oracle.bringBack(step.repository, step.to);
      return expectPromises(registry, oracle, false);
    }
    case "delete and undo repository": {
      // So that what only its tombstone holds meets collection.
      const { repository: at } = step;
      await run(registry, oracle, { do: "delete repository", repository: at, purge: false });
      await run(registry, oracle, { do: "collect for long" });
      return run(registry, oracle, { do: "undo repository", repository: at, to: at });
    }
    case "rename repository": {
      const to = parseRepositoryName(step.to);
      const renamed = await succeeds(renameRepository(registry, caller, name, to, undefined));
      if (oracle.isKnown(step.to)) expect(renamed, "a name that is taken").toBe(false);
      if (renamed) oracle.rename(step.repository, step.to);
      return;
    }
  }
}

/** What can be undone; on a clock that stands still, what has ended may still be listed. */
async function listUndoable(registry: Registry, name: RepositoryName): Promise<UndoEntry[]> {
  try {
    const entries = await listUndo(registry, caller, name, Number.MAX_SAFE_INTEGER, 1000);
    return entries.filter(({ until }) => until > Date.now());
  } catch (error) {
    if (error instanceof RegistryError && error.code === "NAME_UNKNOWN") return [];
    throw error;
  }
}

function summaryOf(one: Pick<UndoEntry, "kind" | "target" | "digest" | "until" | "tags">): string {
  return JSON.stringify([one.kind, one.target, one.digest, one.until, one.tags.toSorted()]);
}

async function expectPromises(registry: Registry, oracle: Oracle, exactly: boolean): Promise<void> {
  for (const repository of repositories) {
    const name = parseRepositoryName(repository);
    const { manifests, blobs } = oracle.certain(repository);
    for (const content of documents) {
      const digest = digestOfText(content);
      const there = await succeeds(inspectWithoutPin(registry, repository, digest));
      if (manifests.has(digest) || exactly)
        expect([repository, content, there]).toEqual([repository, content, manifests.has(digest)]);
    }
    for (const content of layers) {
      const digest = digestOfText(content);
      const there = await succeeds(findBlob(registry, caller, name, digest));
      if (blobs.has(digest) || exactly)
        expect([repository, content, there]).toEqual([repository, content, blobs.has(digest)]);
    }
  }
}

/** A referrer that nothing was promised of any more may have met its subject before collection came: then it stays. */
async function admitReferrers(registry: Registry, oracle: Oracle): Promise<void> {
  for (let grown = true; grown;) {
    grown = false;
    for (const repository of repositories) {
      const { manifests } = oracle.certain(repository);
      for (const [digest, { subject }] of references) {
        if (subject === undefined || !manifests.has(subject) || manifests.has(digest)) continue;
        if (!(await succeeds(inspectWithoutPin(registry, repository, digest)))) continue;
        oracle.of(repository).manifests.set(digest, 0);
        grown = true;
      }
    }
  }
}

async function inspectWithoutPin(registry: Registry, repository: string, digest: string): Promise<void> {
  await pullManifest(registry, caller, parseRepositoryName(repository), parseReference(digest));
}

test(
  "after any operations and any time, what is held or pinned is there, and when the pins have run out, nothing else",
  { timeout: 300_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 10, maxLength: 60, size: "max" }), async (steps) => {
        vi.setSystemTime(new Date("2030-01-01"));
        const metadata = openSqliteInProcess(":memory:", registryWrites);
        await metadata.write("ensureInstallation", { uploadKey: "00", epoch: "e1" });
        const registry = openRegistry(metadata, undefined, { pin, lookGap, objectGrace: minute, undoWindow });
        const oracle = new Oracle();
        for (const step of steps) {
          await run(registry, oracle, step);
          if (step.do === "collect") await expectPromises(registry, oracle, false);
        }
        await expectPromises(registry, oracle, false);
        // What undo holds goes first. Manifests, links, blobs and objects follow one another, each with two looks; a pin
        // runs out but once.
        for (let pass = 0; pass < 40; pass++) {
          vi.setSystemTime(Date.now() + 5 * minute);
          await collectOnce(registry);
        }
        oracle.forget();
        await admitReferrers(registry, oracle);
        await expectPromises(registry, oracle, true);
        expect((await check(registry)).numbers).toEqual([0, 0, 0, 0]);
        const linked = new Set(repositories.flatMap((name) => [...oracle.certain(name).blobs]));
        const rows = await metadata.read.all(listBlobs, { after: 0, limit: 1000 });
        expect(rows.map((row) => row.digest).toSorted(), "blobs that nothing links").toEqual([...linked].toSorted());
        await metadata.close();
      }),
      { numRuns: Number(process.env["BERTH_MODEL_RUNS"] ?? 40) },
    );
  },
);
