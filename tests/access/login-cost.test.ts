import { createHook } from "node:async_hooks";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { adminPassword, startGuardedServer } from "../support/management-client.ts";

/*
 * Whether there is such a user must not be read from the time of a login. Nearly all of that time is one key derivation, so
 * these are counted: a count, unlike a clock, says the same on a busy machine.
 */

const guarded = await startGuardedServer({ access: { failedLogins: 0 } });
const { admin, server } = guarded;
afterAll(() => guarded.close());

let derivations = 0;
const hook = createHook({ init: (_id, type) => void (derivations += type === "SCRYPTREQUEST" ? 1 : 0) }).enable();
afterAll(() => void hook.disable());

/** Key derivations that a login costs, and its answer. */
async function login(name: string, password: string, path: string): Promise<string> {
  const before = derivations;
  const encoded = Buffer.from(`${name}:${password}`).toString("base64");
  const { status } = await fetch(`${server.url}${path}`, { headers: { authorization: `Basic ${encoded}` } });
  return `${status}, ${derivations - before} derived`;
}

test("the hook sees key derivations", async () => {
  const before = derivations;
  expect((await admin.post("/users", { name: "known", password: "seven green bottles" })).status).toBe(201);
  expect(derivations - before).toBeGreaterThanOrEqual(1);
});

test("a login of an unknown user costs what a wrong password of a known one does, on every face (threats 28 and 34)", async () => {
  await admin.post("/users", { name: "passwordless" });
  await admin.post("/users", { name: "disabled", password: "seven green bottles" });
  await admin.patch("/users/disabled", { disabled: true });
  let fresh = 0;
  for (const path of ["/v2/", "/api/v1/me", "/token"]) {
    for (const name of ["known", "unknown", "passwordless", "Not A Name", "nul\0", "x".repeat(300), ""]) {
      expect(await login(name, `wrong ${++fresh}`, path), `${path} ${name}`).toBe("401, 1 derived");
    }
    expect(await login("disabled", "seven green bottles", path), path).toMatch(/^401, [01] derived$/);
    // What has the form of a secret is looked up by its hash; what only resembles one is a password.
    expect(await login("known", `berth_pat_${"0".repeat(38)}`, path), path).toMatch(/^401, [01] derived$/);
  }
});

test("a login that was right is not derived again, by whichever face", async () => {
  expect(await login("admin", adminPassword, "/api/v1/me")).toMatch(/^200, [01] derived$/);
  for (const path of ["/v2/", "/api/v1/me", "/token"])
    expect(await login("admin", adminPassword, path)).toBe("200, 0 derived");
});

test("derived keys and signatures are compared in constant time; tokens are found by a hash of theirs (threat 34)", () => {
  const source = (path: string) => readFileSync(resolve(import.meta.dirname, "../../src", path), "utf8");
  for (const path of ["access/passwords.ts", "registry/upload-id.ts"]) {
    expect(source(path), path).toMatch(/timingSafeEqual\(/);
    expect(source(path), path).not.toMatch(/\b(?:key|signature|expected)(?:\.equals\(| ===)/);
  }
  for (const path of ["access/authenticate.ts", "access/get-refreshed.ts"]) {
    expect(source(path), path).toMatch(/hash: hashSecret\(\w+\)/);
    expect(source(path), path).not.toMatch(/\b(?:secret|password|header) === (?!undefined)/);
  }
});

test("the server's log has no error", () => {
  expect(server.errors).toEqual([]);
});
