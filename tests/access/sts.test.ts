import { resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestContext } from "vitest";
import { awsEnvironment } from "../support/call-boto3.ts";
import { callSts } from "../support/call-sts.ts";
import type { StsAnswer } from "../support/call-sts.ts";
import { startGuardedServer } from "../support/management-client.ts";
import type { ApiClient } from "../support/management-client.ts";
import { getPeer } from "../support/peers.ts";
import { runProgram } from "../support/run.ts";
import { startPostgres } from "../support/postgres.ts";
import type { Pair } from "../support/sign-as.ts";
import { startTestServer } from "../support/start-server.ts";
import { githubClaims, startIssuer } from "../support/test-issuer.ts";

const account = "123456789012";
const issuer = await startIssuer();
const postgres = await startPostgres();
afterAll(async () => {
  await issuer.close();
  await postgres?.stop();
});

describe.each(["SQLite", "PostgreSQL"] as const)("on %s", (kind) => {
  const it = test.skipIf(kind === "PostgreSQL" && postgres === undefined);
  let guarded: Awaited<ReturnType<typeof startGuardedServer>>;
  let admin: ApiClient;
  let server: (typeof guarded)["server"];

  const robots = "/namespaces/team/-/robots";
  const roleOf = (name: string, of = account) => `arn:aws:iam::${of}:role/${name}`;
  let root: Pair;

  afterAll(async () => {
    if (guarded === undefined) return;
    expect(server.errors).toEqual([]);
    await guarded.close();
  });

  beforeAll(async () => {
    if (kind === "PostgreSQL" && postgres === undefined) return;
    guarded = await startGuardedServer({
      ...(kind === "PostgreSQL" && { database: await postgres!.makeDatabase() }),
      outgoing: { allow: ["127.0.0.0/8"] },
      ecr: { accounts: [{ id: account, namespace: "" }] },
    });
    ({ admin, server } = guarded);
    await admin.post("/namespaces", { path: "team" });
    root = await pairOf(admin, "admin");
    const scope = [{ namespace: "team", role: "writer" }];
    expect((await admin.post(robots, { name: "ci", scope })).status).toBe(201);
    const conditions = [{ claim: ["repository_owner"], equals: "acme" }];
    const rule = { issuer: issuer.url, audience: "sts.amazonaws.com", conditions, grants: scope };
    expect((await admin.post("/trust-rules", { name: "github", ...rule })).status).toBe(201);
    expect((await admin.post("/trust-rules", { name: "other", ...rule, audience: "elsewhere" })).status).toBe(201);
  });

  /** A key pair of a new token of the user. */
  async function pairOf(client: ApiClient, user: string, more: object = {}): Promise<Pair & { readonly id: number }> {
    const made = await client.post(`/users/${user}/tokens`, { name: `t${Math.random()}`, aws: true, ...more });
    expect(made.status, made.text).toBe(201);
    const { id, accessKeyId, secretAccessKey } = made.body;
    return { id, accessKeyId, secretAccessKey };
  }

  /** A user with a role on team, and a key pair. */
  async function somebody(role: string | undefined): Promise<Pair & { readonly name: string; readonly id: number }> {
    const [name, password] = [`u${Math.random().toString(36).slice(2, 10)}`, "seven green bottles"];
    await admin.post("/users", { name, password });
    if (role !== undefined) await admin.post("/namespaces/team/-/grants", { to: { user: name }, role });
    return { name, ...(await pairOf(guarded.as(name, password), name)) };
  }

  const call = (pair: Pair | undefined, fields: Record<string, string>, url = server.url): Promise<StsAnswer> =>
    callSts(url, pair, fields);
  const whoami = (pair: Pair) => call(pair, { Action: "GetCallerIdentity" });
  const assume = (pair: Pair, role = roleOf("robot_team_ci"), more: Record<string, string> = {}) =>
    call(pair, { Action: "AssumeRole", RoleArn: role, RoleSessionName: "deploy", ...more });
  const assumeByToken = (token: string, role = roleOf("github"), more: Record<string, string> = {}) =>
    call(undefined, {
      ...{
        Action: "AssumeRoleWithWebIdentity",
        RoleArn: role,
        RoleSessionName: "GitHubActions",
        WebIdentityToken: token,
      },
      ...more,
    });
  const tokenFor = (claims: object = {}) => issuer.sign({ ...githubClaims, aud: "sts.amazonaws.com", ...claims });
  const codeOf = async (answer: Promise<StsAnswer>) => [(await answer).status, (await answer).find("Code")];

  it("GetCallerIdentity says who signed, in the form that terraform and the SDKs read", async () => {
    const { status, type, text, find } = await whoami(root);
    expect([status, type]).toEqual([200, "text/xml"]);
    expect(text).toMatch(
      /^<GetCallerIdentityResponse xmlns="https:\/\/sts\.amazonaws\.com\/doc\/2011-06-15\/"><GetCallerIdentityResult><UserId>/,
    );
    expect([find("Account"), find("Arn")]).toEqual([account, `arn:aws:iam::${account}:user/admin`]);
    expect(find("UserId")).toMatch(/^[A-Z0-9]{21}$/);
    expect(text).toMatch(
      /<ResponseMetadata><RequestId>[\w-]+<\/RequestId><\/ResponseMetadata><\/GetCallerIdentityResponse>$/,
    );
  });

  it("errors have the service's own names and form", async () => {
    expect(await codeOf(call(undefined, { Action: "GetCallerIdentity" }))).toEqual([403, "MissingAuthenticationToken"]);
    const wrong = { ...root, secretAccessKey: `${root.secretAccessKey}x` };
    expect(await codeOf(whoami(wrong))).toEqual([403, "SignatureDoesNotMatch"]);
    expect(await codeOf(whoami({ ...root, accessKeyId: "AKIAIOSFODNN7EXAMPLE" }))).toEqual([
      403,
      "InvalidClientTokenId",
    ]);
    expect(await codeOf(call(root, { Action: "GetFederationToken" }))).toEqual([400, "InvalidAction"]);
    expect(await codeOf(call(root, { Action: "GetUser", Version: "2010-05-08" }))).toEqual([400, "InvalidAction"]);
    const { text } = await call(root, { Action: "<&>" });
    expect(text).toMatch(
      /^<ErrorResponse xmlns="[^"]+"><Error><Type>Sender<\/Type><Code>InvalidAction<\/Code><Message>.*&lt;&amp;&gt;/,
    );
  });

  it("whoever may give a robot a new secret takes it as a role, and acts as the robot", async () => {
    for (const pair of [root, await somebody("owner")]) {
      const taken = await assume(pair);
      expect(taken.status, taken.text).toBe(200);
      expect(taken.find("Arn")).toBe(`arn:aws:sts::${account}:assumed-role/robot_team_ci/deploy`);
      expect(Date.parse(taken.find("Expiration")!) - Date.now()).toBeGreaterThan(3_500_000);
      expect((await whoami(taken.pair)).find("Arn")).toBe(taken.find("Arn"));
    }
  });

  it("nobody else takes it, and what is not there is refused in the same words", async () => {
    const stranger = await somebody(undefined);
    const writer = await somebody("writer");
    for (const pair of [stranger, writer]) {
      const [there, nowhere] = [await assume(pair), await assume(pair, roleOf("robot_team_nil"))];
      expect([there.status, there.find("Code")]).toEqual([403, "AccessDenied"]);
      expect(there.find("Message")).toBe(nowhere.find("Message"));
    }
    expect(await codeOf(assume(root, roleOf("robot_team_ci", "210987654321")))).toEqual([403, "AccessDenied"]);
    // A robot that may do more than whoever asks.
    await admin.post("/namespaces", { path: "deep" });
    await admin.post("/namespaces/deep/-/robots", { name: "ci", scope: [{ namespace: "deep", role: "owner" }] });
    const manager = await somebody(undefined);
    await admin.post("/namespaces/deep/-/grants", { to: { user: manager.name }, actions: ["manage-robots", "pull"] });
    expect(await codeOf(assume(manager, roleOf("robot_deep_ci")))).toEqual([403, "AccessDenied"]);
    const narrow = await pairOf(admin, "admin", { scope: [{ namespace: "team", actions: ["pull"] }] });
    expect(await codeOf(assume(narrow))).toEqual([403, "AccessDenied"]);
  });

  it("a role ends with the login that took it, with the right to it, and with the robot", async () => {
    const owner = await somebody("owner");
    const [first, second] = [(await assume(owner)).pair, (await assume(root)).pair];
    expect((await whoami(first)).status).toBe(200);
    expect((await admin.delete(`/users/${owner.name}/tokens/${owner.id}`)).status).toBe(204);
    expect(await codeOf(whoami(first))).toEqual([403, "ExpiredToken"]);
    const other = await somebody(undefined);
    const granted = await admin.post("/namespaces/team/-/grants", { to: { user: other.name }, role: "owner" });
    const third = (await assume(other)).pair;
    expect((await whoami(third)).status).toBe(200);
    expect((await admin.delete(`/namespaces/team/-/grants/${granted.body.id}`)).status).toBe(204);
    expect(await codeOf(whoami(third))).toEqual([403, "ExpiredToken"]);
    expect((await whoami(second)).status).toBe(200);
    const state = await admin.get(`${robots}/ci`);
    const etag = { "If-Match": state.headers.get("etag")! };
    expect((await admin.patch(`${robots}/ci`, { disabled: true }, etag)).status).toBe(200);
    expect(await codeOf(whoami(second))).toEqual([403, "ExpiredToken"]);
    const again = { "If-Match": (await admin.get(`${robots}/ci`)).headers.get("etag")! };
    await admin.patch(`${robots}/ci`, { disabled: false }, again);
  });

  it("sessions make no further sessions as others, and do not last longer than what made them", async () => {
    const own = await call(root, { Action: "GetSessionToken", DurationSeconds: "900" });
    expect(own.status, own.text).toBe(200);
    expect(Math.abs(Date.parse(own.find("Expiration")!) - Date.now() - 900_000)).toBeLessThan(60_000);
    expect((await whoami(own.pair)).find("Arn")).toBe(`arn:aws:iam::${account}:user/admin`);
    expect(await codeOf(call(own.pair, { Action: "GetSessionToken" }))).toEqual([403, "AccessDenied"]);
    const role = await assume(own.pair);
    expect(Date.parse(role.find("Expiration")!)).toBeLessThanOrEqual(Date.parse(own.find("Expiration")!));
    expect(await codeOf(assume(role.pair))).toEqual([403, "AccessDenied"]);
    const { sessionToken, ...bare } = role.pair;
    expect(await codeOf(whoami(bare))).toEqual([403, "InvalidClientTokenId"]);
    expect(await codeOf(whoami({ ...own.pair, sessionToken }))).toEqual([403, "InvalidClientTokenId"]);
  });

  it("an identity token takes the trust rule of the role's name, and no other", async () => {
    const taken = await assumeByToken(await tokenFor());
    expect(taken.status, taken.text).toBe(200);
    expect(taken.find("SubjectFromWebIdentityToken")).toBe(githubClaims.sub);
    expect(taken.find("Arn")).toBe(`arn:aws:sts::${account}:assumed-role/github/GitHubActions`);
    expect((await whoami(taken.pair)).find("Arn")).toBe(taken.find("Arn"));
    expect(await codeOf(assumeByToken(await tokenFor(), roleOf("other")))).toEqual([403, "AccessDenied"]);
    expect(await codeOf(assumeByToken(await tokenFor(), roleOf("robot_team_ci")))).toEqual([403, "AccessDenied"]);
    expect(await codeOf(assumeByToken(await tokenFor({ aud: "nobody" })))).toEqual([400, "InvalidIdentityToken"]);
    expect(await codeOf(assumeByToken(await tokenFor({ repository_owner: "evil" })))).toEqual([
      400,
      "InvalidIdentityToken",
    ]);
    expect(await codeOf(assumeByToken(`${await tokenFor()}x`))).toEqual([400, "InvalidIdentityToken"]);
    const now = Math.floor(Date.now() / 1000);
    expect(await codeOf(assumeByToken(await tokenFor({ iat: now - 7_200, exp: now - 3_600 })))).toEqual([
      400,
      "InvalidIdentityToken",
    ]);
    // It outlives its token, which lasts five minutes, and ends with its rule.
    expect(Date.parse(taken.find("Expiration")!) - Date.now()).toBeGreaterThan(3_500_000);
    const etag = { "If-Match": (await admin.get("/trust-rules/github")).headers.get("etag")! };
    expect((await admin.patch("/trust-rules/github", { disabled: true }, etag)).status).toBe(200);
    expect(await codeOf(whoami(taken.pair))).toEqual([403, "ExpiredToken"]);
    const again = { "If-Match": (await admin.get("/trust-rules/github")).headers.get("etag")! };
    await admin.patch("/trust-rules/github", { disabled: false }, again);
  });

  it("parameters are checked, and what would narrow a session is refused rather than left out", async () => {
    for (const more of [
      { DurationSeconds: "899" },
      { DurationSeconds: "43201" },
      { DurationSeconds: "1e4" },
      { RoleSessionName: "a" },
    ]) {
      expect(await codeOf(assume(root, undefined, more))).toEqual([400, "ValidationError"]);
    }
    for (const more of [
      { Policy: "{}" },
      { "PolicyArns.member.1.arn": "x" },
      { SerialNumber: "x" },
      { RoleSessionName: "<b>" },
    ]) {
      expect(await codeOf(assume(root, undefined, more))).toEqual([400, "ValidationError"]);
    }
    expect(await codeOf(assumeByToken(await tokenFor(), undefined, { DurationSeconds: "3601" }))).toEqual([
      400,
      "ValidationError",
    ]);
    expect(await codeOf(assume(root, "arn:aws:iam::role/x-------"))).toEqual([403, "AccessDenied"]);
    const twice = "Action=GetCallerIdentity&Action=AssumeRole&Version=2011-06-15";
    const type = "application/x-www-form-urlencoded";
    const answer = await fetch(server.url, { method: "POST", headers: { "content-type": type }, body: twice });
    expect([answer.status, await answer.text()]).toEqual([
      400,
      expect.stringContaining("<Code>ValidationError</Code>"),
    ]);
  });

  it("sessions are in the audit trail, with who took which role", async () => {
    await assume(root);
    await assumeByToken(await tokenFor());
    const taken = async () => {
      const { body } = await admin.get("/audit?limit=500&order=latest&action=assume-role");
      return body.items.map(({ principal, target }: Record<string, string>) => `${principal} ${target}`);
    };
    const workload = `workload:github/${githubClaims.sub}`;
    const wanted = ["user:admin robot:robot_team_ci", `${workload} ${workload}`];
    await expect.poll(taken, { timeout: 30_000 }).toEqual(expect.arrayContaining(wanted));
  });

  it("identity tokens that are not taken are in the audit trail as logins that failed, as elsewhere", async () => {
    // A server of its own: logins that failed in one moment share a row.
    const own = await startGuardedServer({ outgoing: { allow: ["127.0.0.0/8"] } });
    const token = await tokenFor();
    const fields = { RoleArn: roleOf("github", "000000000000"), RoleSessionName: "run", WebIdentityToken: token };
    const refused = await call(undefined, { Action: "AssumeRoleWithWebIdentity", ...fields }, own.server.url);
    expect([refused.status, refused.find("Code")]).toEqual([400, "InvalidIdentityToken"]);
    const told = async () => {
      const { body } = await own.admin.get("/audit?limit=500&order=latest&action=login");
      expect(JSON.stringify(body)).not.toContain(token.slice(-40));
      return body.items.filter(({ credential }: any) => credential === "identity").map(({ decision }: any) => decision);
    };
    await expect.poll(told, { timeout: 30_000 }).toEqual(["refused"]);
    await own.close();
  });

  it("boto3 takes each kind of session, and signs with it", async (context: TestContext) => {
    const token = await tokenFor();
    const calls = [
      ["get_caller_identity", {}],
      ["get_session_token", { DurationSeconds: 900 }],
      ["assume_role", { RoleArn: roleOf("robot_team_ci"), RoleSessionName: "deploy" }],
      ["assume_role_with_web_identity", { RoleArn: roleOf("github"), RoleSessionName: "run", WebIdentityToken: token }],
      ["assume_role", { RoleArn: roleOf("robot_team_nil"), RoleSessionName: "deploy" }],
    ];
    const script = resolve(import.meta.dirname, "call-sts.py");
    const env = awsEnvironment(server.url, { id: root.accessKeyId, secret: root.secretAccessKey });
    const { stdout, stderr, code } = await runProgram(getPeer(context, "boto3"), [script], env, JSON.stringify(calls));
    expect(code, stderr).toBe(0);
    const [who, own, role, web, refused] = JSON.parse(stdout) as Record<string, any>[];
    expect([who!["Account"], who!["Arn"]]).toEqual([account, `arn:aws:iam::${account}:user/admin`]);
    expect(own!["then"]).toBe(`arn:aws:iam::${account}:user/admin`);
    expect(role!["then"]).toBe(role!["AssumedRoleUser"]["Arn"]);
    expect(web!["then"]).toBe(`arn:aws:sts::${account}:assumed-role/github/run`);
    expect(refused).toEqual({ error: "AccessDenied", status: 403 });
  });

  it("a signed address says who signed it", async (context: TestContext) => {
    const program =
      "import boto3; print(boto3.client('sts').generate_presigned_url('get_caller_identity', HttpMethod='GET'))";
    const env = awsEnvironment(server.url, { id: root.accessKeyId, secret: root.secretAccessKey });
    const { stdout, stderr } = await runProgram(getPeer(context, "boto3"), ["-c", program], env);
    const answer = await fetch(stdout.trim());
    const text = await answer.text();
    expect(answer.status, text + stderr).toBe(200);
    expect(text).toContain(`<Arn>arn:aws:iam::${account}:user/admin</Arn>`);
    const other = await fetch(stdout.trim().replace("GetCallerIdentity", "GetSessionToken"));
    expect(other.status).toBe(403);
  });

  it("in open mode any pair is the account itself, and takes any role", async () => {
    const open = await startTestServer();
    const pair = { accessKeyId: "test", secretAccessKey: "test" };
    const who = await call(pair, { Action: "GetCallerIdentity" }, open.url);
    expect(who.find("Arn")).toBe("arn:aws:iam::000000000000:root");
    const fields = { Action: "AssumeRole", RoleArn: roleOf("any", "000000000000"), RoleSessionName: "deploy" };
    const taken = await call(pair, fields, open.url);
    expect(taken.status, taken.text).toBe(200);
    expect((await call(taken.pair, { Action: "GetCallerIdentity" }, open.url)).status).toBe(200);
    await open.close();
  });
});
