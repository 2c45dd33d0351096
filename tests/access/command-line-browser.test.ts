import { spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { awaitBrowser } from "../../src/cli/await-browser.ts";
import { startGuardedServer } from "../support/management-client.ts";
import { ScriptedServer } from "../support/scripted-server.ts";
import { DevicePage, SsoTestProvider, TestBrowser } from "../support/sso-provider.ts";
import { mainFile } from "../support/main-file.ts";

const folder = await mkdtemp(join(tmpdir(), "berth-browser-"));
const provider = await SsoTestProvider.listen();
const guarded = await startGuardedServer({
  outgoing: { allow: ["127.0.0.0/8"] },
  sso: [provider.settings("kept"), provider.settings("spare")],
});
const single = await startGuardedServer({ outgoing: { allow: ["127.0.0.0/8"] }, sso: [provider.settings("kept")] });
const none = await startGuardedServer();
const callback = ({ server }: typeof guarded) => `${server.url}/api/v1/sso/kept/callback`;
provider.serve([callback(guarded), callback(single)]);
const hostOf = ({ server }: typeof guarded) => new URL(server.url).host;

let home: string;
let homes = 0;
beforeEach(async () => {
  home = join(folder, `home${++homes}`);
  await mkdir(home);
  provider.refuses = false;
});
afterAll(async () => {
  await Promise.all([guarded, single, none].map((one) => one.close()));
  provider.close();
  await rm(folder, { recursive: true, force: true });
});

/** Runs a login; `visit` is given the address as soon as it is printed. */
async function logIn(
  args: readonly string[],
  visit?: (place: string) => Promise<unknown>,
  path = "/nowhere",
  shown = /^http:\/\/\S+(?=\n)/m,
) {
  const env = { ...process.env, HOME: home, PATH: path, XDG_CONFIG_HOME: "" };
  const child = spawn(process.execPath, [mainFile, "login", ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise<number | null>((done) => child.once("close", done));
  let [stdout, stderr] = ["", ""];
  let visiting: Promise<unknown> | undefined;
  child.stdout.on("data", (part) => (stdout += String(part)));
  child.stderr.on("data", (part) => {
    stderr += String(part);
    const place = shown.exec(stderr)?.[0];
    if (place !== undefined && visit !== undefined) visiting ??= visit(place);
  });
  const code = await ended;
  return { code, stdout, stderr, visited: await visiting };
}
/** Goes all the way back to the port of the command. */
const throughout = (place: string) => new TestBrowser("nowhere").open(place);

describe("berth login --sso", () => {
  test("logs in by a browser that comes back, and ends in a context as a login by password does", async () => {
    const { code, stdout, stderr, visited } = await logIn(
      [hostOf(guarded), "--sso", "kept", "--no-browser", "--output", "json", "--expires", "1h"],
      throughout,
    );
    expect([code, JSON.parse(stdout || stderr)]).toEqual([0, expect.objectContaining({ user: "alice" })]);
    expect((visited as { text: string }).text).toContain("The terminal says how the login ended");
    const file = join(home, ".config/berth/contexts.json");
    const [context] = JSON.parse(await readFile(file, "utf8")).contexts;
    expect(context).toMatchObject({
      server: guarded.server.url,
      user: "alice",
      token: expect.stringMatching(/^berth_pat_/),
    });
    expect(Date.parse(context.expires) - Date.now()).toBeLessThanOrEqual(3_600_000);
    const { body } = await guarded.as("alice", context.token).get("/users/alice/tokens");
    expect(body.items.map((one: { id: number }) => one.id)).toContain(context.tokenId);
    // Neither the code nor the verifier of the login was shown to anybody who can see processes or logs.
    expect(JSON.stringify(guarded.server.log.requests)).not.toContain(context.token);
  });

  test("opens a browser, by no shell, and takes the server's only provider when none is named", async () => {
    const bin = join(folder, "bin");
    await mkdir(bin);
    const seen = join(folder, "seen");
    await writeFile(
      join(bin, "xdg-open"),
      `#!/bin/sh\nprintf '%s\\n' "$#" "$1" > "${seen}.part"\n/bin/mv "${seen}.part" "${seen}"\n`,
    );
    await chmod(join(bin, "xdg-open"), 0o755);
    const path = `${bin}:${dirname(process.execPath)}`;
    const visit = async (place: string) => {
      await expect.poll(() => readFile(seen, "utf8").catch(() => "")).toBe(`1\n${place}\n`);
      return throughout(place);
    };
    const { code, stderr } = await logIn([hostOf(single), "--sso"], visit, path);
    expect([code, stderr]).toEqual([0, expect.stringContaining("log in with kept in a browser")]);
  });

  test("ends at once with a sentence when the provider says no", async () => {
    provider.refuses = true;
    const { code, stderr } = await logIn([hostOf(single), "--sso", "--no-browser"], throughout);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/the login was refused: kept says no \(access_denied\)/)]);
    await expect(readFile(join(home, ".config/berth/contexts.json"))).rejects.toThrow("ENOENT");
  });

  test("says which providers there are when the one named is none, several are there, or none is", async () => {
    const at = async (...args: string[]) => {
      const { code, stderr } = await logIn(args);
      return [code, stderr];
    };
    expect(await at(hostOf(guarded), "--sso", "okta")).toEqual([1, expect.stringContaining("use one of kept, spare")]);
    expect(await at(hostOf(guarded), "--sso")).toEqual([2, expect.stringContaining("of kept, spare")]);
    expect(await at(hostOf(none), "--sso")).toEqual([1, expect.stringContaining("has no provider to log in with")]);
    expect(await at("--sso", hostOf(none))).toEqual([2, expect.stringContaining("give the server before it")]);
    for (const more of [["--token-stdin"], ["--user", "alice"]]) {
      expect((await at(hostOf(guarded), "--sso", "kept", ...more))[0]).toBe(2);
    }
    expect((await at(hostOf(guarded), "--no-browser"))[0]).toBe(2);
  });
});

describe("berth login --device", () => {
  test("shows a code that is typed elsewhere, and ends in a context as a login by password does", async () => {
    const visit = async (shown: string) => {
      const [, place, code] = /^berth: open (\S+)\/device in a browser on any machine, and type (\S+)$/m.exec(shown)!;
      const page = new DevicePage(place!);
      return page.letIn(await page.type(code!));
    };
    const args = [hostOf(guarded), "--device", "--sso", "kept", "--output", "json"];
    const { code, stdout, stderr, visited } = await logIn(args, visit, "/nowhere", /^berth: open .*\n/m);
    expect([code, stderr]).toEqual([0, expect.stringContaining("/device in a browser")]);
    expect((visited as { text: string }).text).toContain("is logged in as alice");
    expect(JSON.parse(stdout)).toMatchObject({ user: "alice", server: guarded.server.url });
    const [context] = JSON.parse(await readFile(join(home, ".config/berth/contexts.json"), "utf8")).contexts;
    const { body } = await guarded.as("alice", context.token).get("/users/alice/tokens");
    expect(body.items.map((one: { id: number }) => one.id)).toContain(context.tokenId);
  });

  test("goes on while the server is away, and ends with a sentence when its user says no", async () => {
    const scripted = new ScriptedServer();
    await scripted.listen();
    const codes = {
      device_code: "d",
      user_code: "U",
      verification_uri: "http://h/\u001b[2J",
      expires_in: 60,
      interval: 0,
    };
    const pending = { status: 400, json: { error: "authorization_pending" } };
    const refused = { status: 400, json: { error: "access_denied", error_description: "somebody said\u0007 no" } };
    scripted.expect("POST /api/v1/sso/device", { status: 200, json: codes });
    for (const told of [pending, { status: 503 }, "cut", pending, refused] as const) {
      scripted.expect("POST /api/v1/sso/device/token", told);
    }
    const { code, stderr } = await logIn([scripted.host, "--device", "--expires", "1h"]);
    expect([code, stderr]).toEqual([1, expect.stringContaining("the login was refused: somebody said? no")]);
    expect(stderr).toContain("open http://h/?[2J in a browser");
    expect(new URLSearchParams(scripted.asked[0]!.body).get("expires_in")).toBe("3600");
    expect(new URLSearchParams(scripted.asked[1]!.body).get("device_code")).toBe("d");
    scripted.finish();
    const late = { ...codes, expires_in: 0 };
    scripted.expect("POST /api/v1/sso/device", { status: 200, json: late });
    expect(await logIn([scripted.host, "--device"])).toMatchObject({ code: 3 });
    scripted.finish();
    await scripted.close();
    expect((await logIn([hostOf(none), "--device"])).stderr).toContain("has no provider to log in with");
    expect((await logIn([hostOf(none), "--device", "--no-browser"])).code).toBe(2);
  });
});

describe("the port that waits for the browser", () => {
  const ask = async (url: string, headers: Record<string, string> = {}, method = "GET") => {
    const { request } = await import("node:http");
    return new Promise<number>((done, failed) => {
      const sent = request(url, { method, headers }, (answer) => done(answer.resume().statusCode ?? 0));
      sent.on("error", failed).end();
    });
  };

  test("takes one request that brings its state, and no other ends the wait (attack L3)", async () => {
    const waiting = await awaitBrowser(60_000);
    try {
      const { redirectUri, state } = waiting;
      expect(redirectUri).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/callback$/);
      expect(await ask(`${redirectUri}?code=x&state=wrong`)).toBe(400);
      expect(await ask(`${redirectUri}?error=access_denied`)).toBe(400);
      expect(await ask(`${redirectUri}?code=x&state=${state}`, { host: "evil.example" })).toBe(404);
      expect(await ask(`${redirectUri}?code=x&state=${state}`, {}, "POST")).toBe(404);
      expect(await ask(redirectUri.replace("/callback", "/"))).toBe(404);
      expect(await ask(`${redirectUri}?code=mine&state=${state}`)).toBe(200);
      expect(await ask(`${redirectUri}?code=other&state=${state}`)).toBe(409);
      expect(await waiting.code()).toBe("mine");
    } finally {
      waiting.close();
    }
  });

  test("gives up in time, and shows nothing of a refusal that a terminal or a page would obey", async () => {
    const short = await awaitBrowser(10);
    await expect(short.code()).rejects.toThrow("nobody came back from the browser within 10ms");
    short.close();
    const waiting = await awaitBrowser(60_000);
    try {
      const query = new URLSearchParams({ error: "x", error_description: "\u001b[2J<b>", state: waiting.state });
      const answer = await fetch(`${waiting.redirectUri}?${query.toString()}`);
      expect(await answer.text()).toContain("refused: ?[2J&#60;b&#62;");
      expect(answer.headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
      await expect(waiting.code()).rejects.toThrow("the login was refused: ?[2J<b>");
    } finally {
      waiting.close();
    }
  });
});
