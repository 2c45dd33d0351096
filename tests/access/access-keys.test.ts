import { afterAll, describe, expect, test } from "vitest";
import {
  authenticate,
  explainRights,
  hashSecret,
  SignatureError,
  keepUses,
  newAccessKey,
  newSecret,
  verifySignature,
} from "../../src/access/index.ts";
import type { Access, Place, ScopeEntry } from "../../src/access/index.ts";
import { findSession, newSessionKey, sessionOf } from "../../src/access/aws/sessions.ts";
import { holderOf } from "../../src/access/holder.ts";
import { listTokens } from "../../src/metadata/index.ts";
import { actions } from "../../src/policy/index.ts";
import type { Action } from "../../src/policy/index.ts";
import { describeEachDatabase } from "../support/each-database.ts";
import type { GuardedRows } from "../support/each-database.ts";
import { startGuardedServer } from "../support/management-client.ts";
import { basic, grant, makeAccount, makeNamespace, makeRobot } from "../support/open-rights.ts";
import { signAs } from "../support/sign-as.ts";
import type { Pair, ToSign } from "../support/sign-as.ts";

const by = { principal: "user:admin", credential: "password", address: null, request: null, reason: "test" };
const where = { address: "192.0.2.7", id: "request-7" };

async function verify(access: Access, pair: Pair, wish: ToSign = {}) {
  return verifySignature(access, signAs(pair, wish), { service: "ecr", where });
}

/** `taken`, or the code of the refusal. */
async function judge(access: Access, pair: Pair, wish: ToSign = {}): Promise<string> {
  return verify(access, pair, wish).then(
    () => "taken",
    (error: unknown) => (error instanceof SignatureError ? error.code : String(error)),
  );
}

/** A token with a key pair, and the secret that nobody would see. */
async function tokenWithKey(
  { registry: { access } }: GuardedRows,
  account: number,
  scope: readonly ScopeEntry[] | null = null,
  age = 60_000,
) {
  const { shown, kept } = newAccessKey(access);
  const secret = newSecret("token");
  const text = scope === null ? null : JSON.stringify(scope);
  const token = { account, name: "aws", hash: hashSecret(secret), scope: text, age, accessKey: kept };
  const { id } = await access.metadata.write("createToken", { by, ...token });
  return { id, secret, pair: { accessKeyId: shown.id, secretAccessKey: shown.secret } };
}

await describeEachDatabase((it, prepare) => {
  let rows: GuardedRows;
  let access: Access;
  let alice: number;
  let team: number;
  prepare(async (given) => {
    rows = given;
    ({ access } = given.registry);
    alice = await makeAccount(access.metadata, "alice");
    team = await makeNamespace(access.metadata, "team");
    await grant(access.metadata, { account: alice }, { namespace: team }, "writer");
  });

  it("a key is its token: the same principal, with the same rights and limits", async () => {
    const scopes: (readonly ScopeEntry[] | null)[] = [
      null,
      [{ namespace: { id: team, path: "team" }, actions: ["pull"] }],
      [{ repository: { id: null, name: "team/app" }, actions: ["pull", "push"], tags: ["v*"] }],
    ];
    for (const scope of scopes) {
      const { secret, pair } = await tokenWithKey(rows, alice, scope);
      const byKey = (await verify(access, pair)).caller.principal;
      const byToken = await authenticate(access, basic("alice", secret));
      expect(byKey).toEqual(byToken);
      const places: Place[] = [
        { kind: "namespace", path: "team" },
        { kind: "namespace", path: "" },
        { kind: "repository", name: "team/app", id: null, public: false },
        { kind: "repository", name: "other/app", id: null, public: false },
      ];
      for (const place of places) {
        const [key, token] = [await explainRights(access, byKey, place), await explainRights(access, byToken, place)];
        expect(actions.map((action: Action) => [action, key[action].allowed, key[action].tags])).toEqual(
          actions.map((action: Action) => [action, token[action].allowed, token[action].tags]),
        );
      }
    }
  });

  it("says who signed, with which key and for which region", async () => {
    const { id, pair } = await tokenWithKey(rows, alice);
    const signed = await verify(access, pair, { region: "eu-central-1" });
    expect(signed).toMatchObject({ accessKeyId: pair.accessKeyId, region: "eu-central-1" });
    expect(signed.caller).toMatchObject({ ...where, principal: { name: "user:alice", credential: `token:${id}` } });
  });

  it("a key ends with its token: revoked at once, expired, or with a user who is disabled", async () => {
    const { id, pair } = await tokenWithKey(rows, alice);
    const brief = await tokenWithKey(rows, alice, null, 1);
    const other = await tokenWithKey(rows, alice);
    expect(await judge(access, pair)).toBe("taken");
    await expect.poll(() => judge(access, brief.pair)).toBe("UnrecognizedClientException");
    const caller = { principal: (await verify(access, other.pair)).caller.principal, ...where };
    await access.metadata.write("revokeTokens", { caller, user: "alice", token: id });
    expect(await judge(access, pair)).toBe("UnrecognizedClientException");
    expect(await judge(access, other.pair)).toBe("taken");
    await rows.database.sql("update account set disabled = 1 where name = 'alice'");
    await access.metadata.write("createAccount", {
      by,
      name: "bob",
      display: null,
      email: null,
      password: null,
      source: "local",
      externalId: null,
    });
    expect(await judge(access, other.pair)).toBe("UnrecognizedClientException");
  });

  it("a robot's key ends with the secret that it stands for", async () => {
    const robot = await makeRobot(access.metadata, team, "ci", { account: alice });
    const { shown, kept } = newAccessKey(access);
    const pair = { accessKeyId: shown.id, secretAccessKey: shown.secret };
    const owner = await makeAccount(access.metadata, "olga");
    await grant(access.metadata, { account: owner }, { namespace: 1 }, "owner");
    const caller = {
      principal: { kind: "account" as const, id: owner, name: "user:olga", credential: "password", limits: [] },
      ...where,
    };
    const change = { caller, path: "team", robot: "ci", age: 60_000, overlap: 0, once: undefined };
    const rotated = { ...change, hash: hashSecret(newSecret("robot")), accessKey: kept };
    await access.metadata.write("rotateRobot", rotated);
    const { principal } = (await verify(access, pair)).caller;
    expect(principal).toMatchObject({ kind: "robot", id: robot.id, name: "robot:robot_ci", limits: [] });
    await access.metadata.write("rotateRobot", { ...change, hash: hashSecret(newSecret("robot")) });
    expect(await judge(access, pair)).toBe("UnrecognizedClientException");
  });

  it("a key that is not there and a wrong secret are refused, and each attempt is noted", async () => {
    const { pair } = await tokenWithKey(rows, alice);
    const wrong = { ...pair, secretAccessKey: `${pair.secretAccessKey.slice(0, -1)}!` };
    expect(await judge(access, wrong)).toBe("InvalidSignatureException");
    expect(await judge(access, { ...pair, accessKeyId: "AKIAIOSFODNN7EXAMPLE" })).toBe("UnrecognizedClientException");
    expect(await judge(access, { ...pair, accessKeyId: "nobody" })).toBe("UnrecognizedClientException");
    expect(await judge(access, { ...pair, sessionToken: "made-up" })).toBe("UnrecognizedClientException");
    expect(await judge(access, pair, { at: Date.now() - 400_000 })).toBe("InvalidSignatureException");
    const noted = access.refusals.take(true);
    expect(noted.reduce((sum, { times }) => sum + times, 0)).toBe(5);
    expect(noted[0]).toMatchObject({ action: "login", principal: "anonymous", address: where.address });
    expect(JSON.stringify(noted)).not.toContain(pair.secretAccessKey);
  });

  it("neither rows nor the trail hold the secret, and a copy of the rows under another key opens nothing", async () => {
    const { pair } = await tokenWithKey(rows, alice);
    const text = JSON.stringify(
      await Promise.all(
        ["access_key", "token", "audit", "event"].map((table) => rows.database.sql(`select * from ${table}`)),
      ),
    );
    expect(text).toContain(pair.accessKeyId);
    expect(text).not.toContain(pair.secretAccessKey);
    const elsewhere = { ...access, sealingKey: Buffer.alloc(32, 1) };
    expect(await judge(elsewhere, pair)).toBe("UnrecognizedClientException");
    await rows.database.sql(`update access_key set id = 'AKIAAAAAAAAAAAAAAAAA' where id = '${pair.accessKeyId}'`);
    expect(await judge(access, { ...pair, accessKeyId: "AKIAAAAAAAAAAAAAAAAA" })).toBe("UnrecognizedClientException");
  });

  it("a session is good with its own token alone, until its end, and while its maker's login is", async () => {
    const { id, pair } = await tokenWithKey(rows, alice);
    const { principal } = (await verify(access, pair)).caller;
    const session = (until: number) => {
      const holder = sessionOf(principal, { of: holderOf(principal), name: "deploy" }, until);
      const key = newSessionKey(access, holder);
      return { accessKeyId: key.id, secretAccessKey: key.secret, sessionToken: key.token };
    };
    const [one, other] = [session(Date.now() + 60_000), session(Date.now() + 60_000)];
    const signed = await verify(access, one);
    expect(signed.caller.principal).toMatchObject({
      name: "user:alice",
      credential: expect.stringMatching(`^session:\\d+:token:${id}$`),
    });
    expect(findSession(signed.caller.principal)?.name).toBe("deploy");
    const { sessionToken, ...bare } = one;
    expect(await judge(access, bare)).toBe("UnrecognizedClientException");
    expect(await judge(access, { ...one, sessionToken: other.sessionToken })).toBe("UnrecognizedClientException");
    expect(await judge(access, { ...one, sessionToken: `${sessionToken}A` })).toBe("UnrecognizedClientException");
    expect(await judge(access, { ...one, secretAccessKey: other.secretAccessKey })).toBe("InvalidSignatureException");
    expect(await judge(access, session(Date.now() - 1_000))).toBe("ExpiredTokenException");
    expect(await judge(access, one)).toBe("taken");
    await access.metadata.write("revokeTokens", { caller: { principal, ...where }, user: "alice", token: id });
    expect(await judge(access, one)).toBe("ExpiredTokenException");
  });

  it("its use is noted as its token's", async () => {
    const { id, pair } = await tokenWithKey(rows, alice);
    await verify(access, pair);
    await keepUses(access, { interval: 3_600_000, alarm: () => undefined }).stop();
    const [row] = await access.metadata.read.all(listTokens, { account: alice, after: id - 1, limit: 1 });
    expect(row!.used_at).toBeGreaterThan(Date.now() - 60_000);
  });
});

describe("over the management API", async () => {
  const guarded = await startGuardedServer();
  afterAll(() => guarded.close());
  const { admin } = guarded;

  test("a token with a key pair shows the pair once, and no secret; the list shows the id", async () => {
    const key = { "Idempotency-Key": "one" };
    const made = await admin.post("/users/admin/tokens", { name: "terraform", aws: true }, key);
    expect(made.status, made.text).toBe(201);
    expect(made.body.accessKeyId).toMatch(/^AKIA[A-Z2-7]{16}$/);
    expect(made.body.secretAccessKey).toMatch(/^[0-9A-Za-z]{40}$/);
    expect(made.body).not.toHaveProperty("secret");
    const again = await admin.post("/users/admin/tokens", { name: "terraform", aws: true }, key);
    expect(again.body).toMatchObject({ id: made.body.id, accessKeyId: made.body.accessKeyId, secretAccessKey: null });
    const plain = await admin.post("/users/admin/tokens", { name: "plain" });
    expect(plain.body.secret).toMatch(/^berth_pat_/);
    expect(plain.body).not.toHaveProperty("accessKeyId");
    const list = await admin.get("/users/admin/tokens");
    expect(list.text).not.toContain(made.body.secretAccessKey);
    expect(list.body.items.map((one: { accessKeyId?: string }) => one.accessKeyId)).toEqual([
      made.body.accessKeyId,
      undefined,
    ]);
  });

  test("a robot is made with a key pair, and gets another by rotation", async () => {
    await admin.post("/namespaces", { path: "team" });
    const robots = "/namespaces/team/-/robots";
    const made = await admin.post(robots, { name: "ci", aws: true });
    expect(made.status, made.text).toBe(201);
    expect(made.body).not.toHaveProperty("secret");
    expect(made.body.secrets[0].accessKeyId).toBe(made.body.accessKeyId);
    const rotated = await admin.post(`${robots}/ci/secrets`, { aws: true, overlap: 60 });
    expect(rotated.body.accessKeyId).not.toBe(made.body.accessKeyId);
    expect(rotated.body.secrets.map((one: { accessKeyId?: string }) => one.accessKeyId)).toEqual([
      made.body.accessKeyId,
      rotated.body.accessKeyId,
    ]);
    const shown = await admin.get(`${robots}/ci`);
    expect(shown.text).not.toContain(rotated.body.secretAccessKey);
    const plain = await admin.post(`${robots}/ci/secrets`, { overlap: 0 });
    expect(plain.body.secret).toMatch(/^berth_rob_/);
    expect(plain.body.secrets).toHaveLength(1);
  });
});
