import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { readLatest } from "../../src/access/index.ts";
import { parseReference, parseRepositoryName, parseTag } from "../../src/oci/index.ts";
import type { Digest, RepositoryName } from "../../src/oci/index.ts";
import {
  deleteBlob,
  deleteManifest,
  deleteRepository,
  deleteTag,
  inspectManifest,
  listHolds,
  previewLifecycle,
  pushManifest,
  releaseHold,
  renameRepository,
  setHold,
  setTag,
} from "../../src/registry/index.ts";
import type { Registry } from "../../src/registry/index.ts";
import { openPostgresWorld, openSqliteWorld } from "../support/actors.ts";
import type { Actor, World } from "../support/actors.ts";
import {
  caller,
  check,
  collectAll,
  descriptorOf,
  digestOf,
  indexOf,
  indexType,
  putBlob,
  putManifest,
} from "../support/open-registry.ts";
import { startPostgres } from "../support/postgres.ts";

/*
 * Each cell of {what is held} × {path that takes something away} on both databases, by itself and while a second writer is in
 * the middle of setting the hold.
 */

const server = await startPostgres();
afterAll(() => server?.stop());

const worlds = [
  { name: "SQLite", open: () => openSqliteWorld() },
  ...(server === undefined ? [] : [{ name: "PostgreSQL", open: () => openPostgresWorld(server) }]),
];

/** Documents of a cell; indexes that list nothing need no blobs. */
const text = (which: string, more: object = {}) => indexOf([], { annotations: { which }, ...more });
const base = text("base");
const [image, stranger] = [text("image", { subject: descriptorOf(base) }), text("stranger")];
const plain = text("plain");
/** The image of a cell. One that is attached by its tag refers to nothing. */
const imageFor = (held: Held) => (held === "attached" ? plain : image);
const digest = (document: string) => digestOf(Buffer.from(document));
const signature = parseTag(`${digest(base).replace(":", "-")}.sig`);
const loose = Buffer.from("loose");
const [tag, other] = [parseTag("v1"), parseTag("v2")];

/** What is held: the image of the path, what it refers to, what its tag says it is attached to, another, or everything. */
const holds = ["nothing", "image", "subject", "attached", "stranger", "repository"] as const;
type Held = (typeof holds)[number];

interface Path {
  /** Its image is tagged with this one; for two it has another tag, too. */
  readonly tags: 0 | 1 | 2;
  readonly run: (
    registry: Registry,
    name: RepositoryName,
    tag: ReturnType<typeof parseTag>,
    image: Digest,
  ) => Promise<unknown>;
  /** What of {@link holds} refuses it, said apart from the code that decides. */
  readonly refusedBy: readonly Held[];
}

const own: readonly Held[] = ["image", "subject", "attached", "repository"];
const pushOver = (registry: Registry, name: RepositoryName, at: ReturnType<typeof parseTag>) =>
  pushManifest(registry, caller, {
    ...{ repository: name, digest: undefined, tags: [at], bytes: Buffer.from(stranger), contentType: indexType },
  });
const paths: Readonly<Record<string, Path>> = {
  "push over its last tag": { tags: 1, refusedBy: own, run: pushOver },
  "push over one of two tags": { tags: 2, refusedBy: ["attached"], run: pushOver },
  "last tag set": {
    ...{ tags: 1, refusedBy: own },
    run: (registry, name, at) => setTag(registry, caller, name, at, digest(stranger), undefined),
  },
  "last tag deleted": { tags: 1, refusedBy: own, run: (registry, name, at) => deleteTag(registry, caller, name, at) },
  "one of two tags deleted": {
    ...{ tags: 2, refusedBy: ["attached", "repository"] },
    run: (registry, name, at) => deleteTag(registry, caller, name, at),
  },
  "manifest deleted": {
    ...{ tags: 1, refusedBy: own },
    run: (registry, name, _tag, of) => deleteManifest(registry, caller, name, of),
  },
  "untagged manifest deleted": {
    // Without its tag nothing says that it is attached.
    ...{ tags: 0, refusedBy: ["image", "subject", "repository"] },
    run: (registry, name, _tag, of) => deleteManifest(registry, caller, name, of),
  },
  "loose blob deleted": {
    ...{ tags: 1, refusedBy: ["repository"] },
    run: (registry, name) => deleteBlob(registry, caller, name, digestOf(loose)),
  },
  "repository deleted": {
    ...{ tags: 1, refusedBy: [...own, "stranger"] },
    run: (registry, name) => deleteRepository(registry, caller, name, undefined),
  },
  "repository renamed": {
    ...{ tags: 1, refusedBy: [...own, "stranger"] },
    run: (registry, name) => renameRepository(registry, caller, name, `${name}-new` as RepositoryName, undefined),
  },
};

interface Cell {
  readonly held: Held;
  readonly path: string;
}
const cells = holds.flatMap((held) => Object.keys(paths).map((path): Cell => ({ held, path })));

describe.each(worlds)("on $name", ({ open }) => {
  let world: World;
  let [one, two] = [] as unknown as [Actor, Actor];
  let count = 0;
  beforeEach(async () => {
    world = await open();
    [one, two] = [await world.actor({ untagged: "delete" }), await world.actor({ untagged: "delete" })];
  });
  afterEach(() => world.close());

  const newRepository = async ({ held, path }: Cell) => {
    const name = parseRepositoryName(`team/r${++count}`);
    const { tags } = paths[path]!;
    const shown = held === "attached" ? signature : tag;
    await putManifest(one.registry, name, base, "base");
    await putManifest(one.registry, name, stranger, "stranger");
    const document = imageFor(held);
    if (tags === 0) await putManifest(one.registry, name, document);
    if (tags >= 1) await putManifest(one.registry, name, document, shown);
    if (tags === 2) await putManifest(one.registry, name, document, other);
    await putBlob(one.registry, name, loose.toString());
    return { name, shown, of: digest(document) };
  };
  const setOn = async (actor: Actor, name: RepositoryName, held: Held) => {
    if (held === "nothing") return;
    const of = { image, subject: base, attached: base, stranger, repository: undefined }[held];
    await setHold(actor.registry, caller, name, { digest: of === undefined ? of : digest(of), reason: "case 12" });
  };
  const outcome = (work: Promise<unknown>) =>
    work.then(
      () => "done",
      (error: { code?: string; message: string }) => error.code ?? error.message,
    );
  const isThere = (name: RepositoryName, reference: string) =>
    inspectManifest(one.registry, caller, name, parseReference(reference)).then(
      ({ digest: found }) => found,
      () => undefined,
    );
  const words = (cell: Cell, came: string) => `${came}: ${JSON.stringify(cell)}`;
  const expected = ({ held, path }: Cell) => (paths[path]!.refusedBy.includes(held) ? "DENIED" : "done");

  test(`each of ${cells.length} cells does what it says, and leaves all as it was when it refuses`, async () => {
    const came: string[] = [];
    for (const cell of cells) {
      const { name, shown, of } = await newRepository(cell);
      await setOn(two, name, cell.held);
      came.push(words(cell, await outcome(paths[cell.path]!.run(one.registry, name, shown, of))));
      if (expected(cell) !== "DENIED") continue;
      expect(await isThere(name, paths[cell.path]!.tags === 0 ? of : shown), JSON.stringify(cell)).toBe(of);
    }
    expect(came).toEqual(cells.map((cell) => words(cell, expected(cell))));
  });

  test("each cell, while the hold is about to be committed by another", async () => {
    const [came, wanted]: [string[], string[]] = [[], []];
    for (const cell of cells.filter(({ held }) => held !== "nothing")) {
      const { name, shown, of } = await newRepository(cell);
      const held = two.holdAt("insertAudit");
      const set = setOn(two, name, cell.held);
      await held;
      const work = outcome(paths[cell.path]!.run(one.registry, name, shown, of));
      await world.comeToRest(work);
      two.letGo();
      await set;
      came.push(words(cell, await work));
      wanted.push(words(cell, expected(cell)));
    }
    expect(came).toEqual(wanted);
  });

  test("a hold waits for the delete that is under way, and finds what it left", async () => {
    const { name } = await newRepository({ held: "image", path: "manifest deleted" });
    const [deleted, set] = await world.race(
      { by: one, at: "insertAudit", run: () => deleteManifest(one.registry, caller, name, digest(image)) },
      () => outcome(setOn(two, name, "image")),
    );
    expect([deleted.status, set]).toEqual(["fulfilled", { status: "fulfilled", value: "MANIFEST_UNKNOWN" }]);
  });

  test("collection leaves what is held with what it belongs to, and takes it once all holds are released", async () => {
    const name = parseRepositoryName("team/app");
    const { registry } = one;
    const child = text("child");
    const index = indexOf([child]);
    for (const document of [child, index, base, image, stranger]) await putManifest(registry, name, document);
    await putBlob(registry, name, loose.toString());
    const first = await setHold(registry, caller, name, { digest: digest(base), reason: "one" });
    const second = await setHold(registry, caller, name, { digest: digest(base), reason: "two" });
    const third = await setHold(registry, caller, name, { digest: digest(index), reason: "three" });
    await collectAll(registry);
    const left = async () => {
      const found = await Promise.all([child, index, base, image, stranger].map((one) => isThere(name, digest(one))));
      return found.map((one) => one !== undefined);
    };
    expect(await left()).toEqual([true, true, true, true, false]);
    await releaseHold(registry, caller, name, { hold: first.hold.id, reason: "settled" });
    await releaseHold(registry, caller, name, { hold: third.hold.id, reason: "settled" });
    await collectAll(registry);
    expect(await left()).toEqual([false, false, true, true, false]);
    await releaseHold(registry, caller, name, { hold: second.hold.id, reason: "settled" });
    await collectAll(registry);
    expect(await left()).toEqual([false, false, false, false, false]);
    expect(await check(registry)).toEqual({ numbers: [0, 0, 0, 0], problems: [] });
  });

  test("in a held repository collection takes nothing, neither manifests nor blobs that nothing needs", async () => {
    const name = parseRepositoryName("team/app");
    const { registry } = one;
    const { hold } = await (async () => {
      await putManifest(registry, name, stranger);
      await putBlob(registry, name, loose.toString());
      return setHold(registry, caller, name, { digest: undefined, reason: "all of it" });
    })();
    await collectAll(registry);
    const blob = () => outcome(deleteBlob(registry, caller, name, digestOf(loose)));
    expect([await isThere(name, digest(stranger)), await blob()]).toEqual([digest(stranger), "DENIED"]);
    await releaseHold(registry, caller, name, { hold: hold.id, reason: "over" });
    await collectAll(registry);
    expect([await isThere(name, digest(stranger)), await blob()]).toEqual([undefined, "BLOB_UNKNOWN"]);
    expect(await check(registry)).toEqual({ numbers: [0, 0, 0, 0], problems: [] });
  });

  test("a hold that is set while collection is at the manifest comes first or finds nothing", async () => {
    const name = parseRepositoryName("team/app");
    await putManifest(one.registry, name, stranger);
    // Collection has found it unused and has not removed it yet.
    const [, set] = await world.race({ by: one, at: "insertAudit", run: () => collectAll(one.registry) }, () =>
      outcome(setHold(two.registry, caller, name, { digest: digest(stranger), reason: "late" })),
    );
    const found = (await isThere(name, digest(stranger))) === undefined ? "MANIFEST_UNKNOWN" : "done";
    expect(set).toEqual({ status: "fulfilled", value: found });
    await putManifest(one.registry, name, base);
    await setHold(two.registry, caller, name, { digest: undefined, reason: "now" });
    await collectAll(one.registry);
    expect(await isThere(name, digest(base))).toBe(digest(base));
  });

  test("a lifecycle policy keeps what is held, and says which hold keeps it", async () => {
    const name = parseRepositoryName("team/app");
    for (const document of [base, stranger])
      await putManifest(one.registry, name, document, document === base ? "a" : "b");
    const { hold } = await setHold(one.registry, caller, name, { digest: digest(base), reason: "case 12" });
    const document = { rules: [{ name: "all", action: "expire" }] } as never;
    const question = { document, at: Date.now() + 1000, after: 0, limit: 10 };
    const plan = async () => {
      const { images } = await previewLifecycle(one.registry, caller, name, question);
      return Object.fromEntries(images.map(({ tags, because, keeper }) => [tags[0], [because, keeper]]));
    };
    expect(await plan()).toEqual({ a: ["held", `hold ${hold.id}, case 12`], b: ["rule", null] });
    await setHold(one.registry, caller, name, { digest: undefined, reason: "all" });
    expect((await previewLifecycle(one.registry, caller, name, { ...question, at: question.at + 1 })).expired).toBe(0);
  });

  test("setting and releasing are audited with their reasons; what was released and what is not there is unknown", async () => {
    const { name } = await newRepository({ held: "nothing", path: "manifest deleted" });
    const { hold } = await setHold(one.registry, caller, name, { digest: digest(image), reason: "case 12" });
    const page = { after: 0, limit: 10 };
    expect(await listHolds(one.registry, caller, name, page)).toEqual([
      expect.objectContaining({ id: hold.id, digest: digest(image), reason: "case 12", set_by: "anonymous" }),
    ]);
    await releaseHold(one.registry, caller, name, { hold: hold.id, reason: "settled" });
    expect(await listHolds(one.registry, caller, name, page)).toEqual([]);
    const again = outcome(releaseHold(one.registry, caller, name, { hold: hold.id, reason: "twice" }));
    const absent = outcome(setHold(one.registry, caller, name, { digest: digestOf(loose), reason: "x" }));
    expect([await again, await absent]).toEqual(["NOT_FOUND", "MANIFEST_UNKNOWN"]);
    const rows = await Array.fromAsync(readLatest(one.registry.metadata.read, { repository: name }));
    const told = rows
      .filter(({ action }) => action.endsWith("-hold"))
      .map(({ action, target, detail }) => [action, target, detail]);
    expect(told).toEqual([
      ["release-hold", digest(image), { hold: hold.id, reason: "settled", held: "case 12" }],
      ["set-hold", digest(image), { hold: hold.id, reason: "case 12" }],
    ]);
  });
});
