import { afterAll, expect, test } from "vitest";
import { authenticate, authorize, operator } from "../../src/access/index.ts";
import type { Access, Caller } from "../../src/access/index.ts";
import { openSqliteInProcess } from "../../src/metadata/index.ts";
import { parseRepositoryName } from "../../src/oci/index.ts";
import { actions } from "../../src/policy/index.ts";
import { writes } from "../../src/writes.ts";
import type { AllWrites } from "../../src/writes.ts";
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
import { startGuardedServer } from "../support/management-client.ts";

/* Ways by which somebody with little might come to more. */

const metadata = openSqliteInProcess<AllWrites>(":memory:", writes);
const { access } = await openGuarded(metadata);
const guarded = await startGuardedServer({ access: { failedLogins: 3 } });
afterAll(async () => {
  access.version.close();
  await metadata.close();
  await guarded.close();
});

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "done",
    (error: { code?: string }) => error.code,
  );
const callerBy = async (header: string): Promise<Caller> => callerOf(await authenticate(access as Access, header));
const may = async (caller: Caller, action: "pull" | "push", name: string) =>
  codeOf((async () => authorize(access, caller, action, parseRepositoryName(name)))());

test("an owner of the root for some tags is no owner of the server, by no token either (threat 46)", async () => {
  const id = await makeAccount(metadata, "tina");
  await grant(metadata, { account: id }, { namespace: 1 }, "owner", ["ci-*"]);
  const full = await makeAccount(metadata, "olga");
  await grant(metadata, { account: full }, { namespace: 1 }, "owner");
  const scope = [{ namespace: { id: 1, path: "" }, actions: [...actions], tags: ["ci-*"] }];
  const { secret } = await makeToken(metadata, full, scope);
  const tina = await makeToken(metadata, id);
  for (const header of [basic("token", secret), basic("tina", tina.secret)]) {
    const caller = await callerBy(header);
    const user = { caller, name: "mallory", display: null, email: null, password: null, once: undefined };
    expect(await codeOf(metadata.write("addUser", user))).toBe("DENIED");
    const token = { caller, user: "olga", name: "x", hash: "0".repeat(64), scope: null, age: 1000, once: undefined };
    expect(await codeOf(metadata.write("issueToken", token))).toBe(
      caller.principal.name === "user:olga" ? "done" : "DENIED",
    );
  }
});

test("a chain of robots that is too long ends itself, not the robots that it hangs on (threat 46)", async () => {
  const team = await makeNamespace(metadata, "chain");
  const boss = await makeAccount(metadata, "boss");
  await grant(metadata, { account: boss }, { namespace: team }, "owner");
  let sponsor: { account: number } | { robot: number } = { account: boss };
  const robots: { id: number; secret: string }[] = [];
  for (let index = 0; index < 12; index++) {
    const robot = await makeRobot(metadata, team, `r${index}`, sponsor);
    await grant(metadata, { robot: robot.id }, { namespace: team }, "reader");
    robots.push(robot);
    sponsor = { robot: robot.id };
  }
  const answers: (string | undefined)[] = [];
  for (const { secret } of robots.toReversed()) {
    answers.unshift(await may(await callerBy(basic("token", secret)), "pull", "chain/app"));
  }
  expect(answers).toEqual([...Array<string>(8).fill("done"), ...Array<string>(4).fill("DENIED")]);
});

test("a token for a namespace is none for another that is made later under its path (threat 32)", async () => {
  const old = await makeNamespace(metadata, "again");
  const id = await makeAccount(metadata, "rena");
  await grant(metadata, { account: id }, { namespace: 1 }, "writer");
  const { secret } = await makeToken(metadata, id, [
    { namespace: { id: old, path: "again" }, actions: ["pull", "push", "create-repository"] },
  ]);
  expect(await may(await callerBy(basic("token", secret)), "push", "again/app")).toBe("done");
  await metadata.write("deleteNamespace", { caller: callerOf(operator), path: "again", versions: undefined });
  expect(await may(await callerBy(basic("token", secret)), "push", "again/app")).toBe("DENIED");
  await makeNamespace(metadata, "again");
  expect(await may(await callerBy(basic("token", secret)), "push", "again/app")).toBe("DENIED");
});

test("namespaces whose names begin alike are strangers", async () => {
  const id = await makeAccount(metadata, "nora");
  await grant(metadata, { account: id }, { namespace: await makeNamespace(metadata, "team") }, "writer");
  const { secret } = await makeToken(metadata, id);
  const nora = await callerBy(basic("nora", secret));
  for (const name of ["team-x/app", "team.x/app", "team_x/app", "teamx/app", "team0/app", "team", "x/team/app"]) {
    expect(await may(nora, "push", name), name).toBe("DENIED");
  }
  expect(await may(nora, "push", "team/app")).toBe("done");
});

test("a user that is made anew under a name has none of the tokens and rights of the former one (threat 32)", async () => {
  const former = await makeAccount(metadata, "eve");
  const team = await makeNamespace(metadata, "eden");
  await grant(metadata, { account: former }, { namespace: team }, "owner");
  const { secret } = await makeToken(metadata, former);
  expect(await may(await callerBy(basic("eve", secret)), "push", "eden/app")).toBe("done");
  await metadata.write("deleteUser", { caller: callerOf(operator), user: "eve", versions: undefined });
  const next = await makeAccount(metadata, "eve");
  expect(await codeOf(callerBy(basic("eve", secret)))).toBe("UNAUTHORIZED");
  const own = await makeToken(metadata, next);
  expect(await may(await callerBy(basic("eve", own.secret)), "push", "eden/app")).toBe("DENIED");
});

test("a token does not guess its user's password faster than a login does (threat 28)", async () => {
  const { admin, as } = guarded;
  await admin.post("/users", { name: "paul", password: "seven green bottles" });
  const { body } = await admin.post("/users/paul/tokens", { name: "stolen" });
  const thief = as("paul", body.secret);
  const statuses: number[] = [];
  for (let guess = 0; guess < 5; guess++) {
    const answer = await thief.post("/users/paul/password", { old: `guess ${guess}`, new: "eight green bottles" });
    statuses.push(answer.status);
    if (answer.status === 429) expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
  }
  expect(statuses.slice(0, 2)).toEqual([403, 403]);
  expect(statuses).toContain(429);
});

test("keys of JavaScript's own objects are fields that nobody listed (threat 27)", async () => {
  const { admin } = guarded;
  for (const text of [
    '{"__proto__":{"public":true},"path":"p"}',
    '{"constructor":{"prototype":{"admin":true}},"path":"p"}',
    '{"path":"p","toString":1}',
  ]) {
    expect((await admin.call("POST", "/namespaces", text)).status, text).toBe(400);
  }
  expect(({} as { readonly admin?: boolean }).admin).toBeUndefined();
  for (const name of ["__proto__", "constructor", "prototype", "toString", "hasownproperty"]) {
    expect([400, 404], name).toContain((await admin.get(`/users/${name}`)).status);
    expect([400, 404], name).toContain((await admin.get(`/groups/${name}`)).status);
  }
});

test("numbers that no row has are refused or not there, however long", async () => {
  const { admin } = guarded;
  for (const id of [
    "0",
    "-1",
    "1.5",
    "1e3",
    "9007199254740991",
    "9007199254740993",
    "9223372036854775808",
    "9".repeat(40),
    "0x10",
    "١",
  ]) {
    const shown = encodeURIComponent(id);
    expect([400, 404], id).toContain((await admin.delete(`/users/admin/tokens/${shown}`)).status);
    expect([400, 404], id).toContain((await admin.delete(`/namespaces/-/grants/${shown}`)).status);
    expect([200, 400], id).toContain((await admin.get(`/users/admin/tokens?after=${shown}`)).status);
  }
});

test("names are letters of ASCII: none that only looks like another, in no normal form", async () => {
  const { admin } = guarded;
  for (const name of [
    "аdmin",
    "admin\u200b",
    "ádmin",
    "a\u0301dmin",
    "ADMIN",
    "admin ",
    " admin",
    "ﬁ",
    "admin\u0000",
  ]) {
    expect((await admin.post("/users", { name, password: "seven green bottles" })).status, name).toBe(400);
    expect((await admin.post("/groups", { name })).status, name).toBe(400);
    expect((await admin.post("/namespaces", { path: name })).status, name).toBe(400);
  }
});

test("the server's log has no error", () => {
  expect(guarded.server.errors).toEqual([]);
});
