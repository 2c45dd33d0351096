import * as openid from "openid-client";
import { afterAll, afterEach, beforeEach, expect, test } from "vitest";
import { hashSecret, readLatest } from "../../src/access/index.ts";
import { writeRefusals } from "../../src/access/keep-trail.ts";
import { findDeviceLogin } from "../../src/metadata/index.ts";
import { openAlterable } from "../support/alter-rows.ts";
import { serveGuarded } from "../support/serve-guarded.ts";
import { DevicePage, fieldIn, SsoTestProvider } from "../support/sso-provider.ts";

const provider = await SsoTestProvider.listen({ refreshes: true });
const rows = openAlterable();
const { metadata } = rows;
const alter = (...change: Parameters<typeof rows.alter>) => rows.alter(...change);
const server = await serveGuarded(
  {},
  { metadata, trusted: ["127.0.0.0/8"], providers: [provider.provider("kept"), provider.provider("spare")] },
);
provider.serve([`${server.url}/api/v1/sso/kept/callback`]);
afterAll(async () => {
  await server.close();
  provider.close();
});
beforeEach(() => {
  provider.person = { sub: "1", name: "alice", groups: ["dev"] };
  provider.refuses = false;
});
afterEach(() => alter("endDeviceLogins", 1));

const post = (path: string, form: Record<string, string>, headers: Record<string, string> = {}) =>
  fetch(`${server.url}/api/v1/sso/${path}`, { method: "POST", body: new URLSearchParams(form), headers });
const begin = async (form: Record<string, string> = {}) => {
  const answer = await post("device", { client_id: "build-7", ...form });
  expect(answer.status, await answer.clone().text()).toBe(200);
  return (await answer.json()) as { device_code: string; user_code: string; verification_uri: string };
};
const grant = "urn:ietf:params:oauth:grant-type:device_code";
const look = async (device_code: string) => {
  await alter("passLookTime", 0);
  const answer = await post("device/token", { grant_type: grant, device_code });
  const body = (await answer.json()) as { error?: string; access_token?: string; user?: string };
  return { status: answer.status, ...body };
};
const errorOf = async (device: string) => (await look(device)).error;

test("a machine without a browser is logged in by a code that is typed elsewhere, as a client of RFC 8628 does it", async () => {
  const client = new openid.Configuration(
    {
      issuer: server.url,
      token_endpoint: `${server.url}/api/v1/sso/device/token`,
      device_authorization_endpoint: `${server.url}/api/v1/sso/device`,
    },
    "build-7",
    undefined,
    openid.None(),
  );
  openid.allowInsecureRequests(client);
  const began = performance.now();
  const begun = await openid.initiateDeviceAuthorization(client, {});
  expect(begun).toMatchObject({ verification_uri: `${server.url}/device`, expires_in: 600, interval: 5 });
  expect(begun.user_code).toMatch(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
  expect(await errorOf(begun.device_code)).toBe("authorization_pending");
  const page = new DevicePage(server.url);
  const shown = await page.type(begun.user_code.toLowerCase().replace("-", " "));
  expect([shown.status, (await page.letIn(shown)).text]).toEqual([200, expect.stringContaining("logged in as alice")]);
  await alter("passLookTime", 0);
  const tokens = await openid.pollDeviceAuthorizationGrant(client, { ...begun, interval: 0.01 });
  expect(tokens.access_token).toMatch(/^berth_pat_/);
  // Whole seconds from when it was let in, which was after it began.
  const gone = (performance.now() - began) / 1000;
  expect(tokens.expires_in).toBeGreaterThan(12 * 3600 - 2 - gone);
  const me = await server.ask("GET", "/api/v1/me", `Bearer ${tokens.access_token}`);
  expect(me.json()).toMatchObject({ name: "user:alice" });
  // Once.
  expect(await errorOf(begun.device_code)).toBe("expired_token");
  expect((await page.type(begun.user_code)).status).toBe(404);
  const found = await Array.fromAsync(readLatest(metadata.read, {}));
  expect(found.map(({ action, credential, target }) => [action, credential, target])).toEqual(
    expect.arrayContaining([
      ["approve-login", "sso:kept", "build-7"],
      ["create-token", "sso:kept", "build-7"],
    ]),
  );
});

test("the page says who asks and from where, and no address holds the code that is typed (attack L4)", async () => {
  const answer = await post("device", { client_id: "build-7" }, { "x-forwarded-for": "203.0.113.9" });
  const begun = (await answer.json()) as { user_code: string; verification_uri: string };
  expect(Object.keys(begun)).not.toContain("verification_uri_complete");
  expect(new URL(begun.verification_uri).search).toBe("");
  const page = new DevicePage(server.url);
  const prefilled = await page.open(`?user_code=${begun.user_code}`);
  expect(prefilled.text).not.toContain(begun.user_code);
  expect(prefilled.text).toContain("Type none that somebody sent you");
  const { text } = await page.type(begun.user_code);
  expect(text).toContain("calls itself <strong>build-7</strong>, at the address <strong>203.0.113.9</strong>");
  expect(text).toContain("If somebody sent you the code, say no");
  // What a machine calls itself cannot dress the page up.
  for (const client_id of ["<b>Berth</b>", "your company, really", "", "a".repeat(61), "x\u202ey"]) {
    expect((await post("device", { client_id })).status, client_id).toBe(400);
  }
});

test("the page is shown in no frame and runs nothing (attack L5)", async () => {
  const { headers, text } = await new DevicePage(server.url).open();
  const policy = headers.get("content-security-policy")!;
  for (const rule of ["default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"]) {
    expect(policy).toContain(rule);
  }
  expect(policy).not.toContain("unsafe");
  expect(headers.get("x-frame-options")).toBe("DENY");
  expect(headers.get("cache-control")).toBe("no-store");
  expect(headers.get("set-cookie")).toMatch(/^berth-device=[\w-]+; HttpOnly; SameSite=Strict; Path=\/device; /);
  expect(text).not.toMatch(/<script|javascript:/i);
});

test("a form of another site, or of another browser, lets no machine in (threat 39)", async () => {
  const { device_code, user_code } = await begin();
  const [mine, other] = [new DevicePage(server.url), new DevicePage(server.url)];
  const shown = await mine.type(user_code);
  const fields = { machine: fieldIn(shown, "machine"), provider: "kept" };
  for (const headers of [
    { origin: "https://evil.example" },
    { origin: "null" },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
    { "content-type": "text/plain" },
  ] as Record<string, string>[]) {
    expect((await mine.send(fields, headers)).status, JSON.stringify(headers)).toBe(403);
  }
  const named = (await mine.send(fields, { origin: "https://<b>" })).text;
  expect(named).toContain("comes from https://&#60;b&#62;, and this registry is called http://127.0.0.1:");
  await other.open();
  expect((await other.send(fields)).status).toBe(403);
  expect((await new DevicePage(server.url).send(fields)).status).toBe(403);
  expect((await mine.send({ user_code })).status).toBe(403);
  expect((await mine.send({ ...fields, machine: fieldIn(await mine.open(), "page") })).status).toBe(403);
  // The state of a device's login gives no code to a port of loopback, and is of one browser.
  const begun = await mine.send(fields);
  const next = /url=([^"]+)"/.exec(begun.text)![1]!.replaceAll("&#38;", "&");
  const state = new URL(next).searchParams.get("state")!;
  expect((await server.ask("GET", `/api/v1/sso/kept/callback?code=x&state=${state}`)).status).toBe(401);
  expect(await errorOf(device_code)).toBe("authorization_pending");
});

test("whoever guesses codes must wait, and nobody else must (attack L6)", async () => {
  const { user_code } = await begin();
  const page = new DevicePage(server.url);
  const from = { "x-forwarded-for": "198.51.100.7" };
  const statuses: number[] = [];
  for (let guess = 0; guess < 8; guess++) statuses.push((await page.type("BBBB-BBBB", from)).status);
  expect(statuses.slice(0, 5)).toEqual([404, 404, 404, 404, 404]);
  expect(statuses).toContain(429);
  const refused = await page.type(user_code, from);
  expect([refused.status, Number(refused.headers.get("retry-after"))]).toEqual([429, expect.any(Number)]);
  expect((await page.type(user_code, { "x-forwarded-for": "198.51.100.8" })).status).toBe(200);
  await writeRefusals(server.access, true);
  const found = await Array.fromAsync(readLatest(metadata.read, {}));
  expect(found.map(({ credential, address }) => `${credential} ${address}`)).toContain("device-code 198.51.100.7");
});

test("who looks too often is told to slow down, and waits longer each time (RFC 8628, 3.5)", async () => {
  const { device_code } = await begin();
  const again = async () =>
    ((await (await post("device/token", { grant_type: grant, device_code })).json()) as { error: string }).error;
  expect(await again()).toBe("authorization_pending");
  expect(await again()).toBe("slow_down");
  // Five seconds would have been enough before.
  await alter("passLookTime", Date.now() - 6_000);
  expect(await again()).toBe("slow_down");
  expect(await errorOf(device_code)).toBe("authorization_pending");
});

test("a machine is turned away by whoever typed its code, by the provider, and by time", async () => {
  const page = new DevicePage(server.url);
  const denied = await begin();
  await page.send({ machine: fieldIn(await page.type(denied.user_code), "machine"), deny: "yes" });
  expect(await errorOf(denied.device_code)).toBe("access_denied");
  provider.refuses = true;
  const refused = await begin();
  const { status, text } = await page.letIn(await page.type(refused.user_code));
  expect([status, text]).toEqual([401, expect.stringContaining("kept says no (access_denied)")]);
  expect(await errorOf(refused.device_code)).toBe("access_denied");
  provider.refuses = false;
  const late = await begin();
  const shown = await page.type(late.user_code);
  await alter("endDeviceLogins", Date.now() - 1);
  expect((await page.send({ machine: fieldIn(shown, "machine"), provider: "kept" })).status).toBe(404);
  expect((await page.type(late.user_code)).status).toBe(404);
  expect(await errorOf(late.device_code)).toBe("expired_token");
});

test("one of several looks at a time gets the token, and one word of a user counts", async () => {
  const { device_code, user_code } = await begin({ provider: "kept", expires_in: "60" });
  const [one, two] = [new DevicePage(server.url), new DevicePage(server.url)];
  const [first, second] = [await one.type(user_code), await two.type(user_code)];
  expect(first.text).not.toContain('value="spare"');
  expect((await one.letIn(first)).status).toBe(200);
  expect((await two.send({ machine: fieldIn(second, "machine"), deny: "yes" })).status).toBe(404);
  // Even where both were shown it before either had said a word.
  const { id } = (await metadata.read.first(findDeviceLogin, { hash: hashSecret(device_code) }))!;
  const by = { principal: "anonymous", credential: null, address: null, request: null, reason: null };
  const no = {
    by,
    id,
    client: "",
    address: "",
    outcome: "denied",
    account: null,
    provider: null,
    login: null,
  } as const;
  await expect(metadata.write("settleDeviceLogin", no)).rejects.toMatchObject({ code: "NOT_FOUND" });
  await alter("passLookTime", 0);
  const form = { grant_type: grant, device_code };
  const answers = await Promise.all([1, 2, 3].map(() => post("device/token", form)));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  const made = (await answers.find(({ status }) => status === 200)!.json()) as { expires_in: number };
  expect(made.expires_in).toBeLessThanOrEqual(60);
});

test("a disabled user lets nobody in, and one address has so many machines waiting and no more", async () => {
  const { device_code, user_code } = await begin();
  const page = new DevicePage(server.url);
  await page.letIn(await page.type(user_code));
  await alter("disableAccount", 1);
  expect(await look(device_code)).toMatchObject({ status: 400, error: "access_denied" });
  const form = { client_id: "flood" };
  const headers = { "x-forwarded-for": "2001:db8::1" };
  for (let count = 0; count < 50; count++) expect((await post("device", form, headers)).status).toBe(200);
  const more = await post("device", form, { "x-forwarded-for": "2001:db8::2" });
  expect([more.status, more.headers.get("retry-after")]).toEqual([429, "60"]);
  expect((await post("device", form)).status).toBe(200);
});

test("what is asked for in another way is refused with a word of RFC 6749 or a sentence", async () => {
  const wrong = await post("device/token", { grant_type: "password" });
  expect([wrong.status, ((await wrong.json()) as { error: string }).error]).toEqual([400, "unsupported_grant_type"]);
  expect(await errorOf("guess")).toBe("expired_token");
  expect((await post("device", { client_id: "a", provider: "okta" })).status).toBe(404);
  expect((await post("device", { client_id: "a", expires_in: "99999999" })).status).toBe(400);
  expect((await post("device", { client_id: "a", expires_in: "soon" })).status).toBe(400);
  expect((await post("device", { client_id: "a", more: "x".repeat(20_000) })).status).toBe(400);
  expect((await fetch(`${server.url}/device`, { method: "DELETE" })).status).toBe(404);
  const page = new DevicePage(server.url);
  const shown = await page.type((await begin()).user_code);
  expect((await page.send({ machine: fieldIn(shown, "machine"), provider: "okta" })).status).toBe(400);
});
