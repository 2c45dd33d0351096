import { expect } from "vitest";
import { authenticate, findPlace } from "../../src/access/index.ts";
import type { Access, Caller } from "../../src/access/index.ts";
import { parseReference, parseRepositoryName, parseTag } from "../../src/oci/index.ts";
import {
  appendUpload,
  createRepository,
  deleteRepository,
  describeRepositories,
  mountBlob,
  pullManifest,
  pushBlob,
  pushManifest,
  renameRepository,
  setTag,
  startUpload,
  updateRepository,
} from "../../src/registry/index.ts";
import type { Registry } from "../../src/registry/index.ts";
import { describeEachDatabase } from "../support/each-database.ts";
import type { TestDatabase } from "../support/open-database.ts";
import { digestOf, imageOf, imageType } from "../support/open-registry.ts";
import { basic, callerOf, grant, makeAccount, makeNamespace, makeToken } from "../support/open-rights.ts";

// Rights go by the repository's id: what was given on a deleted one is nothing on the next one of its name.

const app = parseRepositoryName("team/app");
const layer = Buffer.from("layer");

await describeEachDatabase((it, prepare) => {
  let database: TestDatabase;
  let registry: Registry & { readonly access: Access };
  let owner: Caller;
  let scopedSecret: string;
  prepare(async (rows) => {
    ({ database, registry } = rows);
    const team = await makeNamespace(database.metadata, "team");
    await makeNamespace(database.metadata, "open", true);
    const account = await makeAccount(database.metadata, "olga");
    await grant(database.metadata, { account }, { namespace: team }, "owner");
    owner = await known("olga", (await makeToken(database.metadata, account)).secret);
  });

  const known = async (name: string, secret: string): Promise<Caller> => {
    return callerOf(await authenticate(registry.access, basic(name, secret)));
  };
  const push = async (caller: Caller, repository = app) => {
    await pushBlob(registry, caller, repository, digestOf(layer), async (take) => void (await take(layer)));
    const bytes = Buffer.from(imageOf(["layer"]));
    await pushManifest(registry, caller, {
      ...{ repository, digest: undefined, tags: [parseTag("v1")], bytes, contentType: imageType },
    });
  };
  const pull = async (caller: Caller, repository = app) =>
    pullManifest(registry, caller, repository, parseReference("v1"));
  const codeOf = (work: Promise<unknown>) =>
    work.then(
      () => "done",
      (error: { code?: string }) => error.code,
    );
  /** Somebody with a grant and a token on the repository alone. */
  const guest = async () => {
    const place = await findPlace(registry.access, app);
    const account = await makeAccount(database.metadata, "guest");
    await grant(database.metadata, { account }, { repository: place.id! }, "maintainer");
    const scope = [{ repository: { id: place.id, name: app }, actions: ["pull", "push"] as const }];
    const plain = (await makeToken(database.metadata, account)).secret;
    const scoped = (await makeToken(database.metadata, account, scope)).secret;
    scopedSecret = scoped;
    const ownerToken = (await makeToken(database.metadata, owner.principal.id, scope)).secret;
    return Promise.all([known("guest", plain), known("guest", scoped), known("olga", ownerToken)]);
  };

  it("tokens and grants of a deleted repository do nothing on the next one of its name (threat 32)", async () => {
    await push(owner);
    const callers = await guest();
    for (const caller of callers) await pull(caller);
    const upload = await startUpload(registry, owner, app, "sha256");
    await deleteRepository(registry, owner, app, undefined);
    for (const caller of callers) expect(await codeOf(pull(caller))).toBe("DENIED");
    await push(owner);
    await pull(owner);
    for (const caller of callers) {
      expect(await codeOf(pull(caller))).toBe("DENIED");
      expect(await codeOf(push(caller))).toBe("DENIED");
    }
    const bytes = async (take: (chunk: Uint8Array) => unknown) => void (await take(layer));
    expect(await codeOf(appendUpload(registry, owner, app, upload, undefined, bytes))).toBe("BLOB_UPLOAD_UNKNOWN");
  });

  it("a mount takes nothing from what was made under a deleted repository's name by somebody else (threat 32)", async () => {
    await push(owner);
    const [reader] = await guest();
    const mine = parseRepositoryName("mine/app");
    const namespace = await makeNamespace(database.metadata, "mine");
    await grant(database.metadata, { account: reader.principal.id }, { namespace }, "owner");
    expect(await mountBlob(registry, reader, mine, digestOf(layer), app)).toBe(true);
    await deleteRepository(registry, owner, app, undefined);
    await push(owner);
    const other = parseRepositoryName("mine/other");
    for (const from of [undefined, app]) {
      const mounted = await mountBlob(registry, reader, other, digestOf(layer), from);
      // Its own copy is found where no source is named.
      expect(mounted).toBe(from === undefined);
    }
  });

  it("what was granted on a repository goes along when it is renamed, what its namespace gives does not", async () => {
    await push(owner);
    const [plain] = await guest();
    const moved = parseRepositoryName("team/moved");
    await renameRepository(registry, owner, app, moved, undefined);
    await pull(plain, moved);
    expect(await codeOf(pull(plain))).toBe("DENIED");
    expect((await describeRepositories(registry, plain, "", 10)).map(({ name }) => name)).toEqual([moved]);
    const elsewhere = parseRepositoryName("open/app");
    expect(await codeOf(renameRepository(registry, owner, moved, elsewhere, undefined))).toBe("DENIED");
    expect(await codeOf(renameRepository(registry, plain, moved, elsewhere, undefined))).toBe("DENIED");
  });

  it("a token that was narrowed to a repository goes along when it is renamed, and is none for the next one of the old name (threat 32)", async () => {
    await push(owner);
    const [, scoped] = await guest();
    const moved = parseRepositoryName("team/moved");
    await renameRepository(registry, owner, app, moved, undefined);
    await push(owner);
    for (const caller of [scoped, await known("guest", scopedSecret)]) {
      await pull(caller, moved);
      expect(await codeOf(pull(caller))).toBe("DENIED");
      expect(await codeOf(push(caller))).toBe("DENIED");
    }
    const now = await known("guest", scopedSecret);
    expect((await describeRepositories(registry, now, "", 10)).map(({ name }) => name)).toEqual([moved]);
  });

  it("a token for a repository that is not there yet is for the first of that name alone (threat 32)", async () => {
    const scope = [{ repository: { id: null, name: app }, actions: ["pull", "push", "create-repository"] as const }];
    const { secret } = await makeToken(database.metadata, owner.principal.id, scope);
    const early = await known("olga", secret);
    await push(early);
    await pull(early);
    await pull(await known("olga", secret));
    const moved = parseRepositoryName("team/moved");
    await renameRepository(registry, owner, app, moved, undefined);
    await push(owner);
    const late = await known("olga", secret);
    await pull(late, moved);
    for (const caller of [early, late]) expect(await codeOf(pull(caller))).toBe("DENIED");
  });

  it("who may delete but not read a repository does not get to read it by moving it", async () => {
    await push(owner);
    const place = await findPlace(registry.access, app);
    const account = await makeAccount(database.metadata, "dan");
    const namespace = await makeNamespace(database.metadata, "dan");
    await grant(database.metadata, { account }, { namespace }, "owner");
    await grant(database.metadata, { account }, { repository: place.id! }, ["delete-repository"]);
    const dan = await known("dan", (await makeToken(database.metadata, account)).secret);
    const mine = parseRepositoryName("dan/app");
    expect(await codeOf(renameRepository(registry, dan, app, mine, undefined))).toBe("DENIED");
    await pull(owner);
  });

  it("visibility says who may pull from the change on, and the namespace's where it says nothing", async () => {
    const stranger = await known(
      "sam",
      (await makeToken(database.metadata, await makeAccount(database.metadata, "sam"))).secret,
    );
    await createRepository(registry, owner, app, "inherit");
    await push(owner);
    for (const [visibility, code] of [
      ["public", "done"],
      ["private", "DENIED"],
      ["public", "done"],
      ["inherit", "DENIED"],
    ] as const) {
      await updateRepository(registry, owner, app, visibility, undefined);
      expect(await codeOf(pull(stranger)), visibility).toBe(code);
    }
  });

  it("a tag is set in the transaction that looks whether it may be moved", async () => {
    await push(owner);
    const account = await makeAccount(database.metadata, "pia");
    const place = await findPlace(registry.access, app);
    await grant(database.metadata, { account }, { repository: place.id! }, ["pull", "push"]);
    const pia = await known("pia", (await makeToken(database.metadata, account)).secret);
    const digest = digestOf(Buffer.from(imageOf(["layer"])));
    const set = (caller: Caller, tag: string, to = digest) =>
      codeOf(setTag(registry, caller, app, parseTag(tag), to, undefined));
    expect(await set(pia, "new")).toBe("done");
    expect(await set(pia, "new")).toBe("done");
    const bytes = Buffer.from(imageOf(["layer"], { annotations: { a: "b" } }));
    await pushManifest(registry, owner, {
      ...{ repository: app, digest: undefined, tags: [parseTag("v2")], bytes, contentType: imageType },
    });
    expect(await set(pia, "new", digestOf(bytes))).toBe("DENIED");
    expect(await set(owner, "new", digestOf(bytes))).toBe("done");
    await deleteRepository(registry, owner, app, undefined);
    expect(await set(owner, "new")).toBe("NAME_UNKNOWN");
  });
});
