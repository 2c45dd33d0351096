import { createHash, randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { readLatest } from "../../src/access/index.ts";
import type { AccessSettings } from "../../src/access/index.ts";
import { clientOf } from "../support/management-client.ts";
import { openTestDatabase } from "../support/open-database.ts";
import type { TestDatabase } from "../support/open-database.ts";
import { basic, grant, makeNamespace } from "../support/open-rights.ts";
import { startPostgres } from "../support/postgres.ts";
import { serveGuarded } from "../support/serve-guarded.ts";
import type { GuardedServer } from "../support/serve-guarded.ts";
import { SsoTestProvider, TestBrowser } from "../support/sso-provider.ts";
import type { ServeOptions } from "../support/sso-provider.ts";
import { findGroup } from "../../src/metadata/index.ts";

/* What a provider of single sign-on takes away after the login is gone here at the next use. */

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

const back = "http://127.0.0.1:9/callback";
const minutes = (count: number) => count * 60_000;

describe.each(["SQLite", "PostgreSQL"] as const)("people of a provider, rows in %s", (kind) => {
  const it = test.skipIf(kind === "PostgreSQL" && postgres === undefined);
  let database: TestDatabase;
  let provider: SsoTestProvider;
  let nodes: GuardedServer[];
  let server: GuardedServer;
  const alarms: unknown[] = [];

  // The server is closed before its rows.
  const rows = () => ({ ...database.metadata, close: () => Promise.resolve() });
  beforeEach(async () => {
    database = await openTestDatabase(kind === "SQLite" ? undefined : postgres);
  });
  afterEach(async () => {
    vi.useRealTimers();
    provider.holds = undefined;
    for (const node of nodes) await node.close();
    await database.close();
    provider.close();
  });

  /** A registry whose group `dev` of the provider may push to `acme`, and a person who is in it. */
  const open = async ({
    refreshes = true,
    settings = {},
    ...options
  }: ServeOptions & { readonly refreshes?: boolean; readonly settings?: Partial<AccessSettings> } = {}) => {
    provider = await SsoTestProvider.listen({ refreshes });
    const providers = [provider.provider("kept")];
    alarms.splice(0);
    const alarm = (...told: unknown[]) => void alarms.push(told);
    server = await serveGuarded(settings, { metadata: rows(), providers, alarm });
    nodes = [server];
    if (kind === "PostgreSQL") {
      nodes.push(await serveGuarded({}, { metadata: await database.openNode(), providers }));
    }
    provider.serve([`${server.url}/api/v1/sso/kept/callback`], options);
    const acme = await makeNamespace(database.metadata, "acme");
    const token = await login();
    const dev = (await database.metadata.read.first(findGroup, { name: "dev" }))!.id;
    await grant(database.metadata, { group: dev }, { namespace: acme }, "maintainer");
    await settled(token, 202);
    return token;
  };
  const login = async () => {
    const verifier = randomBytes(32).toString("base64url");
    const code_challenge = createHash("sha256").update(verifier).digest("base64url");
    const query = new URLSearchParams({ redirect_uri: back, code_challenge, state: "mine" });
    const { url, text } = await new TestBrowser().open(`${server.url}/api/v1/sso/kept/start?${query.toString()}`);
    const code = new URL(url).searchParams.get("code");
    expect(code, text + url).not.toBeNull();
    const body = JSON.stringify({ code, verifier });
    const answer = await fetch(`${server.url}/api/v1/sso/token`, { method: "POST", body });
    const made = (await answer.json()) as { token: string; expiresAt: string; id: number };
    expect(answer.status, JSON.stringify(made)).toBe(200);
    return { ...made, header: basic("token", made.token) };
  };
  const push = async (header: string, node = server) =>
    (await node.ask("POST", "/v2/acme/app/blobs/uploads/", header)).status;
  /** Other nodes hear of a change within two seconds. */
  const settled = async ({ header }: { readonly header: string }, status: number) => {
    for (const node of nodes) await expect.poll(() => push(header, node)).toBe(status);
  };
  const later = (milliseconds: number) => {
    vi.useFakeTimers({ toFake: ["Date"] });
    vi.setSystemTime(Date.now() + milliseconds);
  };
  const api = (header: string) => clientOf(() => server.url, header);
  const scope = "repository:acme/app:push,pull";

  it("a group that is taken away is gone at the next use of all that the login made (threat 3)", async () => {
    const made = await open();
    const child = await api(made.header).post("/users/alice/tokens", { name: "docker", expiresIn: 43_000 });
    expect(child.status, child.text).toBe(201);
    const helper = basic("alice", child.body.secret);
    let registry = await server.token(scope, helper);
    const query = new URLSearchParams({ service: server.host, offline_token: "true", scope });
    const { refresh_token } = (await server.ask("GET", `/token?${query.toString()}`, made.header)).json<{
      refresh_token: string;
    }>();
    const form = { grant_type: "refresh_token", refresh_token, service: server.host, scope };
    const byRefresh = async () => {
      const answer = await fetch(`${server.url}/token`, { method: "POST", body: new URLSearchParams(form) });
      expect(answer.status).toBe(200);
      return push(`Bearer ${((await answer.json()) as { access_token: string }).access_token}`);
    };
    const all = async () => [await push(made.header), await push(helper), await push(registry), await byRefresh()];
    expect(await all()).toEqual([202, 202, 202, 202]);
    provider.person.groups = ["ops"];
    later(minutes(3.5));
    registry = await server.token(scope, helper);
    expect([...(await all()), provider.asked.refresh]).toEqual([202, 202, 202, 202, 0]);
    later(minutes(1.5) + 1_000);
    // Each of them alone would do: what is asked by one is known to all.
    expect(await push(helper)).toBe(403);
    expect(provider.asked.refresh).toBe(1);
    expect((await all()).filter((status) => status === 202)).toEqual([]);
    for (const node of nodes.slice(1)) await expect.poll(() => push(made.header, node)).toBe(403);
    provider.person.groups = ["dev"];
    later(minutes(5) + 1_000);
    expect(await push(made.header)).toBe(202);
  });

  it("in the last quarter of the freshness the provider is asked while requests go on, and once", async () => {
    const { header } = await open();
    provider.person.groups = ["ops"];
    let release = () => undefined as void;
    provider.holds = new Promise((resolve) => (release = resolve));
    later(minutes(4));
    // Each of these would wait for ever.
    expect(await Promise.all([1, 2, 3, 4].map(() => push(header)))).toEqual([202, 202, 202, 202]);
    release();
    await expect.poll(() => push(header)).toBe(403);
    expect(provider.asked).toMatchObject({ refresh: 1, refused: 0 });
  });

  it("whoever is gone at the provider is out, with all tokens and what would have ended with them; robots with a time of their own stay", async () => {
    const made = await open();
    const own = await api(made.header).post("/namespaces/acme/-/robots", { name: "ci" });
    expect(own.status, own.text).toBe(201);
    // An hour after the login.
    await database.sql("update token set created_at = created_at - 3600000");
    const child = await api(made.header).post("/users/alice/tokens", { name: "docker", expiresIn: 36_000 });
    expect(child.status, child.text).toBe(201);
    const bound = await api(made.header).post("/namespaces/acme/-/robots", { name: "late" });
    expect(bound.status, bound.text).toBe(201);
    provider.gone.add("1");
    later(minutes(5) + 1_000);
    const codes = await Promise.all([made.header, basic("token", child.body.secret)].map((one) => push(one)));
    expect(codes).toEqual([401, 401]);
    const secrets = await database.sql(
      "select r.name, s.expires_at from robot_secret s join robot r on r.id = s.robot_id order by r.name",
    );
    expect(secrets).toMatchObject([{ name: "ci" }, { name: "late" }]);
    expect(Number(secrets[0]!["expires_at"])).toBeGreaterThan(Date.now());
    expect(Number(secrets[1]!["expires_at"])).toBe(0);
    // It is told once, and what the provider was asked by is kept no more.
    const before = provider.asked.refresh;
    later(minutes(6));
    expect([await push(made.header), provider.asked.refresh]).toEqual([401, before]);
    expect(await database.sql("select sealed from provider_login")).toEqual([{ sealed: null }]);
    const trail = await Array.fromAsync(readLatest(database.metadata.read, { action: "end-login" }));
    expect(trail).toMatchObject([
      { principal: "system:sso:kept", target: "alice", reason: "kept says no (invalid_grant)" },
    ]);
    // Logging in anew is all that it takes.
    provider.gone.clear();
    expect(await push((await login()).header)).toBe(202);
  });

  it("a robot follows the groups of who answers for it while a login of that one lasts, and goes on after it", async () => {
    const made = await open();
    const scope = [{ namespace: "acme", role: "writer" }];
    const robot = await api(made.header).post("/namespaces/acme/-/robots", { name: "ci", scope });
    expect(robot.status, robot.text).toBe(201);
    const header = basic("token", robot.body.secret);
    expect(await push(header)).toBe(202);
    provider.person.groups = ["ops"];
    later(minutes(5) + 1_000);
    expect(await push(header)).toBe(403);
    provider.person.groups = ["dev"];
    later(minutes(5) + 1_000);
    expect(await push(header)).toBe(202);
    provider.down = true;
    later(minutes(70));
    expect([await push(header), await push(made.header)]).toEqual([202, 503]);
    provider.down = false;
    provider.gone.add("1");
    later(minutes(5) + 1_000);
    expect([await push(header), await push(made.header)]).toEqual([202, 401]);
    later(minutes(5) + 1_000);
    expect(await push(header)).toBe(202);
  });

  it("while the provider is down, what it said last counts for an hour; then nothing does until it answers again", async () => {
    const { header } = await open();
    provider.down = true;
    later(minutes(6));
    expect(await push(header)).toBe(202);
    later(minutes(53));
    expect(await push(header)).toBe(202);
    later(minutes(1) + 1_000);
    const refused = await server.ask("POST", "/v2/acme/app/blobs/uploads/", header);
    expect([refused.status, refused.text]).toEqual([
      503,
      expect.stringMatching(/kept has not said since \S+ that you may go on, and cannot be asked: try again later/),
    ]);
    provider.down = false;
    provider.person.groups = ["ops"];
    later(20_000);
    expect(await push(header)).toBe(403);
    provider.person.groups = ["dev"];
    later(minutes(6));
    expect([await push(header), provider.asked.refused]).toEqual([202, 0]);
  });

  it("many requests at once, at all nodes, show each refresh token once, at a provider that ends logins otherwise", async () => {
    const made = await open();
    const second = await login();
    for (let round = 1; round <= 5; round++) {
      later(minutes(5) + 1_000);
      const work = nodes.flatMap((node) =>
        [made.header, second.header].flatMap((header) => [1, 2, 3, 4].map(() => push(header, node))),
      );
      expect(new Set(await Promise.all(work))).toEqual(new Set([202]));
      expect(provider.asked).toMatchObject({ refresh: 2 * round, refused: 0 });
    }
  });

  it("a node that dies while it asks holds nobody up for longer than its lease", async () => {
    const { header } = await open();
    const [row] = await database.sql("select id, seen_at from provider_login");
    later(minutes(6));
    const claim = { id: String(row!["id"]), seenAt: Number(row!["seen_at"]), now: Date.now() };
    const taken = await database.metadata.write("claimLogin", { ...claim, lease: "dead", until: Date.now() + 90_000 });
    expect(taken.claimed).toBe(true);
    expect([await push(header), provider.asked.refresh]).toEqual([202, 0]);
    later(91_000);
    expect([await push(header), provider.asked.refresh]).toEqual([202, 1]);
    // The dead one comes back: it has lost its lease, and changes nothing.
    const late = { id: claim.id, lease: "dead" };
    await database.metadata.write("keepLoginSecret", { ...late, sealed: "lost" });
    await database.metadata.write("putOffLogin", { ...late, failedAt: Date.now(), until: Date.now() + 1e9 });
    const by = { principal: "system:test", credential: null, address: null, request: null, reason: null };
    await database.metadata.write("endLoginAtProvider", { ...late, by, reason: "lost" });
    later(minutes(6));
    expect([await push(header), provider.asked]).toEqual([202, { refresh: 2, userinfo: 0, refused: 0 }]);
  });

  it("a freshness of seconds is kept, although credentials are remembered for a minute", async () => {
    const { header } = await open({ settings: { freshness: 40_000 } });
    later(1_000);
    expect(await push(header)).toBe(202);
    provider.person.groups = ["ops"];
    later(39_500);
    expect(await push(header)).toBe(403);
  });

  it("groups that are only in userinfo are read there", async () => {
    const { header } = await open({ groupsInToken: false });
    const before = provider.asked.userinfo;
    provider.person.groups = ["ops"];
    later(minutes(5) + 1_000);
    expect([await push(header), provider.asked.refresh]).toEqual([403, 1]);
    expect(provider.asked.userinfo).toBe(before + 1);
  });

  it("a provider that gives no refresh token is asked by its access token, and the login ends with that", async () => {
    const { header, expiresAt } = await open({ refreshes: false, accessAge: 3600 });
    expect(Date.parse(expiresAt) - Date.now()).toBeLessThanOrEqual(3_600_000);
    provider.person.groups = ["ops"];
    later(minutes(5) + 1_000);
    expect(await push(header)).toBe(403);
    provider.person.groups = ["dev"];
    later(minutes(5) + 1_000);
    expect([await push(header), provider.asked.refresh]).toEqual([202, 0]);
    provider.gone.add("1");
    later(minutes(5) + 1_000);
    expect(await push(header)).toBe(401);
  });

  it("a login whose provider gives nothing to ask by again ends after an hour", async () => {
    const { header, expiresAt } = await open({ refreshes: false, userinfo: false });
    expect(Date.parse(expiresAt) - Date.now()).toBeLessThanOrEqual(3_600_000);
    later(minutes(59));
    expect(await push(header)).toBe(202);
    later(minutes(1) + 1_000);
    expect(await push(header)).toBe(401);
  });

  it("what a provider gave is in no row in clear, no log, no answer and no audit row, and opens in its own row alone (threats 5 and 40)", async () => {
    const made = await open();
    const second = await login();
    later(minutes(6));
    expect(await push(made.header)).toBe(202);
    provider.down = true;
    later(minutes(61));
    const answers = [await server.ask("POST", "/v2/acme/app/blobs/uploads/", made.header)];
    provider.down = false;
    // Another login's secret, as it is sealed.
    await database.sql(
      "update provider_login set sealed = (select max(sealed) from provider_login) where sealed <> (select max(sealed) from provider_login)",
    );
    later(minutes(1));
    const outcomes = [await push(made.header), await push(second.header)];
    expect(outcomes.toSorted((a, b) => a - b)).toEqual([202, 401]);
    expect(provider.asked.refused).toBe(0);
    const tables =
      kind === "SQLite"
        ? await database.sql("select name from sqlite_master where type = 'table'")
        : await database.sql(
            "select table_name as name from information_schema.tables where table_schema = current_schema()",
          );
    const rows: unknown[] = [];
    for (const { name } of tables) rows.push(await database.sql(`select * from "${String(name)}"`));
    const everything = JSON.stringify([rows, answers, server.broken.map(String), alarms]);
    expect(alarms).not.toEqual([]);
    expect(everything).toContain("kept");
    expect(new Set(provider.given).size).toBeGreaterThanOrEqual(6);
    for (const secret of provider.given) expect(everything).not.toContain(secret);
  });
});
