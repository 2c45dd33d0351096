import { afterAll, describe, expect, test } from "vitest";
import { authenticate, findPlace, operator } from "../../src/access/index.ts";
import type { Access, Caller } from "../../src/access/index.ts";
import { openSqliteInProcess } from "../../src/metadata/index.ts";
import type { Reader } from "../../src/metadata/index.ts";
import { parseReference, parseRepositoryName, parseTag } from "../../src/oci/index.ts";
import {
  createRepository,
  deleteRepository,
  describeTags,
  findBlob,
  inspectBlob,
  inspectManifest,
  inspectTag,
  listImages,
  listReferrers,
  listTags,
  pullManifest,
  pushBlob,
  pushManifest,
  updateRepository,
} from "../../src/registry/index.ts";
import type { Registry } from "../../src/registry/index.ts";
import { writes } from "../../src/writes.ts";
import type { AllWrites } from "../../src/writes.ts";
import { comeToRest } from "../support/come-to-rest.ts";
import { openTestDatabase } from "../support/open-database.ts";
import { caller as everybody, digestOf, imageOf, imageType, openRegistry } from "../support/open-registry.ts";
import { basic, callerOf, grant, makeAccount, makeNamespace, makeToken, openGuarded } from "../support/open-rights.ts";
import { startPostgres } from "../support/postgres.ts";

/* What happens between the look at the rights and the look at the content. */

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

const app = parseRepositoryName("team/app");
const boss = callerOf(operator);
const layer = Buffer.from("layer");
const image = Buffer.from(imageOf(["layer"]));
const referring = Buffer.from(
  imageOf(["layer"], { subject: { mediaType: imageType, digest: digestOf(image), size: image.length } }),
);

async function fill(registry: Registry): Promise<void> {
  await pushBlob(registry, boss, app, digestOf(layer), async (take) => void (await take(layer)));
  for (const [bytes, tags] of [
    [image, [parseTag("v1")]],
    [referring, []],
  ] as const) {
    await pushManifest(registry, boss, { repository: app, digest: undefined, tags, bytes, contentType: imageType });
  }
}

/** The registry whose repository goes, and comes again under its name, just before this statement is read. */
function swapping(registry: Registry, statement: string): Registry {
  let swapped = false;
  const { read } = registry.metadata;
  const before = async <T>(name: string, work: () => T): Promise<Awaited<T>> => {
    if (name === statement && !swapped) {
      swapped = true;
      await deleteRepository(registry, boss, app, undefined);
      await fill(registry);
    }
    return await work();
  };
  const reader: Reader = {
    first: (one, parameters) => before(one.name, () => read.first(one, parameters)),
    all: (one, parameters) => before(one.name, () => read.all(one, parameters)),
  };
  return { ...registry, metadata: { ...registry.metadata, read: reader } };
}

const tag = parseReference("v1");
const byDigest = parseReference(digestOf(image));
const reads: Readonly<Record<string, readonly [string, (registry: Registry, caller: Caller) => unknown]>> = {
  "a blob": ["findLinkedBlob", (registry, caller) => findBlob(registry, caller, app, digestOf(layer))],
  "a blob by HEAD": ["findLinkedBlob", (registry, caller) => inspectBlob(registry, caller, app, digestOf(layer))],
  "a manifest by tag": ["findManifestByTag", (registry, caller) => pullManifest(registry, caller, app, tag)],
  "a manifest by digest": ["findManifestByDigest", (registry, caller) => pullManifest(registry, caller, app, byDigest)],
  "a manifest by HEAD": ["resolveTag", (registry, caller) => inspectManifest(registry, caller, app, tag)],
  tags: ["listTags", (registry, caller) => listTags(registry, caller, app, "", 10)],
  images: ["findRepositoryRow", (registry, caller) => listImages(registry, caller, app, {}, undefined, 10)],
  "described tags": ["findRepositoryRow", (registry, caller) => describeTags(registry, caller, app, undefined, "", 10)],
  "a described tag": ["findRepositoryRow", (registry, caller) => inspectTag(registry, caller, app, parseTag("v1"))],
};

async function openAll() {
  const metadata = openSqliteInProcess<AllWrites>(":memory:", writes);
  const registry = await openGuarded(metadata);
  await makeNamespace(metadata, "team");
  await fill(registry);
  const account = await makeAccount(metadata, "ruth");
  const { id } = await findPlace(registry.access, app);
  await grant(metadata, { account }, { repository: id! }, "reader");
  const { secret } = await makeToken(metadata, account);
  const ruth = callerOf(await authenticate(registry.access as Access, basic("ruth", secret)));
  const close = async () => {
    registry.access.version.close();
    await metadata.close();
  };
  return { registry, ruth, close };
}

test.each(Object.keys(reads))(
  "rights on a repository read %s of no other that has its name since (threat 32)",
  async (what) => {
    const { registry, ruth, close } = await openAll();
    try {
      const [statement, read] = reads[what]!;
      await read(registry, ruth);
      const answer = await Promise.resolve(read(swapping(registry, statement), ruth)).then(
        () => "read",
        (error: { code?: string }) => error.code,
      );
      expect(answer).toMatch(/^(?:NAME|BLOB|MANIFEST)_UNKNOWN$/);
    } finally {
      await close();
    }
  },
);

test("rights on a repository list no referrers of another that has its name since (threat 32)", async () => {
  const { registry, ruth, close } = await openAll();
  try {
    const list = (one: Registry) => listReferrers(one, ruth, app, { subject: digestOf(image), types: [], after: "" });
    expect((await list(registry)).descriptors).toHaveLength(1);
    expect(await list(swapping(registry, "listReferrers"))).toEqual({
      descriptors: [],
      next: undefined,
      archived: new Set(),
    });
  } finally {
    await close();
  }
});

describe.skipIf(postgres === undefined)("on PostgreSQL, with two nodes", () => {
  /** A node that waits before a statement for the first time, until it is let go. */
  async function openSlow(database: Awaited<ReturnType<typeof openTestDatabase>>, statement: string) {
    const arrived = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const metadata = await database.openNode(async (name) => {
      if (name !== statement) return;
      arrived.resolve();
      await go.promise;
    });
    return { registry: openRegistry(metadata), arrived: arrived.promise, go: () => go.resolve() };
  }
  const race = async (
    statement: string,
    slow: (registry: Registry) => Promise<unknown>,
    quick: (registry: Registry) => Promise<unknown>,
  ) => {
    const database = await openTestDatabase(postgres);
    try {
      await makeNamespace(database.metadata, "team", true);
      const registry = openRegistry(database.metadata);
      await createRepository(registry, everybody, parseRepositoryName("team/old"), "private");
      const node = await openSlow(database, statement);
      const first = slow(node.registry);
      await node.arrived;
      const second = quick(registry).then(
        () => "done",
        (error: { code?: string }) => error.code,
      );
      await comeToRest((sql) => database.sql(sql), second);
      node.go();
      await first;
      const outcome = await second;
      const rows = await database.sql("select name, public from repository order by name");
      return [outcome, ...rows.map((row) => `${String(row["name"])} ${String(row["public"])}`)];
    } finally {
      await database.close();
    }
  };
  const create = (registry: Registry) => createRepository(registry, everybody, app, "inherit");
  const follow = (registry: Registry) =>
    updateRepository(registry, everybody, parseRepositoryName("team/old"), "inherit", undefined);
  const hide = ({ metadata }: Registry) =>
    (metadata as Parameters<typeof makeNamespace>[0]).write("updateNamespace", {
      ...{ caller: boss, path: "team", versions: undefined, public: false },
    });

  test("a repository that is made while its namespace becomes private is private", async () => {
    expect(await race("insertRepository", create, hide)).toEqual(["done", "team/app 0", "team/old 0"]);
  });

  test("a repository that begins to follow its namespace while that becomes private is private", async () => {
    expect(await race("updateRepository", follow, hide)).toEqual(["done", "team/old 0"]);
  });

  test("a repository that is made while a nearer namespace is follows that one", async () => {
    const deep = (registry: Registry) =>
      createRepository(registry, everybody, parseRepositoryName("team/sub/app"), "inherit");
    const nearer = ({ metadata }: Registry) =>
      makeNamespace(metadata as Parameters<typeof makeNamespace>[0], "team/sub", false);
    expect(await race("insertRepository", deep, nearer)).toEqual(["done", "team/old 0", "team/sub/app 0"]);
  });

  test("a namespace is not deleted while a repository is made in it", async () => {
    const remove = async (registry: Registry) => {
      await deleteRepository(registry, everybody, parseRepositoryName("team/old"), undefined);
      return (registry.metadata as Parameters<typeof makeNamespace>[0]).write("deleteNamespace", {
        ...{ caller: boss, path: "team", versions: undefined },
      });
    };
    const [outcome] = await race("insertRepository", create, remove);
    expect(outcome).toBe("CONFLICT");
  });
});
