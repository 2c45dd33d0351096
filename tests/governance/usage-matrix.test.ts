import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { authenticate, readLatest } from "../../src/access/index.ts";
import type { Access, Caller } from "../../src/access/index.ts";
import type { Metadata } from "../../src/metadata/index.ts";
import { parseReference, parseRepositoryName, parseTag } from "../../src/oci/index.ts";
import type { RepositoryName } from "../../src/oci/index.ts";
import {
  changeSettings,
  deleteManifest,
  deleteRepository,
  deleteTag,
  forgetUsage,
  inspectManifest,
  listUsage,
  previewLifecycle,
  pushManifest,
  renameRepository,
  reportUsage,
} from "../../src/registry/index.ts";
import type { Registry } from "../../src/registry/index.ts";
import { writes } from "../../src/writes.ts";
import type { AllWrites } from "../../src/writes.ts";
import { openPostgresWorld, openSqliteWorld } from "../support/actors.ts";
import type { Actor, World } from "../support/actors.ts";
import {
  caller as operator,
  check,
  collectAll,
  descriptorOf,
  digestOf,
  indexOf,
  indexType,
  putManifest,
} from "../support/open-registry.ts";
import { basic, callerOf, grant, makeAccount, makeNamespace, makeToken, openGuarded } from "../support/open-rights.ts";
import { startPostgres } from "../support/postgres.ts";

/* Each cell of {what runs} × {setting, force} × {path that takes something away} on both databases. */

const server = await startPostgres();
afterAll(() => server?.stop());

const worlds = [
  { name: "SQLite", open: () => openSqliteWorld(writes) },
  ...(server === undefined ? [] : [{ name: "PostgreSQL", open: () => openPostgresWorld(server, writes) }]),
];

const text = (which: string, more: object = {}) => indexOf([], { annotations: { which }, ...more });
const [child, stranger] = [text("child"), text("stranger")];
const image = indexOf([child]);
const signature = text("signature", { subject: descriptorOf(image) });
const digest = (document: string) => digestOf(Buffer.from(document));
const [tag, other] = [parseTag("v1"), parseTag("v2")];

/** What runs: the index of the path, its child, another image, the index where another repository had it, nothing any more. */
const running = ["nothing", "index", "child", "stranger", "index from elsewhere", "index, long ago"] as const;
type Running = (typeof running)[number];
const ways = ["plain", "warn", "forced", "forced by a writer"] as const;
type Way = (typeof ways)[number];

interface Path {
  readonly run: (registry: Registry, caller: Caller, name: RepositoryName, force: boolean) => Promise<unknown>;
  /** What of {@link running} refuses it, said apart from the code that decides. */
  readonly refusedBy: readonly Running[];
}
const own: readonly Running[] = ["index", "child"];
const paths: Readonly<Record<string, Path>> = {
  "last tag deleted": {
    refusedBy: own,
    run: async (registry, caller, name, force) => {
      await deleteTag(registry, caller, name, other);
      return deleteTag(registry, caller, name, tag, { force });
    },
  },
  "one of two tags deleted": {
    refusedBy: [],
    run: (registry, caller, name, force) => deleteTag(registry, caller, name, tag, { force }),
  },
  "last tag moved": {
    refusedBy: [],
    run: async (registry, caller, name) => {
      await deleteTag(registry, caller, name, other);
      const input = { repository: name, digest: undefined, tags: [tag], contentType: indexType };
      return pushManifest(registry, caller, { ...input, bytes: Buffer.from(stranger) });
    },
  },
  "index deleted": {
    refusedBy: own,
    run: (registry, caller, name, force) => deleteManifest(registry, caller, name, digest(image), { force }),
  },
  "its signature deleted": {
    refusedBy: ["index"],
    run: (registry, caller, name, force) => deleteManifest(registry, caller, name, digest(signature), { force }),
  },
  "repository deleted": {
    refusedBy: [...own, "stranger"],
    run: (registry, caller, name, force) => deleteRepository(registry, caller, name, undefined, { force }),
  },
  "repository renamed": {
    refusedBy: [...own, "stranger"],
    run: (registry, caller, name, force) =>
      renameRepository(registry, caller, name, `${name}-new` as RepositoryName, undefined, force),
  },
};

interface Cell {
  readonly runs: Running;
  readonly way: Way;
  readonly path: string;
}
const cells = running.flatMap((runs) =>
  ways.flatMap((way) => Object.keys(paths).map((path): Cell => ({ runs, way, path }))),
);
const day = 86_400_000;

describe.each(worlds)("on $name", ({ open }) => {
  let world: World;
  let [one, two] = [] as unknown as [Actor, Actor];
  let registry: Registry & { readonly access: Access };
  const callers = {} as Record<"writer" | "maintainer" | "cluster", Caller>;
  let count = 0;
  beforeEach(async () => {
    world = await open();
    [one, two] = [await world.actor({ untagged: "delete" }), await world.actor()];
    const metadata = one.registry.metadata as unknown as Metadata<AllWrites>;
    const team = await makeNamespace(metadata, "team");
    registry = { ...(await openGuarded(metadata)), store: one.registry.store };
    const actions = ["pull", "push", "overwrite-tag", "create-repository", "delete", "delete-repository"] as const;
    const rights = { writer: [...actions], maintainer: "maintainer", cluster: ["pull", "report-usage"] } as const;
    for (const who of ["writer", "maintainer", "cluster"] as const) {
      const account = await makeAccount(metadata, who);
      await grant(metadata, { account }, { namespace: team }, rights[who]);
      const { secret } = await makeToken(metadata, account, null, 600_000);
      callers[who] = callerOf(await authenticate(registry.access, basic(who, secret)));
    }
  });
  afterEach(async () => {
    registry.access.version.close();
    await world.close();
  });

  const newRepository = async () => {
    const name = parseRepositoryName(`team/r${++count}`);
    for (const [document, at] of [
      [child],
      [image, tag],
      [image, other],
      [signature],
      [stranger, parseTag("s")],
    ] as const) {
      await putManifest(one.registry, name, document, at);
    }
    return name;
  };
  const report = async (name: string, runs: Running, source = "cluster-1", age = day) => {
    const documents: Record<Running, string | undefined> = {
      ...{ nothing: undefined, index: image, child, stranger, "index from elsewhere": image, "index, long ago": image },
    };
    const repository = runs === "index from elsewhere" ? "team/elsewhere" : name;
    const document = documents[runs];
    const uses =
      document === undefined ? [] : [{ digest: digest(document), repository, workload: "prod/deployment/web" }];
    await reportUsage(
      two.registry,
      operator,
      { namespace: "team", source },
      uses,
      runs === "index, long ago" ? -1 : age,
    );
  };
  const outcome = (work: Promise<unknown>) =>
    work.then(
      (value) => ((value as { warnings?: readonly string[] } | undefined)?.warnings?.length ? "warned" : "done"),
      (error: { code?: string; message: string }) => error.code ?? error.message,
    );
  const isThere = (name: RepositoryName, document: string) =>
    inspectManifest(one.registry, operator, name, parseReference(digest(document))).then(
      () => true,
      () => false,
    );
  const words = (cell: Cell, came: string) => `${came}: ${JSON.stringify(cell)}`;
  const expected = ({ runs, way, path }: Cell) => {
    if (!paths[path]!.refusedBy.includes(runs)) return "done";
    return way === "warn" || way === "forced" ? "warned" : "DENIED";
  };

  test(`each of ${cells.length} cells does what it says, and leaves all as it was when it refuses`, async () => {
    const came: string[] = [];
    for (const cell of cells) {
      const { runs, way, path } = cell;
      const name = await newRepository();
      if (way === "warn") {
        const change = { set: { inUse: "warn" }, unset: [], enforce: [], relax: [] };
        await changeSettings(two.registry, operator, { repository: name }, change, undefined);
      }
      await report(name, runs, "cluster-1");
      const by = callers[way === "forced" ? "maintainer" : "writer"];
      came.push(words(cell, await outcome(paths[path]!.run(registry, by, name, way.startsWith("forced")))));
      if (expected(cell) === "DENIED") expect(await isThere(name, image), JSON.stringify(cell)).toBe(true);
    }
    expect(came).toEqual(cells.map((cell) => words(cell, expected(cell))));
  });

  test("a refusal names the workload, the source and its times, the setting, and what to do; force is in the audit row", async () => {
    const name = await newRepository();
    await report(name, "child");
    const refused = deleteManifest(registry, callers.maintainer, name, digest(image));
    await expect(refused).rejects.toMatchObject({
      code: "DENIED",
      message: expect.stringMatching(
        new RegExp(
          `^the manifest ${digest(image)} may not be deleted: prod/deployment/web runs ${digest(child)} \\(reported by cluster-1 at \\S+Z, good until \\S+Z\\), and the default of inUse refuses that[.] Stop it first, or let a maintainer do it by force`,
        ),
      ),
      detail: { workload: "prod/deployment/web", source: "cluster-1" },
    });
    await deleteManifest(registry, callers.maintainer, name, digest(image), { force: true });
    const [row] = await Array.fromAsync(readLatest(one.registry.metadata.read, { repository: name }));
    expect([row?.action, JSON.stringify(row?.detail)]).toEqual([
      ...["delete-manifest", expect.stringContaining('"inUse":"prod/deployment/web"')],
    ]);
  });

  test("collection leaves what runs, what lists it and what it lists, until nobody says so any more", async () => {
    const name = parseRepositoryName("team/app");
    for (const document of [child, image, signature, stranger]) await putManifest(one.registry, name, document);
    await report(name, "child");
    await collectAll(one.registry);
    const left = () => Promise.all([child, image, signature, stranger].map((document) => isThere(name, document)));
    expect(await left()).toEqual([true, true, true, false]);
    await report(name, "nothing");
    // Looked at again within the hour, or when anything of it changes.
    await putManifest(one.registry, name, image, "late");
    await deleteTag(one.registry, operator, name, parseTag("late"));
    await collectAll(one.registry);
    expect(await left()).toEqual([false, false, false, false]);
    expect(await check(one.registry)).toEqual({ numbers: [0, 0, 0, 0], problems: [] });
  });

  test("a lifecycle policy keeps what runs, and names the workload", async () => {
    const name = await newRepository();
    await report(name, "child");
    const question = { document: { rules: [{ name: "all", action: "expire" }] } as never, at: Date.now() + 1000 };
    const { images } = await previewLifecycle(one.registry, operator, name, { ...question, after: 0, limit: 10 });
    const told = Object.fromEntries(images.map(({ tags, because, keeper }) => [tags[0], [because, keeper]]));
    expect(told).toEqual({ v1: ["in-use", "prod/deployment/web"], s: ["rule", null] });
  });

  test("a report takes the place of the same source's last one, and of nobody else's; expired ones go", async () => {
    const name = await newRepository();
    await report(name, "index", "cluster-1");
    await report(name, "index", "cluster-2");
    await report(name, "nothing", "cluster-1");
    const remove = () => outcome(deleteManifest(one.registry, operator, name, digest(image)));
    expect(await remove()).toBe("DENIED");
    await forgetUsage(one.registry, operator, { namespace: "team", source: "cluster-2" });
    await report(name, "index, long ago", "cluster-3");
    await report(name, "nothing", "cluster-1");
    const sources = await listUsage(one.registry, operator, "team");
    expect(sources.map(({ source, digests }) => [source, digests])).toEqual([["cluster-1", 0]]);
    expect(await remove()).toBe("done");
    await expect(forgetUsage(one.registry, operator, { namespace: "team", source: "cluster-2" })).rejects.toMatchObject(
      { code: "NOT_FOUND" },
    );
  });

  test("who reports takes the place of nobody else's report, unless a maintainer; readers and writers do not report", async () => {
    const send = (by: Caller, source: string) =>
      outcome(reportUsage(registry, by, { namespace: "team", source }, [], day));
    expect(await send(callers.cluster, "own")).toBe("done");
    await report("team/app", "nothing", "theirs");
    expect([await send(callers.cluster, "theirs"), await send(callers.writer, "mine")]).toEqual(["DENIED", "DENIED"]);
    const forget = forgetUsage(registry, callers.cluster, { namespace: "team", source: "theirs" });
    expect(await outcome(forget)).toBe("DENIED");
    expect([await send(callers.maintainer, "own"), await send(callers.cluster, "own")]).toEqual(["done", "DENIED"]);
    // Beside its namespace it says nothing.
    const above = reportUsage(registry, callers.cluster, { namespace: "", source: "own" }, [], day);
    expect(await outcome(above)).toBe("DENIED");
  });

  test("a namespace has a hundred sources, and a large report is one change", async () => {
    const uses = Array.from({ length: 10_000 }, (_, number) => {
      return { digest: `sha256:${String(number).padStart(64, "0")}`, workload: `w${number}` };
    });
    await reportUsage(one.registry, operator, { namespace: "team", source: "large" }, uses, day);
    await reportUsage(one.registry, operator, { namespace: "team", source: "large" }, uses, day);
    for (let number = 1; number < 100; number++) await report("team/app", "nothing", `s${number}`);
    await expect(report("team/app", "nothing", "one-more")).rejects.toMatchObject({ code: "CONFLICT" });
    await expect(report("team/app", "nothing", "s7")).resolves.toBeUndefined();
    const [first] = await listUsage(one.registry, operator, "team");
    expect(first).toMatchObject({ source: "large", digests: 10_000, reported_by: "anonymous" });
  });
});
