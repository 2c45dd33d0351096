import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Metadata } from "../../src/metadata/index.ts";
import { statement } from "../../src/metadata/statement.ts";
import { parseRepositoryName, RegistryError } from "../../src/oci/index.ts";
import type { RepositoryName } from "../../src/oci/index.ts";
import {
  applyUndo,
  changeSettings,
  deleteManifest,
  deleteRepository,
  describeGivenUp,
  inspectQuotas,
  inspectSettings,
  listUndo,
  listUndoBelow,
  renameRepository,
  restoreRepository,
  setHold,
} from "../../src/registry/index.ts";
import type { Registry } from "../../src/registry/index.ts";
import { settleAll, trimAll } from "../../src/registry/quotas/keep-quotas.ts";
import { trimPending } from "../../src/registry/quotas/trim-pending.ts";
import { writes } from "../../src/writes.ts";
import type { AllWrites } from "../../src/writes.ts";
import { openPostgresWorld, openSqliteWorld } from "../support/actors.ts";
import type { World } from "../support/actors.ts";
import {
  caller,
  check,
  collectAll,
  collectOnce,
  digestOf,
  imageOf,
  putBlob,
  putManifest,
} from "../support/open-registry.ts";
import { startPostgres } from "../support/postgres.ts";
import { makeNamespace, pendingBytesOf, setQuota } from "../support/quota-world.ts";

/* What deletes keep below a namespace with a quota is limited, and the oldest of it is given up. */

const server = await startPostgres();
afterAll(() => server?.stop());

const worlds = [
  { name: "SQLite", runs: 20, open: () => openSqliteWorld(writes) },
  ...(server === undefined ? [] : [{ name: "PostgreSQL", runs: 4, open: () => openPostgresWorld(server, writes) }]),
];

const day = 86_400_000;
const { signal } = new AbortController();
const nameOf = parseRepositoryName;
const latest = Number.MAX_SAFE_INTEGER;
const digestOfText = (text: string) => digestOf(Buffer.from(text));

const listGivenUp = statement(
  "listGivenUp",
  (_db, _p: { readonly [none: string]: never }) => sql<{
    principal: string;
    repository: string;
    target: string;
    detail: string;
  }>`
    select principal, repository, target, detail from audit where action = 'give-up-undo' order by id`,
);

const listWarned = statement(
  "listWarned",
  (_db, _p: { readonly [none: string]: never }) => sql<{ namespace: string; payload: string }>`
    select namespace, payload from event where type = 'quota.warned' order by id`,
);

const countDeleted = statement(
  "countDeleted",
  (_db, _p: { readonly [none: string]: never }) => sql<{ count: number }>`select count(*) as count from undo_manifest`,
);

describe.each(worlds)("on $name", { timeout: 240_000 }, ({ open, runs }) => {
  let world: World;
  let registry: Registry;
  beforeEach(async () => {
    world = await open();
    registry = (await world.actor({ undoWindow: 7 * day })).registry;
    await prepare(registry);
  });
  afterEach(() => world.close());

  async function prepare(on: Registry): Promise<void> {
    const metadata = on.metadata as unknown as Metadata<AllWrites>;
    const by = { principal: "system:test", credential: null, address: null, request: null, reason: null };
    await metadata.write("createNamespace", { by, path: "", public: false }).catch(() => undefined);
    for (const path of ["team", "other"]) await makeNamespace(metadata, path);
  }

  const settle = async (on = registry) => trimAll(on, await settleAll(on), signal);
  const pendingOf = (on = registry) => pendingBytesOf(on);
  const kept = (name: string) => listUndo(registry, caller, nameOf(name), latest, 100);
  const below = async () => (await listUndoBelow(registry, caller, "team", undefined, 100)).map(({ target }) => target);
  const shown = async () =>
    (await inspectQuotas(registry, caller, "team")).find(({ quota }) => quota === "quotaPending");
  const layerOf = (letter: string, size = 1_000) => letter.repeat(size);
  async function pushImage(repository: string, layer: string, on = registry, tag = "v1"): Promise<string> {
    await putBlob(on, repository, layer);
    const text = imageOf([layer]);
    await putManifest(on, repository, text, tag);
    return text;
  }

  test("a repository that is pushed and deleted again and again keeps no more than the quota says", async () => {
    await setQuota(registry, "team", { quotaStorage: 3_000 });
    for (const letter of "abcdef") {
      await pushImage("team/app", layerOf(letter));
      await deleteRepository(registry, caller, nameOf("team/app"), undefined);
      await settle();
      expect(await pendingOf(), letter).toBeLessThanOrEqual(3_000);
    }
    expect(await below(), "the latest are there").toEqual(["team/app", "team/app"]);
    expect(await shown()).toMatchObject({ limit: 3_000, givenUp: { count: 4 }, from: "namespace team" });
    expect((await shown())!.used).toBe(await pendingOf());
    const notes = await describeGivenUp(registry.metadata.read, "team/app");
    expect(notes).toEqual([expect.stringMatching(/^4 deletes were given up .* namespace team, .*\(quotaPending\)/)]);
    // What was given up goes with the next passes, and what is left comes back.
    await collectAll(registry);
    await restoreRepository(registry, caller, nameOf("team/app"));
    expect(await below()).toEqual(["team/app"]);
    expect(await check(registry)).toEqual({ numbers: [0, 0, 0, 0], problems: [] });
  });

  test("what is given up leaves an audit row each, and the namespace's webhooks are told", async () => {
    await setQuota(registry, "team", { quotaStorage: 1_000_000, quotaPending: 1_500 });
    const first = await pushImage("team/app", layerOf("a"));
    const second = await pushImage("team/app", layerOf("b"), registry, "v2");
    for (const text of [first, second]) await deleteManifest(registry, caller, nameOf("team/app"), digestOfText(text));
    await settle();
    expect(
      await kept("team/app"),
      "their layers count still, until collection takes them from the repository",
    ).toHaveLength(2);
    await collectAll(registry);
    await settle();
    expect((await kept("team/app")).map(({ target }) => target)).toEqual([digestOfText(second)]);
    const rows = await registry.metadata.read.all(listGivenUp, {});
    expect(rows).toMatchObject([{ principal: "system:quota", repository: "team/app", target: digestOfText(first) }]);
    expect(JSON.parse(rows[0]!.detail)).toMatchObject({ quota: "quotaPending", namespace: "team", limit: 1_500 });
    const [event, ...more] = await registry.metadata.read.all(listWarned, {});
    expect(more).toEqual([]);
    expect(event!.namespace).toBe("team");
    const told = JSON.parse(event!.payload) as { readonly used: number };
    expect(told).toMatchObject({ quota: "pending", threshold: 100, limit: 1_500, givenUp: 1 });
    expect(told.used).toBeGreaterThan(1_500);
  });

  test("what the namespace has does not count, what several deletes keep counts once, and nothing goes without need", async () => {
    await setQuota(registry, "team", { quotaStorage: 1_000_000, quotaPending: 4_000 });
    await pushImage("team/live", layerOf("s"));
    await putBlob(registry, "team/app", layerOf("s"));
    await putBlob(registry, "team/app", layerOf("t"));
    for (const note of ["1", "2", "3", "4"]) {
      const text = imageOf([layerOf("s"), layerOf("t")], { annotations: { note } });
      await putManifest(registry, "team/app", text);
      await deleteManifest(registry, caller, nameOf("team/app"), digestOfText(text));
    }
    await collectAll(registry);
    await settle();
    expect(await kept("team/app")).toHaveLength(4);
    expect((await shown())!.used).toBe(await pendingOf());
    expect(await pendingOf()).toBeLessThanOrEqual(4_000);
    // What is live there goes, too: now its bytes are kept by deletes alone.
    await setQuota(registry, "team", { quotaPending: 4_500 });
    await deleteRepository(registry, caller, nameOf("team/live"), undefined);
    await settle();
    expect(await pendingOf()).toBeLessThanOrEqual(4_500);
    expect(await below(), "the latest is the last to go").toContain("team/live");
  });

  test("a hold keeps from deletes, not from this, and what comes with a repository counts", async () => {
    await setQuota(registry, "team", { quotaStorage: 1_000_000, quotaPending: 1_500 });
    for (const letter of "ab") {
      const text = await pushImage("other/app", layerOf(letter));
      await deleteManifest(registry, caller, nameOf("other/app"), digestOfText(text));
    }
    await pushImage("other/app", layerOf("c"));
    await collectAll(registry);
    await settle();
    expect(await kept("other/app")).toHaveLength(2);
    await renameRepository(registry, caller, nameOf("other/app"), nameOf("team/app"), undefined);
    await setHold(registry, caller, nameOf("team/app"), { digest: undefined, reason: "a case" });
    await settle();
    expect(await kept("team/app")).toHaveLength(1);
    await collectAll(registry);
    expect(Number((await registry.metadata.read.first(countDeleted, {}))!.count)).toBe(1);
  });

  test("a higher limit meanwhile ends it, and settings say what holds and from where", async () => {
    await setQuota(registry, "team", { quotaStorage: 2_000 });
    const pending = async () =>
      (await inspectSettings(registry, caller, { namespace: "team" })).settings.find(
        ({ key }) => key === "quotaPending",
      );
    expect(await pending()).toMatchObject({ value: 2_000, from: "quotaStorage of namespace team" });
    for (const letter of "ab") {
      await pushImage("team/app", layerOf(letter));
      await deleteRepository(registry, caller, nameOf("team/app"), undefined);
    }
    const [keeping] = await settleAll(registry);
    await setQuota(registry, "team", { quotaPending: 5_000 });
    expect(await trimPending(registry, keeping!, { signal, share: 1 })).toMatchObject({ givenUp: 0 });
    await settle();
    expect(await below()).toHaveLength(2);
    expect(await pending()).toMatchObject({ value: 5_000, from: "namespace team", own: true });
    expect(await shown()).toMatchObject({ givenUp: null, used: await pendingOf() });
  });

  test("the server's longest window cuts what a namespace says, and settings show it", async () => {
    const { registry: short } = await world.actor({ undoWindow: { standard: day, longest: 2 * day } });
    const change = { set: { undoWindow: "9999d" }, unset: [], enforce: [], relax: [] };
    await changeSettings(short, caller, { namespace: "team" }, change, undefined);
    const { settings } = await inspectSettings(short, caller, { namespace: "team" });
    expect(settings.find(({ key }) => key === "undoWindow")).toMatchObject({
      value: "2d",
      from: "undo.maxWindow of the server, which cuts 9999d of namespace team",
    });
    const text = await pushImage("team/app", layerOf("a"), short);
    await deleteManifest(short, caller, nameOf("team/app"), digestOfText(text));
    const [entry] = await listUndo(short, caller, nameOf("team/app"), latest, 1);
    expect(entry!.until - entry!.at).toBe(2 * day);
  });

  test("whatever is pushed, deleted, moved, brought back and collected: it is thought to be no less than it is, and stays within the limit", async () => {
    const names = ["team/a", "team/b", "other/a"];
    const texts = ["x", "y", "z"].map((letter) => layerOf(letter, 400));
    const images = [imageOf([texts[0]!]), imageOf([texts[0]!, texts[1]!]), imageOf([texts[2]!])];
    const repository = fc.constantFrom(...names).map(nameOf);
    const image = fc.constantFrom(...images);
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ do: fc.constant("push" as const), repository, image }) },
      { weight: 4, arbitrary: fc.record({ do: fc.constant("delete" as const), repository, image }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant("delete all" as const), repository }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("bring back" as const), repository }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("undo" as const), repository }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("rename" as const), repository, to: repository }) },
      { weight: 4, arbitrary: fc.record({ do: fc.constant("collect" as const) }) },
    );
    const whole = { repository: nameOf("team/a"), image: images[0]! };
    const tooMuch = [
      { do: "push" as const, ...whole },
      { do: "delete all" as const, repository: whole.repository },
    ];
    const givenUp = { some: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25, size: "max" }), async (steps) => {
        const own = await open();
        try {
          const { registry: on } = await own.actor({ undoWindow: 7 * day });
          await prepare(on);
          await setQuota(on, "team", { quotaStorage: 1_000_000, quotaPending: 1_300 });
          for (const one of steps) {
            await run(on, one);
            const keeping = await settleAll(on);
            const thought = async () =>
              (await inspectQuotas(on, caller, "team")).find(({ quota }) => quota === "quotaPending")!.used;
            const before = await pendingOf(on);
            if (keeping.length === 0) expect(await thought()).toBeGreaterThanOrEqual(before);
            for (const each of keeping) {
              const trimmed = await trimPending(on, each, { signal, share: 1 });
              expect(trimmed.pending).toBe(await pendingOf(on));
              expect(trimmed.givenUp > 0, "no more than needed").toBe(before > 1_300);
              givenUp.some += trimmed.givenUp;
            }
            expect(await pendingOf(on)).toBeLessThanOrEqual(1_300);
          }
          await collectAll(on);
          expect(await check(on)).toEqual({ numbers: [0, 0, 0, 0], problems: [] });
        } finally {
          await own.close();
        }
      }),
      { numRuns: runs, examples: [[tooMuch]] },
    );
    expect(givenUp.some).toBeGreaterThan(0);

    type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
    async function run(on: Registry, one: Step): Promise<void> {
      await begin(on, one).catch((error: unknown) => {
        if (!(error instanceof RegistryError)) throw error;
      });
    }
    async function begin(on: Registry, one: Step): Promise<unknown> {
      switch (one.do) {
        case "push":
          for (const text of texts) await putBlob(on, one.repository, text);
          return putManifest(on, one.repository, one.image, "v1");
        case "delete":
          return deleteManifest(on, caller, one.repository, digestOfText(one.image));
        case "delete all":
          return deleteRepository(on, caller, one.repository, undefined);
        case "bring back":
          return restoreRepository(on, caller, one.repository);
        case "undo":
          return undoLatest(on, one.repository);
        case "rename":
          return renameRepository(on, caller, one.repository, one.to, undefined);
        case "collect":
          return collectOnce(on);
      }
    }
    async function undoLatest(on: Registry, name: RepositoryName): Promise<void> {
      const [entry] = await listUndo(on, caller, name, latest, 1);
      if (entry !== undefined) await applyUndo(on, caller, name, entry.id);
    }
  });
});
