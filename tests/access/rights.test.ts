import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  anonymous,
  authenticate,
  authorize,
  authorizeNamespace,
  ensureFirstOwner,
  explainRights,
  findPlace,
  hashPassword,
  listVisible,
  recallPrincipal,
  recallPull,
} from "../../src/access/index.ts";
import type { Access, Caller } from "../../src/access/index.ts";
import { openPostgres, openSqliteInProcess } from "../../src/metadata/index.ts";
import type { Metadata } from "../../src/metadata/index.ts";
import { parseReference, parseRepositoryName, parseTag } from "../../src/oci/index.ts";
import type { Action } from "../../src/policy/index.ts";
import {
  appendUpload,
  deleteTag,
  mountBlob,
  pullManifest,
  pushBlob,
  pushManifest,
  startUpload,
} from "../../src/registry/index.ts";
import type { Registry } from "../../src/registry/index.ts";
import { writes } from "../../src/writes.ts";
import type { AllWrites } from "../../src/writes.ts";
import { digestOf, imageOf, imageType } from "../support/open-registry.ts";
import {
  basic,
  callerOf,
  grant,
  makeAccount,
  makeNamespace,
  makeRobot,
  makeToken,
  openGuarded,
} from "../support/open-rights.ts";
import { startPostgres } from "../support/postgres.ts";

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

const app = parseRepositoryName("team/app");
const secretApp = parseRepositoryName("secret/app");
const layer = Buffer.from("layer");

/** A database of its own for each test. */
async function openDatabase(kind: "SQLite" | "PostgreSQL"): Promise<Metadata<AllWrites>> {
  if (kind === "SQLite") return openSqliteInProcess<AllWrites>(":memory:", writes);
  return openPostgres<AllWrites>(await postgres!.makeMigrated(), writes);
}

describe.each(["SQLite", "PostgreSQL"] as const)("%s", (kind) => {
  const it = kind === "PostgreSQL" ? test.skipIf(postgres === undefined) : test;
  let metadata: Metadata<AllWrites>;
  let registry: Registry & { readonly access: Access };
  let access: Access;

  beforeEach(async () => {
    if (kind === "PostgreSQL" && postgres === undefined) return;
    metadata = await openDatabase(kind);
    registry = await openGuarded(metadata);
    access = registry.access;
  });
  afterEach(async () => {
    access?.version.close();
    await metadata?.close();
  });

  /** A request of an account with a role on a namespace. */
  async function member(name: string, on: number, what: Parameters<typeof grant>[3], tags?: readonly string[]) {
    const id = await makeAccount(metadata, name);
    await grant(metadata, { account: id }, { namespace: on }, what, tags ?? null);
    const { secret, id: token } = await makeToken(metadata, id);
    return { id, secret, token, caller: await callerBy(basic(name, secret)) };
  }
  const callerBy = async (header: string | undefined): Promise<Caller> => callerOf(await authenticate(access, header));
  const push = async (caller: Caller, repository = app, tag = "v1", text = imageOf(["layer"])) => {
    await pushBlob(registry, caller, repository, digestOf(layer), async (take) => void (await take(layer)));
    const manifest = { digest: undefined, tags: [parseTag(tag)], bytes: Buffer.from(text), contentType: imageType };
    await pushManifest(registry, caller, { repository, ...manifest });
  };
  const codeOf = (work: Promise<unknown>) =>
    work.then(
      () => "done",
      (error: { code?: string }) => error.code,
    );

  it("the first start makes one owner of everything, the second none", async () => {
    const password = await ensureFirstOwner(access, undefined);
    expect(password).toMatch(/^.{20}$/);
    expect(await ensureFirstOwner(access, undefined)).toBeUndefined();
    const admin = await callerBy(basic("admin", password!));
    await authorizeNamespace(access, admin, "manage-access", "");
    await push(admin);
    expect(await codeOf(authenticate(access, basic("admin", `${password}x`)))).toBe("UNAUTHORIZED");
  });

  it("roles are inherited downwards, never sideways or upwards", async () => {
    const team = await makeNamespace(metadata, "team");
    const { caller } = await member("wendy", team, "writer");
    await push(caller);
    await push(caller, parseRepositoryName("team/sub/app"));
    for (const name of ["teams/app", "other/team/app", "app", "team"]) {
      expect(await codeOf(push(caller, parseRepositoryName(name))), name).toBe("DENIED");
    }
    expect(await codeOf(deleteTag(registry, caller, app, parseTag("v1")))).toBe("DENIED");
  });

  it("a private repository and none are refused in the same words", async () => {
    const team = await makeNamespace(metadata, "team");
    const secret = await makeNamespace(metadata, "secret");
    const { caller: owner } = await member("olga", secret, "owner");
    await push(owner, secretApp);
    const { caller: stranger } = await member("sam", team, "owner");
    for (const who of [stranger, callerOf(anonymous)]) {
      for (const action of ["pull", "push", "delete"] as const satisfies Action[]) {
        const messageOf = async (name: string) => {
          const asked = (async () => authorize(access, who, action, parseRepositoryName(name)))();
          const error = await asked.catch((cause: unknown) => cause as object);
          const keys = Object.getOwnPropertyNames(error).filter((key) => key !== "stack");
          return JSON.stringify(error, keys).replaceAll(name, "N");
        };
        expect(await messageOf("secret/app")).toBe(await messageOf("secret/nil"));
      }
    }
  });

  it("what is public is pulled by anybody and pushed by members only", async () => {
    const open = await makeNamespace(metadata, "open", true);
    const { caller } = await member("wendy", open, "writer");
    const name = parseRepositoryName("open/app");
    await push(caller, name);
    await pullManifest(registry, callerOf(anonymous), name, parseReference("v1"));
    expect(await codeOf(push(callerOf(anonymous), name))).toBe("UNAUTHORIZED");
    expect(await listVisible(access, callerOf(anonymous), "", 10)).toEqual(["open/app"]);
  });

  it("a grant for tags like ci-* pushes those and moves no others, in the transaction of the move", async () => {
    const team = await makeNamespace(metadata, "team");
    const { caller } = await member("cid", team, "maintainer", ["ci-*"]);
    await push(caller, app, "ci-1");
    expect(await codeOf(push(caller, app, "v1"))).toBe("DENIED");
    const { caller: owner } = await member("olga", team, "owner");
    await push(owner, app, "v1");
    expect(await codeOf(deleteTag(registry, caller, app, parseTag("v1")))).toBe("DENIED");
    await deleteTag(registry, caller, app, parseTag("ci-1"));
  });

  it("who may push but not overwrite makes new tags and moves none, latest neither", async () => {
    const team = await makeNamespace(metadata, "team");
    const { caller } = await member("pia", team, ["pull", "push", "create-repository"]);
    await push(caller, app, "latest");
    await push(caller, app, "latest");
    expect(await codeOf(push(caller, app, "latest", imageOf(["layer"], { annotations: { a: "b" } })))).toBe("DENIED");
  });

  it("rights are those of the moment: a disabled account, a removed grant and a revoked token end at once", async () => {
    const team = await makeNamespace(metadata, "team");
    const { caller, secret } = await member("wendy", team, "writer");
    const header = basic("wendy", secret);
    await push(caller);
    // With PostgreSQL a look at the version may come between, after which both are asked anew.
    const recalled = async () => {
      expect(await authenticate(access, header)).toBe(caller.principal);
      await pullManifest(registry, caller, app, parseReference("v1"));
      return [recallPrincipal(access, header), recallPull(access, caller.principal, app)];
    };
    await expect.poll(recalled).toEqual([caller.principal, metadata.alone]);
    await metadata.write("createAccount", {
      by: { principal: "system:test", credential: null, address: null, request: null, reason: null },
      ...{ name: "somebody", display: null, email: null, password: null, source: "local", externalId: null },
    });
    expect(recallPrincipal(access, header)).toBeUndefined();
    expect(recallPull(access, caller.principal, app)).toBe(false);
    expect(await authenticate(access, header)).toBe(caller.principal);
  });

  it("a token's scope narrows what its owner may do: places, actions and tags", async () => {
    const team = await makeNamespace(metadata, "team");
    const { id } = await member("olga", team, "owner");
    const { secret } = await makeToken(metadata, id, [
      { namespace: { id: team, path: "team" }, actions: ["pull"] },
      { repository: { id: null, name: "team/app" }, actions: ["pull", "push", "create-repository"], tags: ["v*"] },
    ]);
    const caller = await callerBy(`Bearer ${secret}`);
    await push(caller, app, "v1");
    expect(await codeOf(push(caller, app, "w1"))).toBe("DENIED");
    expect(await codeOf(push(caller, parseRepositoryName("team/other")))).toBe("DENIED");
    expect(await codeOf(push(caller, secretApp))).toBe("DENIED");
  });

  it("a token ends at its time, although it was remembered as good", async () => {
    const team = await makeNamespace(metadata, "team");
    const { id } = await member("olga", team, "owner");
    const { secret } = await makeToken(metadata, id, null, 4_000);
    const header = `Bearer ${secret}`;
    if (kind === "SQLite") expect((await authenticate(access, header)).name).toBe("user:olga");
    await new Promise((resolve) => setTimeout(resolve, 4_050));
    expect(recallPrincipal(access, header)).toBeUndefined();
    expect(await codeOf(authenticate(access, header))).toBe("UNAUTHORIZED");
  });

  it("a robot may do what it was given and never more than the one who answers for it", async () => {
    const team = await makeNamespace(metadata, "team");
    const { id } = await member("wendy", team, "writer");
    const robot = await makeRobot(metadata, team, "ci", { account: id });
    await grant(metadata, { robot: robot.id }, { namespace: team }, "owner");
    const caller = await callerBy(basic("robot_ci", robot.secret));
    await push(caller);
    expect(await codeOf(deleteTag(registry, caller, app, parseTag("v1")))).toBe("DENIED");
    const child = await makeRobot(metadata, team, "child", { robot: robot.id });
    await grant(metadata, { robot: child.id }, { namespace: team }, ["pull", "delete"]);
    const narrow = await callerBy(basic("token", child.secret));
    await pullManifest(registry, narrow, app, parseReference("v1"));
    expect(await codeOf(push(narrow))).toBe("DENIED");
    expect(await codeOf(deleteTag(registry, narrow, app, parseTag("v1")))).toBe("DENIED");
  });

  it("blobs are mounted from repositories that the caller may pull from, and from no others", async () => {
    const [team, secret] = [await makeNamespace(metadata, "team"), await makeNamespace(metadata, "secret")];
    const { caller: owner } = await member("olga", secret, "owner");
    await push(owner, secretApp);
    const { caller } = await member("wendy", team, "writer");
    for (const from of [undefined, secretApp]) {
      expect(await mountBlob(registry, caller, app, digestOf(layer), from)).toBe(false);
    }
    await push(caller);
    const next = parseRepositoryName("team/next");
    expect(await mountBlob(registry, caller, next, digestOf(layer), undefined)).toBe(true);
  });

  it("an upload is its opener's alone", async () => {
    const team = await makeNamespace(metadata, "team");
    const [one, two] = [await member("one", team, "owner"), await member("two", team, "owner")];
    const id = await startUpload(registry, one.caller, app, "sha256");
    const send = (caller: Caller) =>
      appendUpload(registry, caller, app, id, undefined, async (take) => void (await take(layer)));
    expect(await codeOf(send(two.caller))).toBe("BLOB_UPLOAD_UNKNOWN");
    expect(await send(one.caller)).toBe(layer.length);
  });

  it("lists show what the caller may pull, page by page, in byte order", async () => {
    const [team, secret] = [await makeNamespace(metadata, "team"), await makeNamespace(metadata, "secret")];
    const { caller: admin } = await member("olga", 1, "owner");
    for (const name of ["team/a", "team/b-x", "team/b/c", "teams/d", "secret/e", "zoo"])
      await push(admin, parseRepositoryName(name));
    const { caller } = await member("wendy", team, "reader");
    const place = await findPlace(access, "zoo");
    await grant(metadata, { account: caller.principal.id }, { repository: place.id! }, "reader");
    const pages: string[][] = [];
    for (let after = ""; ; after = pages.at(-1)!.at(-1)!) {
      const page = await listVisible(access, caller, after, 2);
      if (page.length === 0) break;
      pages.push(page);
    }
    expect(pages.flat()).toEqual(["team/a", "team/b-x", "team/b/c", "zoo"]);
    expect(await listVisible(access, admin, "", 10)).toHaveLength(6);
    expect(secret).toBeGreaterThan(0);
  });

  it("an explanation names the grant that decided, or what is missing", async () => {
    const team = await makeNamespace(metadata, "team");
    const { caller } = await member("wendy", team, "writer");
    const rights = await explainRights(access, caller.principal, await findPlace(access, app));
    expect(rights.push).toMatchObject({ allowed: true, reason: "user:wendy has the role writer on namespace team" });
    expect(rights.delete).toMatchObject({ allowed: false, reason: "no grant here has delete" });
  });

  it("a wrong name, a wrong secret and nonsense get the same answer", async () => {
    const id = await makeAccount(metadata, "wendy");
    const { secret } = await makeToken(metadata, id);
    const headers = [
      basic("wendy", "wrong"),
      basic("nobody", "wrong"),
      basic("other", secret),
      basic("we\0ndy", "x"),
      `Bearer ${secret.slice(0, -1)}`,
      "Bearer x.y.z",
      "Basic !!!!",
      "Digest a=b",
    ];
    const answers = await Promise.all(
      headers.map((one) => authenticate(access, one).catch((error: Error) => error.message)),
    );
    expect(new Set(answers).size).toBe(1);
  });
});

test("of a password every character counts", async () => {
  const metadata = await openDatabase("SQLite");
  const { access } = await openGuarded(metadata);
  const password = "p".repeat(100);
  const by = { principal: "system:test", credential: null, address: null, request: null, reason: null };
  const account = { display: null, email: null, source: "local", externalId: null };
  await metadata.write("createAccount", { by, name: "long", password: await hashPassword(password), ...account });
  expect((await authenticate(access, basic("long", password))).name).toBe("user:long");
  const differs = `${password.slice(0, 89)}x${password.slice(90)}`;
  await expect(authenticate(access, basic("long", differs))).rejects.toMatchObject({ code: "UNAUTHORIZED" });
  await metadata.close();
});
