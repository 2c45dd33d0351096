import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import Provider from "oidc-provider";
import { afterAll, beforeEach, expect, test } from "vitest";
import { startGuardedServer } from "../support/management-client.ts";

/** Whoever is in front of the browser, as the provider knows them. */
let person = { sub: "1", name: "alice", groups: ["dev"] };
const listener = createServer();
await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
const issuer = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
const clientSecret = "canary-of-the-client";
const guarded = await startGuardedServer({
  outgoing: { allow: ["127.0.0.0/8"] },
  sso: [{ name: "kept", issuer, clientId: "berth", clientSecret, scopes: ["openid", "profile"], groups: [] }],
});
const { server } = guarded;
const base = `${server.url}/api/v1/sso`;
const provider = new Provider(issuer, {
  clients: [
    {
      ...{ client_id: "berth", client_secret: clientSecret, token_endpoint_auth_method: "client_secret_post" },
      redirect_uris: [`${base}/kept/callback`],
    },
  ],
  claims: { openid: ["sub"], profile: ["preferred_username", "name", "groups"] },
  conformIdTokenClaims: false,
  cookies: { keys: ["key"] },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
  findAccount: (_context, accountId) => ({
    accountId,
    claims: () => ({ sub: accountId, preferred_username: person.name, name: "A Person", groups: person.groups }),
  }),
  async loadExistingGrant(context) {
    const { client, session } = context.oidc;
    const grant = new provider.Grant({ clientId: client!.clientId, accountId: session!.accountId! });
    grant.addOIDCScope("openid profile");
    await grant.save();
    return grant;
  },
});
const callback = provider.callback();
listener.on("request", (request, response) => {
  if (request.url!.startsWith("/interaction/")) {
    void provider.interactionFinished(request, response, { login: { accountId: person.sub, remember: false } });
  } else void callback(request, response);
});
afterAll(async () => {
  await guarded.close();
  listener.close();
  listener.closeAllConnections();
});
beforeEach(() => void (person = { sub: "1", name: "alice", groups: ["dev"] }));

/** Follows redirects with cookies, as a browser does, to a place where nobody listens. */
class Browser {
  readonly #cookies = new Map<string, string>();
  async open(place: string): Promise<{ readonly url: string; readonly status: number; readonly text: string }> {
    let url = place;
    for (let hops = 0; hops < 15; hops++) {
      if (url.startsWith(back)) return { url, status: 0, text: "" };
      const { origin } = new URL(url);
      const cookie = [...this.#cookies]
        .filter(([key]) => key.startsWith(origin))
        .map(([key, value]) => `${key.split("|")[1]}=${value}`);
      const answer = await fetch(url, { redirect: "manual", headers: { cookie: cookie.join("; ") } });
      for (const line of answer.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!;
        this.#cookies.set(`${origin}|${name}`, value!);
      }
      const location = answer.headers.get("location");
      if (location === null) return { url, status: answer.status, text: await answer.text() };
      url = new URL(location, url).href;
    }
    throw new Error("too many redirects");
  }
}

const back = "http://127.0.0.1:9/callback";
const verifier = randomBytes(32).toString("base64url");
const challenge = createHash("sha256").update(verifier).digest("base64url");
const startAt = (more: Record<string, string> = {}, name = "kept") =>
  `${base}/${name}/start?${new URLSearchParams({ redirect_uri: back, code_challenge: challenge, state: "mine", ...more }).toString()}`;
const redeem = (code: string, proof = verifier) =>
  fetch(`${base}/token`, { method: "POST", body: JSON.stringify({ code, verifier: proof }) });
const codeOf = async (browser = new Browser()) => {
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
  person.groups = ["dev", "ops"];
  expect(await groups()).toEqual(["dev", "ops"]);
  person.groups = ["ops"];
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
  const { status, text } = await new Browser().open(begun.headers.get("location")!);
  expect([status, text]).toEqual([401, expect.stringMatching(/was not begun in this browser/)]);
  for (const query of ["", "?code=x", "?code=x&state=y", "?error=access_denied&state=y"]) {
    expect((await fetch(`${base}/kept/callback${query}`, { redirect: "manual" })).status).toBe(401);
  }
});

test("a name that belongs to a user here, or that cannot be one, gets no token", async () => {
  for (const name of ["admin", "oidc", "A B", "../x", ""]) {
    person = { sub: `of ${name}`, name, groups: [] };
    const { status } = await new Browser().open(startAt());
    expect(status, name).toBe(name === "admin" ? 409 : 401);
  }
});

test("providers that are not there are said to be missing, and no secret is in the log (threat 5)", async () => {
  expect((await fetch(startAt({}, "other"), { redirect: "manual" })).status).toBe(404);
  expect(JSON.stringify([server.log.lines, server.log.requests])).not.toContain(clientSecret);
});
