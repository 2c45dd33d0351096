import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeEach, expect, test } from "vitest";
import { startGuardedServer } from "../support/management-client.ts";
import { SsoTestProvider, TestBrowser } from "../support/sso-provider.ts";

const provider = await SsoTestProvider.listen();
const other = await SsoTestProvider.listen();
const guarded = await startGuardedServer({
  outgoing: { allow: ["127.0.0.0/8"] },
  // Nobody listens there.
  sso: [
    provider.settings("kept"),
    other.settings("other"),
    { ...other.settings("down"), issuer: "http://127.0.0.1:9" },
  ],
});
const { server } = guarded;
const base = `${server.url}/api/v1/sso`;
provider.serve([`${base}/kept/callback`]);
other.serve([`${base}/other/callback`]);
afterAll(async () => {
  await guarded.close();
  provider.close();
  other.close();
});
beforeEach(() => {
  provider.person = { sub: "1", name: "alice", groups: ["dev"] };
  provider.refuses = false;
});

const back = "http://127.0.0.1:9/callback";
const verifier = randomBytes(32).toString("base64url");
const challenge = createHash("sha256").update(verifier).digest("base64url");
const startAt = (more: Record<string, string> = {}, name = "kept") =>
  `${base}/${name}/start?${new URLSearchParams({ redirect_uri: back, code_challenge: challenge, state: "mine", ...more }).toString()}`;
const redeem = (code: string, proof = verifier, more: object = {}) =>
  fetch(`${base}/token`, { method: "POST", body: JSON.stringify({ code, verifier: proof, ...more }) });
const codeOf = async (browser = new TestBrowser()) => {
  const { url, text } = await browser.open(startAt());
  expect(url, text).toMatch(/^http:\/\/127\.0\.0\.1:9\/callback\?/);
  const query = new URL(url).searchParams;
  expect(query.get("state")).toBe("mine");
  return query.get("code")!;
};
const login = async () => {
  const answer = await redeem(await codeOf());
  return { status: answer.status, ...((await answer.json()) as { user: string; token: string; expiresAt: string }) };
};

test("a browser goes to the provider and back, and the program that waits gets a short-lived personal token", async () => {
  const { status, user, token, expiresAt } = await login();
  expect([status, user]).toEqual([200, "alice"]);
  expect(token).toMatch(/^berth_pat_/);
  expect(Date.parse(expiresAt) - Date.now()).toBeLessThanOrEqual(12 * 3_600_000);
  const { body } = await guarded.as("alice", token).get("/me");
  expect(body).toMatchObject({ kind: "account", name: "user:alice" });
});

test("groups that the provider takes away are gone at the next login (threat 3)", async () => {
  const groups = async () => {
    await login();
    const found: string[] = [];
    for (const name of ["dev", "ops"]) {
      const { body } = await guarded.admin.get(`/groups/${name}/members`);
      if (body?.items?.some((one: { user: string }) => one.user === "alice")) found.push(name);
    }
    return found;
  };
  provider.person.groups = ["dev", "ops"];
  expect(await groups()).toEqual(["dev", "ops"]);
  provider.person.groups = ["ops"];
  expect(await groups()).toEqual(["ops"]);
});

test("a code is good once, for the program that began, and for no other (threat 11)", async () => {
  const code = await codeOf();
  expect((await redeem(code, randomBytes(32).toString("base64url"))).status).toBe(401);
  expect((await redeem(code)).status).toBe(200);
  expect((await redeem(code)).status).toBe(401);
  expect((await redeem(`${code.slice(0, -2)}AA`)).status).toBe(401);
});

test.each([
  "https://evil.example/callback",
  "http://127.0.0.1/callback",
  "http://127.0.0.1:9/callback/../x",
  "http://127.0.0.1:9/other",
  "http://127.0.0.1:9/callback?x=y",
  "http://127.0.0.1:9/callback#x",
  "http://127.0.0.1:99999/callback",
  "http://127.0.0.1:09/callback",
  "http://127.0.0.1:9@evil.example/callback",
  "http://127.0.0.1.evil.example:9/callback",
  "http://localhost:9/callback",
  "http://[::1]:9/callback",
  "http://127.1:9/callback",
  "https://127.0.0.1:9/callback",
  "//evil.example",
  "/\\evil.example",
  "http:/\\127.0.0.1:9/callback",
  "http://127.0.0.1:9\\callback",
  "http://127.0.0.1:9/%63allback",
  "http://127.0.0.1:9/callback\n",
  "http://127.0.0.1:9/callback%0d%0aSet-Cookie:x",
  "http://127。0。0。1:9/callback",
  "\thttp://127.0.0.1:9/callback",
  "javascript:alert(1)",
  "",
])("nobody is sent anywhere but to a program of the same machine: %j (threat 6, threat 38)", async (place) => {
  const answer = await fetch(startAt({ redirect_uri: place }), { redirect: "manual" });
  expect([answer.status, answer.headers.get("location")]).toEqual([400, null]);
});

test("a login that another browser began is not taken (threat 39)", async () => {
  const begun = await fetch(startAt(), { redirect: "manual" });
  expect(begun.headers.get("set-cookie")).toMatch(/^berth-sso=[\w-]+; HttpOnly; SameSite=Lax; Path=\/api\/v1\/sso\//);
  const { status, text } = await new TestBrowser().open(begun.headers.get("location")!);
  expect([status, text]).toEqual([401, expect.stringMatching(/was not begun in this browser/)]);
  for (const query of ["", "?code=x", "?code=x&state=y", "?error=access_denied&state=y"]) {
    expect((await fetch(`${base}/kept/callback${query}`, { redirect: "manual" })).status).toBe(401);
  }
});

test("a name that belongs to a user here, or that cannot be one, gets no token", async () => {
  for (const name of ["admin", "oidc", "A B", "../x", ""]) {
    provider.person = { sub: `of ${name}`, name, groups: [] };
    const query = new URL((await new TestBrowser().open(startAt())).url).searchParams;
    expect([query.get("error"), query.get("state"), query.get("code")], name).toEqual(["access_denied", "mine", null]);
    expect(query.get("error_description")).toMatch(name === "admin" ? /belongs to a user/ : /tell the operator/);
  }
});

test("the program that waits is told at once when the provider says no", async () => {
  provider.refuses = true;
  const { url } = await new TestBrowser().open(startAt());
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:9\/callback\?/);
  const query = new URL(url).searchParams;
  expect([query.get("error"), query.get("state"), query.get("code")]).toEqual(["access_denied", "mine", null]);
  // What the provider itself writes is not handed on.
  expect(query.get("error_description")).toMatch(/^kept says no \(access_denied\): /);
  expect(url).not.toContain("not%20you");
});

test("a login that was begun with one provider is not finished with another (attack L1)", async () => {
  const begun = await fetch(startAt(), { redirect: "manual" });
  const cookie = begun.headers.get("set-cookie")!.split(";")[0]!;
  const state = new URL(begun.headers.get("location")!).searchParams.get("state")!;
  const come = (name: string, query: Record<string, string>) =>
    fetch(`${base}/${name}/callback?${new URLSearchParams({ state, ...query }).toString()}`, {
      redirect: "manual",
      headers: { cookie },
    });
  expect((await come("other", { code: "x" })).status).toBe(401);
  // An answer that names another issuer is not taken, an error as little as a code (RFC 9207).
  for (const query of [{ code: "x" }, { error: "access_denied" }]) {
    const location = (await come("kept", { ...query, iss: other.issuer })).headers.get("location")!;
    expect(new URL(location).searchParams.get("error_description")).toMatch(/its answer does not fit/);
  }
});

test("a code of another login at the provider is worth nothing in this browser (attack L2)", async () => {
  const begin = async () => {
    const begun = await fetch(startAt(), { redirect: "manual" });
    const cookie = begun.headers.get("set-cookie")!.split(";")[0]!;
    return { cookie, place: begun.headers.get("location")! };
  };
  const [thief, victim] = [await begin(), await begin()];
  // The thief stops at the redirect back, with a code of theirs in hand.
  const { url } = await new TestBrowser(`${base}/kept/callback`).open(thief.place);
  const stolen = new URL(url).searchParams;
  stolen.set("state", new URL(victim.place).searchParams.get("state")!);
  const answer = await fetch(`${base}/kept/callback?${stolen.toString()}`, {
    redirect: "manual",
    headers: { cookie: victim.cookie },
  });
  const query = new URL(answer.headers.get("location")!).searchParams;
  expect([query.get("code"), query.get("error")]).toEqual([null, "access_denied"]);
});

test("the token is called as the program wishes and lasts no longer than asked for, twelve hours at most", async () => {
  const soon = await redeem(await codeOf(), verifier, { name: "laptop", expiresIn: 60 });
  const { token, expiresAt } = (await soon.json()) as { token: string; expiresAt: string };
  expect(Date.parse(expiresAt) - Date.now()).toBeLessThanOrEqual(60_000);
  const { body } = await guarded.as("alice", token).get("/users/alice/tokens");
  expect(body.items.map((one: { name: string }) => one.name)).toContain("laptop");
  for (const wish of [{ expiresIn: 12 * 3600 + 1 }, { expiresIn: 0 }, { name: "a\nb" }, { name: 7 }]) {
    expect((await redeem(await codeOf(), verifier, wish)).status, JSON.stringify(wish)).toBe(400);
  }
});

test("a disabled user gets no token, and what was refused is in the audit rows", async () => {
  await login();
  await guarded.admin.patch("/users/alice", { disabled: true });
  const answer = await redeem(await codeOf());
  expect([answer.status, await answer.text()]).toEqual([401, expect.stringContaining("disabled")]);
  await guarded.admin.patch("/users/alice", { disabled: false });
  const found = async () => {
    const { body } = await guarded.admin.get("/audit?action=login");
    return body.items.map((one: { credential: string; target: string }) => `${one.credential} ${one.target}`);
  };
  await expect.poll(found).toContain("sso:kept user:alice");
});

test("a provider that is down is said to be, before and after the browser was there; local users log in as ever", async () => {
  const gone = await fetch(startAt({}, "down"), { redirect: "manual" });
  expect([gone.status, await gone.text()]).toEqual([503, expect.stringContaining("down cannot be asked")]);
  const begun = await fetch(startAt({}, "other"), { redirect: "manual" });
  const cookie = begun.headers.get("set-cookie")!.split(";")[0]!;
  const { url } = await new TestBrowser(`${base}/other/callback`).open(begun.headers.get("location")!);
  other.close();
  const back = await fetch(url, { redirect: "manual", headers: { cookie } });
  const query = new URL(back.headers.get("location")!).searchParams;
  expect([query.get("error"), query.get("state")]).toEqual(["temporarily_unavailable", "mine"]);
  expect(query.get("error_description")).toMatch(/^other cannot be asked: .*log in by password$/);
  expect((await guarded.admin.get("/me")).status).toBe(200);
});

test("providers are listed, one that is not there is answered with those that are, and no secret is in the log (threat 5)", async () => {
  expect(await (await fetch(`${base}/providers`)).json()).toEqual({
    providers: [{ name: "kept" }, { name: "other" }, { name: "down" }],
  });
  const answer = await fetch(startAt({}, "okta"), { redirect: "manual" });
  expect([answer.status, await answer.text()]).toEqual([
    404,
    expect.stringContaining("there is no provider okta to log in with: use one of kept, other, down"),
  ]);
  expect(JSON.stringify([server.log.lines, server.log.requests])).not.toContain(SsoTestProvider.secret);
});
