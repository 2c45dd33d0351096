import { sql } from "kysely";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { authenticate, readLatest } from "../../src/access/index.ts";
import { writeRefusals } from "../../src/access/keep-trail.ts";
import type { Access, Caller } from "../../src/access/index.ts";
import type { Metadata } from "../../src/metadata/index.ts";
import { statement } from "../../src/metadata/statement.ts";
import { parseReference, parseRepositoryName, parseTag } from "../../src/oci/index.ts";
import type { RepositoryName } from "../../src/oci/index.ts";
import {
  changeSettings,
  deleteManifest,
  deleteRepository,
  deleteTag,
  inspectManifest,
  pushManifest,
  renameRepository,
  setTag,
} from "../../src/registry/index.ts";
import type { Registry } from "../../src/registry/index.ts";
import { writes } from "../../src/writes.ts";
import type { AllWrites } from "../../src/writes.ts";
import { openPostgresWorld, openSqliteWorld } from "../support/actors.ts";
import type { Actor, World } from "../support/actors.ts";
import { caller as operator, digestOf, indexType } from "../support/open-registry.ts";
import { basic, callerOf, grant, makeAccount, makeNamespace, makeToken, openGuarded } from "../support/open-rights.ts";
import { startPostgres } from "../support/postgres.ts";

/*
 * Each cell of {rule, exclusion, exception for a role} × {who} × {path} on both databases, by itself and while a second
 * writer is in the middle of the change that makes it so.
 */

const server = await startPostgres();
afterAll(() => server?.stop());

const worlds = [
  { name: "SQLite", open: () => openSqliteWorld(writes) },
  ...(server === undefined ? [] : [{ name: "PostgreSQL", open: () => openPostgresWorld(server, writes) }]),
];

const listRefused = statement(
  "listRefused",
  (_db, _p: { readonly [none: string]: never }) =>
    sql<{ repository: string; payload: string }>`select repository, payload from event where type = 'tag.refused'`,
);

type Guarded = Registry & { readonly access: Access };
/** One document for each of the two manifests of a cell; indexes that list nothing need no blobs. */
const bytesOf = (which: string) =>
  Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: [], annotations: { which } }));
const [first, second] = [bytesOf("first"), bytesOf("second")];
const tag = parseTag("v1");

async function push(
  registry: Registry,
  caller: Caller,
  name: RepositoryName,
  bytes: Buffer,
  by: "tag" | "digest" | "parameter",
) {
  const digest = by === "tag" ? undefined : digestOf(bytes);
  const input = { repository: name, digest, tags: by === "digest" ? [] : [tag], bytes, contentType: indexType };
  await pushManifest(registry, caller, input);
}

interface Path {
  readonly act: "overwrite" | "delete";
  readonly run: (registry: Registry, caller: Caller, name: RepositoryName) => Promise<unknown>;
}

const paths: Readonly<Record<string, Path>> = {
  "push by tag": { act: "overwrite", run: (registry, caller, name) => push(registry, caller, name, second, "tag") },
  "push with ?tag=": {
    act: "overwrite",
    run: (registry, caller, name) => push(registry, caller, name, second, "parameter"),
  },
  "tag set": {
    act: "overwrite",
    run: (registry, caller, name) => setTag(registry, caller, name, tag, digestOf(second), undefined),
  },
  "tag delete": { act: "delete", run: (registry, caller, name) => deleteTag(registry, caller, name, tag) },
  "manifest delete": {
    act: "delete",
    run: (registry, caller, name) => deleteManifest(registry, caller, name, digestOf(first)),
  },
  "repository delete": {
    act: "delete",
    run: (registry, caller, name) => deleteRepository(registry, caller, name, undefined),
  },
  "repository rename": {
    act: "delete",
    run: (registry, caller, name) =>
      renameRepository(registry, caller, name, `${name}-new` as RepositoryName, undefined),
  },
};

interface Cell {
  readonly rule: "allow" | "refuse";
  readonly excluded: boolean;
  readonly by: "maintainer" | null;
  readonly who: "low" | "high";
  readonly path: string;
}

const cells = (["allow", "refuse"] as const).flatMap((rule) =>
  [false, true].flatMap((excluded) =>
    ([null, "maintainer"] as const).flatMap((by) =>
      (["low", "high"] as const).flatMap((who) =>
        Object.keys(paths).map((path): Cell => ({ rule, excluded, by, who, path })),
      ),
    ),
  ),
);

/** What must come of a cell, said apart from the code that decides. */
function expected({ rule, excluded, by, who }: Cell): "done" | "DENIED" {
  const refused = excluded ? rule === "allow" : rule === "refuse";
  return refused && !(by === "maintainer" && who === "high") ? "DENIED" : "done";
}

describe.each(worlds)("on $name", ({ open }) => {
  let world: World;
  let [one, other] = [] as unknown as [Actor, Actor];
  let registry: Guarded;
  const callers = {} as Record<Cell["who"], Caller>;
  let count = 0;

  beforeEach(async () => {
    world = await open();
    [one, other] = [await world.actor(), await world.actor()];
    const metadata = one.registry.metadata as unknown as Metadata<AllWrites>;
    const team = await makeNamespace(metadata, "team");
    const secrets: [Cell["who"], string][] = [];
    for (const who of ["low", "high"] as const) {
      const account = await makeAccount(metadata, who);
      // All that the paths take, and yet no maintainer.
      const actions = ["pull", "push", "overwrite-tag", "create-repository", "delete", "delete-repository"] as const;
      await grant(metadata, { account }, { namespace: team }, who === "high" ? "maintainer" : [...actions]);
      secrets.push([who, (await makeToken(metadata, account, null, 600_000)).secret]);
    }
    registry = { ...(await openGuarded(metadata)), store: one.registry.store };
    for (const [who, secret] of secrets) {
      callers[who] = callerOf(await authenticate(registry.access, basic(who, secret)));
    }
  });
  afterEach(async () => {
    registry.access.version.close();
    await world.close();
  });

  const newRepository = async () => {
    const name = parseRepositoryName(`team/r${++count}`);
    await push(one.registry, operator, name, second, "digest");
    await push(one.registry, operator, name, first, "tag");
    return name;
  };
  const change = (by: Actor, name: RepositoryName, { rule, excluded, by: role, path }: Cell) => {
    const value = { rule, except: [excluded ? "v*" : "x*"], by: role };
    const key = paths[path]!.act === "overwrite" ? "tagOverwrite" : "tagDelete";
    const input = { set: { [key]: value }, unset: [], enforce: [], relax: [] };
    return changeSettings(by.registry, operator, { repository: name }, input, undefined);
  };
  const outcome = (work: Promise<unknown>) =>
    work.then(
      () => "done",
      (error: { code?: string; message: string }) => error.code ?? error.message,
    );
  const at = async (name: RepositoryName): Promise<string> =>
    (await inspectManifest(one.registry, operator, name, parseReference(tag))).digest;
  const words = (cell: Cell, came: string) => `${came}: ${JSON.stringify(cell)}`;

  test(`each of ${cells.length} cells does what it says, and leaves all as it was when it refuses`, async () => {
    const check = async (cell: Cell) => {
      const name = await newRepository();
      await change(other, name, cell);
      const { run, act } = paths[cell.path]!;
      const came = await outcome(run(registry, callers[cell.who], name));
      if (expected(cell) === "DENIED") expect(await at(name)).toBe(digestOf(first));
      else if (act === "overwrite") expect(await at(name)).toBe(digestOf(second));
      return words(cell, came);
    };
    const came: string[] = [];
    for (let from = 0; from < cells.length; from += 8) {
      came.push(...(await Promise.all(cells.slice(from, from + 8).map(check))));
    }
    expect(came).toEqual(cells.map((cell) => words(cell, expected(cell))));
  });

  test("each cell, while the change that makes it so is about to be committed by another", async () => {
    const [came, wanted]: [string[], string[]] = [[], []];
    for (const cell of cells) {
      const name = await newRepository();
      const held = other.holdAt("insertAudit");
      // What it would tell afterwards is gone when the repository is deleted meanwhile.
      const changed = outcome(change(other, name, cell));
      await held;
      const work = outcome(paths[cell.path]!.run(registry, callers[cell.who], name));
      await world.comeToRest(work);
      other.letGo();
      await changed;
      came.push(words(cell, await work));
      wanted.push(words(cell, expected(cell)));
      if (expected(cell) === "DENIED") expect(await at(name)).toBe(digestOf(first));
    }
    expect(came).toEqual(wanted);
  });

  test("a stricter setting waits for the move that is under way, and holds for the next", async () => {
    const strict: Cell = { rule: "refuse", excluded: false, by: null, who: "low", path: "push by tag" };
    for (const path of Object.keys(paths).filter((one) => one !== "repository delete" && one !== "repository rename")) {
      const name = await newRepository();
      const [moved, changed] = await world.race(
        {
          by: one,
          at: "insertAudit",
          run: () => paths[path]!.run(registry, callers.low, name),
        },
        () => change(other, name, { ...strict, path }),
      );
      expect([moved.status, changed.status], path).toEqual(["fulfilled", "fulfilled"]);
      // Each wrote its row before its commit: which of them is answered first says nothing.
      const [last, before] = await Array.fromAsync(readLatest(registry.metadata.read, { repository: name }));
      expect([before!.principal, last!.action], path).toEqual(["user:low", "change-settings"]);
    }
  });

  test("of two that make one tag at the same time, where tags do not move, one is refused; the same digest is not", async () => {
    const name = await newRepository();
    await change(other, name, { rule: "refuse", excluded: false, by: null, who: "low", path: "push by tag" });
    await expect(push(registry, callers.low, name, first, "tag")).resolves.toBeUndefined();
    const next = parseTag("next");
    const make = (of: Registry, caller: Caller, bytes: Buffer) =>
      pushManifest(of, caller, { repository: name, digest: undefined, tags: [next], bytes, contentType: indexType });
    const [a, b] = await world.race({ by: one, at: "insertAudit", run: () => make(registry, callers.low, first) }, () =>
      outcome(make(other.registry, operator, second)),
    );
    expect([a.status, b]).toEqual(["fulfilled", { status: "fulfilled", value: "DENIED" }]);
    await expect(make(registry, callers.low, first)).resolves.toBeDefined();
  });

  test("a refusal has an audit row and an event tag.refused; many of one kind have one of each", async () => {
    const name = await newRepository();
    await change(other, name, { rule: "refuse", excluded: false, by: null, who: "low", path: "push by tag" });
    for (let time = 0; time < 3; time++) await outcome(push(registry, callers.low, name, second, "tag"));
    await writeRefusals(registry.access, true);
    const rows = await Array.fromAsync(readLatest(registry.metadata.read, { decision: "refused" }));
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ principal: "user:low", action: "push", repository: name, target: "v1", times: 3 });
    const events = await registry.metadata.read.all(listRefused, {});
    expect(events.map(({ repository, payload }) => [repository, JSON.parse(payload)])).toEqual([
      [name, expect.objectContaining({ target: "v1", principal: "user:low", action: "push", times: 3 })],
    ]);
    expect(rows[0]!.reason).toContain(`tagOverwrite of repository ${name} refuses that for every tag but x*`);
  });
});
