import { sql } from "kysely";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { statement } from "../../src/metadata/statement.ts";
import { parseRepositoryName, parseTag } from "../../src/oci/index.ts";
import {
  applyUndo,
  deleteManifest,
  deleteRepository,
  deleteTag,
  describeGivenUp,
  inspectCollection,
  listUndo,
  listUndoBelow,
  releaseHold,
  reportUsage,
  restoreRepository,
  setHold,
} from "../../src/registry/index.ts";
import type { Registry } from "../../src/registry/index.ts";
import { BlobStore, BufferPool } from "../../src/storage/index.ts";
import { writes } from "../../src/writes.ts";
import { openPostgresWorld, openSqliteWorld } from "../support/actors.ts";
import type { World } from "../support/actors.ts";
import {
  caller,
  check,
  collectAll,
  digestOf,
  imageOf,
  indexOf,
  putBlob,
  putManifest,
} from "../support/open-registry.ts";
import { startPostgres } from "../support/postgres.ts";
import { listGivenUp, openOnDisk, seekRoom, total, within } from "../support/small-disk.ts";

/* While the disk has too little room the oldest deletes are given up, as many as it takes and no more. */

const server = await startPostgres();
afterAll(() => server?.stop());

const worlds = [
  { name: "SQLite", open: () => openSqliteWorld(writes) },
  ...(server === undefined ? [] : [{ name: "PostgreSQL", open: () => openPostgresWorld(server, writes) }]),
];

const day = 86_400_000;
const app = parseRepositoryName("team/app");
const latest = Number.MAX_SAFE_INTEGER;
const layerOf = (letter: string, size = 1_000) => letter.repeat(size);
const digestOfText = (text: string) => digestOf(Buffer.from(text));

const listWarned = statement(
  "listWarned",
  (_db, _p: { readonly [none: string]: never }) => sql<{ namespace: string; payload: string }>`
    select namespace, payload from event where type = 'quota.warned' order by id`,
);

describe.each(worlds)("on $name", { timeout: 240_000 }, ({ open }) => {
  let world: World;
  let registry: Registry & { readonly alarms: string[] };
  let used: () => Promise<number>;
  beforeEach(async () => {
    world = await open();
    ({ registry, used } = await openOnDisk(world));
  });
  afterEach(() => world.close());

  async function pushImage(layers: readonly string[], repository: string = app, tag?: string): Promise<string> {
    for (const layer of layers) await putBlob(registry, repository, layer);
    const text = imageOf(layers);
    await putManifest(registry, repository, text, tag);
    return text;
  }
  const drop = (text: string) => deleteManifest(registry, caller, app, digestOfText(text));
  async function pushAndDelete(...layers: readonly string[]): Promise<string> {
    const text = await pushImage(layers);
    await drop(text);
    return text;
  }
  const kept = async () => (await listUndo(registry, caller, app, latest, 100)).map(({ target }) => target);
  const givenUp = () => registry.metadata.read.all(listGivenUp, {});
  const digests = (texts: readonly string[]) => texts.map(digestOfText).toReversed();

  test("the oldest go first, as many as it takes, and what goes already counts until it is gone", async () => {
    const texts: string[] = [];
    for (const letter of "abcdef") texts.push(await pushAndDelete(layerOf(letter)));
    expect(await used()).toBe(6_000);
    expect(await seekRoom(within(6_000, registry)), "there is room").toBeUndefined();
    const tight = within(3_500, registry);
    expect(await seekRoom(tight)).toEqual({ givenUp: 3, bytes: 3_000, missing: 0 });
    expect(await kept()).toEqual(digests(texts.slice(3)));
    for (let again = 0; again < 3; again++) {
      expect(await seekRoom(tight), "it is on its way").toEqual({ givenUp: 0, bytes: 0, missing: 0 });
    }
    expect(await used()).toBe(6_000);
    await collectAll(registry);
    expect(await used()).toBe(3_000);
    expect(await seekRoom(tight)).toBeUndefined();
    expect(await kept()).toHaveLength(3);
    const [entry] = await listUndo(registry, caller, app, latest, 1);
    await applyUndo(registry, caller, app, entry!.id);
    expect(await check(registry)).toEqual({ numbers: [0, 0, 0, 0], problems: [] });
  });

  test("it waits for what collection frees anyway, and says what no delete keeps", async () => {
    await pushImage([layerOf("l", 2_000)], app, "live");
    await putBlob(registry, app, layerOf("u", 700));
    await pushAndDelete(layerOf("a"));
    expect(await seekRoom(within(3_100, registry)), "the blob that nobody named goes").toEqual({
      givenUp: 0,
      bytes: 0,
      missing: 0,
    });
    expect(await seekRoom(within(1_800, registry))).toEqual({ givenUp: 1, bytes: 1_000, missing: 200 });
    expect(registry.alarms).toEqual([
      "the store is short of space: the oldest deletes were given up, and cannot be undone any more",
      "the store is short of space, and nothing that can be undone would make room",
    ]);
    await collectAll(registry);
    expect(await used(), "what is live stays").toBe(2_000);
  });

  test("deletes that keep nothing which would come free stay, and of what several keep all go that must", async () => {
    await pushImage([layerOf("s")], app, "live");
    const shared = await pushAndDelete(layerOf("s"), layerOf("x", 64));
    const base = await pushAndDelete(layerOf("b"));
    const alone = await pushAndDelete(layerOf("c"));
    const both = await pushAndDelete(layerOf("b"), layerOf("d", 100));
    expect(await seekRoom(within(2_500, registry))).toMatchObject({ givenUp: 1, bytes: 1_000 });
    expect(await kept(), "the layer of the first is needed by the last").toEqual(digests([shared, base, both]));
    await collectAll(registry);
    expect(await used()).toBe(2_100);
    expect(await seekRoom(within(1_500, registry))).toMatchObject({ givenUp: 2, bytes: 1_100 });
    expect(await kept(), "of one that is live there nothing comes free").toEqual(digests([shared]));
    expect(digestOfText(alone)).toBe((await givenUp())[0]!.target);
    await collectAll(registry);
    expect(await used()).toBe(1_000);
    expect(await check(registry)).toEqual({ numbers: [0, 0, 0, 0], problems: [] });
  });

  test("what is held, runs somewhere or is pinned stays, and the next that may goes instead", async () => {
    const runs = await pushAndDelete(layerOf("a"), layerOf("b"));
    await pushAndDelete(layerOf("b"), layerOf("n", 100));
    const child = await pushImage([layerOf("p")]);
    const index = indexOf([child]);
    await putManifest(registry, app, index);
    await drop(index);
    await drop(child);
    const uses = [runs, index].map((text) => ({ digest: digestOfText(text), workload: "web" }));
    const of = { namespace: "team", source: "cluster" };
    await reportUsage(registry, caller, of, uses, day);
    const pinned = await pushAndDelete(layerOf("q"));
    await putBlob({ ...registry, settings: { ...registry.settings, pin: day } }, app, layerOf("q"));
    const free = await pushAndDelete(layerOf("f"));
    expect(await seekRoom(within(0, registry))).toEqual({ givenUp: 2, bytes: 1_100, missing: 4_000 });
    expect(await kept()).not.toContain(digestOfText(free));
    expect(await kept()).toEqual(expect.arrayContaining([runs, child, index, pinned].map(digestOfText)));

    const other = parseRepositoryName("team/held");
    const text = await pushImage([layerOf("h")], other);
    await deleteManifest(registry, caller, other, digestOfText(text));
    const { hold } = await setHold(registry, caller, other, { digest: undefined, reason: "a case" });
    expect(await seekRoom(within(0, registry))).toMatchObject({ givenUp: 0 });
    await releaseHold(registry, caller, other, { hold: hold.id, reason: "closed" });
    expect(await seekRoom(within(0, registry))).toMatchObject({ givenUp: 1, bytes: 1_000 });
  });

  test("each leaves an audit row, webhooks and the operator are told, and undo's lists say why something is missing", async () => {
    const text = await pushAndDelete(layerOf("a"));
    expect((await inspectCollection(within(500, registry))).space).toEqual({
      ...{ total, free: total - 1_000, floor: total - 500, look: null, givenUp: null },
    });
    await seekRoom(within(500, registry));
    const [row, ...more] = await givenUp();
    expect(more).toEqual([]);
    expect(row).toMatchObject({ principal: "system:space", repository: "team/app", target: digestOfText(text) });
    expect(JSON.parse(row!.detail)).toMatchObject({ kind: "manifest", setting: "undo.spaceFloor" });
    const warned = await registry.metadata.read.all(listWarned, {});
    expect(warned.map(({ namespace, payload }) => [namespace, JSON.parse(payload)])).toEqual([
      ["team", { target: "team", principal: null, quota: "space", threshold: 100, givenUp: 1 }],
    ]);
    const { space } = await inspectCollection(within(500, registry));
    expect(space).toMatchObject({ givenUp: { count: 1, bytes: 1_000 }, look: { leaving: 0, missing: 0 } });
    expect(await describeGivenUp(registry.metadata.read, "team/app")).toEqual([
      expect.stringMatching(/^deletes were given up .* \(undo\.spaceFloor\)/),
    ]);
  });

  test("a deleted repository goes as a whole, and one that was deleted later comes back", async () => {
    for (const name of ["team/old", "team/new"]) {
      for (const letter of "ab") await pushImage([`${name}${layerOf(letter, 992)}`], name, letter);
      await deleteRepository(registry, caller, parseRepositoryName(name), undefined);
    }
    const bytes = await used();
    expect(await seekRoom(within(bytes - 500, registry))).toMatchObject({ givenUp: 1, bytes: bytes / 2 });
    expect((await listUndoBelow(registry, caller, "team", undefined, 10)).map(({ target }) => target)).toEqual([
      "team/new",
    ]);
    await collectAll(registry);
    expect(await used()).toBe(bytes / 2);
    await restoreRepository(registry, caller, parseRepositoryName("team/new"));
    expect(await check(registry)).toEqual({ numbers: [0, 0, 0, 0], problems: [] });
  });

  test("what cannot be undone without it goes along: former places of tags, and indexes that list it", async () => {
    const child = await pushImage([layerOf("a")], app, "v1");
    await deleteTag(registry, caller, app, parseTag("v1"));
    const index = indexOf([child]);
    await putManifest(registry, app, index);
    await drop(index);
    await drop(child);
    const later = await pushAndDelete(layerOf("z"));
    expect(await kept()).toEqual([digestOfText(later), digestOfText(child), digestOfText(index), "v1"]);
    expect(await seekRoom(within(1_500, registry))).toMatchObject({ givenUp: 3, bytes: 1_000 });
    expect(await kept(), "what is listed can be undone").toEqual([digestOfText(later)]);
    expect((await givenUp()).map(({ target }) => target)).toEqual(
      expect.arrayContaining([digestOfText(child), digestOfText(index), "v1"]),
    );
    await collectAll(registry);
    expect(await check(registry)).toEqual({ numbers: [0, 0, 0, 0], problems: [] });
  });

  test("broken off it goes on where it was, gives up no more than one that was not, and two never work at once", async () => {
    const texts: string[] = [];
    for (let index = 0; index < 40; index++)
      texts.push(await pushAndDelete(`${String(index).padStart(3, "0")}${layerOf("x", 97)}`));
    const bytes = 1_000;
    const tight = within(bytes, registry);
    let writing = 0;
    const dying: Registry = {
      ...tight,
      metadata: {
        ...tight.metadata,
        read: tight.metadata.read,
        write: (async (name: never, input: never) => {
          if (name === "giveUpForRoom" && ++writing > 1) throw new Error("killed");
          // A process that was killed leaves nothing.
          if (name === "leaveRoom" && writing > 1) return undefined;
          return tight.metadata.write(name, input);
        }) as never,
      },
    };
    await expect(seekRoom(dying)).rejects.toThrow("killed");
    expect(await kept()).toHaveLength(15);
    expect(await seekRoom(tight), "as long as the killed one may be at it").toBeUndefined();
    await tight.metadata
      .write("claimRoom", { token: "nobody", lease: 0, asked: true })
      .then((taken) => expect(taken).toBe(false));
    await registry.metadata.write("changeSetting", { name: "room-claim", value: '{"token":"","until":0}' });
    const both = await Promise.all([seekRoom(tight), seekRoom(within(bytes, (await openOnDisk(world)).registry))]);
    expect(both.map((made) => made?.givenUp ?? 0).toSorted((a, b) => a - b)).toEqual([0, 5]);
    expect(await kept()).toEqual(digests(texts.slice(30)));
    await collectAll(registry);
    expect(await used()).toBe(bytes);
  });

  test("a store that says nothing of free space, as S3, and a floor of 0 never give anything up", async () => {
    await pushAndDelete(layerOf("a"));
    const unknown = new BlobStore(world.driver, { inlineBytes: 64, buffers: new BufferPool(1 << 24) });
    const blind = { ...within(0, registry), store: unknown };
    expect(await seekRoom(blind)).toBeUndefined();
    expect((await inspectCollection(blind)).space).toBeNull();
    const off = { ...registry, settings: { ...registry.settings, spaceFloor: { bytes: 0 } } };
    expect(await seekRoom(off)).toBeUndefined();
    expect((await inspectCollection(off)).space).toBeNull();
    expect(await kept()).toHaveLength(1);
  });
});
