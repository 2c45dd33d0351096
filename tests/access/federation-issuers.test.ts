import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { anonymous, authorize, verifyIdentityToken } from "../../src/access/index.ts";
import { openGuardedFetch } from "../../src/lib/index.ts";
import { parseRepositoryName } from "../../src/oci/index.ts";
import type { TrustCondition } from "../../src/policy/index.ts";
import { makeCertificate } from "../support/certificate.ts";
import { codeOf, now, useFederation } from "../support/open-federation.ts";
import { callerOf, openGuarded } from "../support/open-rights.ts";
import { githubClaims, startIssuer } from "../support/test-issuer.ts";

const app = parseRepositoryName("acme/app");
const ofAcme: TrustCondition = { claim: ["repository_owner"], equals: "acme" };
const f = useFederation();

test("a new key of the issuer is found, and unknown ones cost one look a minute", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  await f.ruleFor([ofAcme]);
  await f.may(await f.issuer.sign(githubClaims), "push");
  await f.may(await f.issuer.sign(githubClaims), "push");
  expect(f.issuer.asked.get("/jwks")).toBe(1);
  await f.issuer.rotate();
  const token = await f.issuer.sign(githubClaims);
  for (let times = 0; times < 5; times++)
    await expect(verifyIdentityToken(f.access, token)).rejects.toThrow(/no such key/);
  expect(f.issuer.asked.get("/jwks")).toBe(1);
  vi.setSystemTime(Date.now() + 61_000);
  expect(await f.may(token, "push")).toBe(true);
  expect(f.issuer.asked.get("/jwks")).toBe(2);
  const odd = await f.issuer.sign(githubClaims, { kid: "unknown" });
  for (let times = 0; times < 5; times++)
    await expect(verifyIdentityToken(f.access, odd)).rejects.toThrow(/no such key/);
  expect(f.issuer.asked.get("/jwks")).toBe(2);
});

test("a key that the issuer withdrew is good no more once its keys are read again", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  await f.ruleFor([ofAcme]);
  const token = await f.issuer.sign({ ...githubClaims, exp: now() + 3600 });
  expect(await f.may(token, "push")).toBe(true);
  f.issuer.published = [];
  await f.issuer.rotate();
  f.issuer.published[0]!.kid = "another";
  vi.setSystemTime(Date.now() + 11 * 60_000);
  await expect(verifyIdentityToken(f.access, token)).rejects.toThrow(/no such key/);
});

test("while the issuer cannot be read, its keys are used for an hour and no longer", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  await f.ruleFor([ofAcme]);
  const token = await f.issuer.sign({ ...githubClaims, exp: now() + 7200 });
  expect(await f.may(token, "push")).toBe(true);
  f.issuer.instead = (_request, response) => void response.writeHead(500).end("canary");
  vi.setSystemTime(Date.now() + 50 * 60_000);
  expect(await f.may(token, "push")).toBe(true);
  vi.setSystemTime(Date.now() + 20 * 60_000);
  await expect(verifyIdentityToken(f.access, token)).rejects.toThrow(
    /cannot be read: .*answers with status 500; try again later/,
  );
});

test.each([
  [
    "keys that never come",
    /did not answer whole within 4 s/,
    (path: string) => (path === "/jwks" ? undefined : "usual"),
  ],
  ["a redirect inside", /redirects are not followed/, () => 302],
  ["a page that is no JSON", /is no JSON/, () => "<html>canary</html>"],
  ["another issuer's name", /names another issuer/, () => ({ issuer: "https://other.example.com", jwks_uri: "x" })],
  ["keys nowhere", /names no place of its keys/, (path: string) => ({ issuer: path, jwks_uri: 1 })],
] as const)(
  "an issuer with %s: 503 with the reason, one request for many callers (threat 22, threat 23)",
  async (_what, message, answer) => {
    await f.ruleFor([ofAcme]);
    f.issuer.instead = (request, response) => {
      const given = answer(request.url ?? "");
      if (given === undefined) return;
      if (given === 302)
        return void response.writeHead(302, { location: "http://169.254.169.254/latest" }).end("canary");
      const usual = { issuer: f.issuer.url, jwks_uri: `${f.issuer.url}/jwks` };
      const document =
        given === "usual"
          ? usual
          : typeof given === "object" && "issuer" in given && given.jwks_uri === 1
            ? { ...usual, jwks_uri: 1 }
            : given;
      response.end(typeof document === "string" ? document : JSON.stringify(document));
    };
    const token = await f.issuer.sign(githubClaims);
    const errors = await Promise.all(
      Array.from({ length: 20 }, () => verifyIdentityToken(f.access, token).catch((error: unknown) => error)),
    );
    for (const error of errors as { code: string; message: string }[]) {
      expect(error.code).toBe("UNAVAILABLE");
      expect(error.message).toMatch(message);
      expect(error.message).not.toContain("canary");
    }
    await expect(verifyIdentityToken(f.access, token)).rejects.toThrow(message);
    expect(f.issuer.asked.get("/.well-known/openid-configuration")).toBe(1);
    // Nobody else notices.
    expect(await codeOf(Promise.resolve(authorize(f.access, callerOf(anonymous), "pull", app)))).toBe("UNAUTHORIZED");
  },
);

test("an issuer whose certificate expired, or that is in a network that is not listed, says so", async () => {
  const folder = mkdtempSync(join(tmpdir(), "berth-federation-"));
  const expired = makeCertificate(folder, "localhost", "expired");
  const secure = await startIssuer(expired);
  try {
    await f.ruleFor([ofAcme], { issuer: secure.url });
    const token = await secure.sign(githubClaims);
    await expect(verifyIdentityToken(f.access, token)).rejects.toThrow(/127\.0\.0\.1 is not a public|certificate/);
    const bounds = { timeout: 20_000, sizeLimit: 100_000 };
    const listed = openGuardedFetch({ allow: ["127.0.0.0/8"], ca: expired.cert, ...bounds });
    const { access: other } = await openGuarded(f.metadata, listed);
    await expect(verifyIdentityToken(other, token)).rejects.toThrow(
      /127\.0\.0\.1: its certificate has expired; try again/,
    );
    const { access: closed } = await openGuarded(f.metadata, openGuardedFetch({ allow: [], ca: undefined, ...bounds }));
    await expect(verifyIdentityToken(closed, token)).rejects.toThrow(/127\.0\.0\.1 is not a public address/);
  } finally {
    await secure.close();
    rmSync(folder, { recursive: true });
  }
});
