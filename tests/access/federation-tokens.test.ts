import { createHmac, createPublicKey } from "node:crypto";
import { SignJWT, UnsecuredJWT, exportJWK, generateKeyPair } from "jose";
import { expect, test, vi } from "vitest";
import { verifyIdentityToken } from "../../src/access/index.ts";
import type { TrustCondition } from "../../src/policy/index.ts";
import { codeOf, now, useFederation } from "../support/open-federation.ts";
import { githubClaims, startIssuer } from "../support/test-issuer.ts";

const ofAcme: TrustCondition = { claim: ["repository_owner"], equals: "acme" };
const f = useFederation();

test("algorithms are those of the issuer: no secret made of a public key, no none, no other (threat 11, threat 12)", async () => {
  await f.ruleFor([ofAcme]);
  const claims = { iss: f.issuer.url, aud: "registry.example.com", iat: now(), exp: now() + 300, ...githubClaims };
  const pem = createPublicKey({ key: f.issuer.key().publicJwk as never, format: "jwk" }).export({
    type: "spki",
    format: "pem",
  });
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${part({ alg: "HS256", kid: "key-1" })}.${part(claims)}`;
  const confused = `${text}.${createHmac("sha256", pem).update(text).digest("base64url")}`;
  await expect(verifyIdentityToken(f.access, confused)).rejects.toThrow(
    /it is signed with HS256, and its issuer signs otherwise/,
  );
  const none = new UnsecuredJWT(claims).encode();
  await expect(verifyIdentityToken(f.access, none)).rejects.toThrow(/not taken/);
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  f.issuer.published.push({ ...(await exportJWK(publicKey)), kid: "ec", alg: "ES256" });
  const other = await new SignJWT(claims).setProtectedHeader({ alg: "ES256", kid: "ec" }).sign(privateKey);
  await expect(verifyIdentityToken(f.access, other)).rejects.toThrow(/signed with ES256/);
});

test.each(["ES256", "EdDSA"])("an issuer that says so may sign with %s", async (algorithm) => {
  f.issuer.published = [];
  f.issuer.discovery = { id_token_signing_alg_values_supported: [algorithm, "HS256", "none"] };
  await f.issuer.rotate(algorithm);
  await f.ruleFor([ofAcme]);
  expect(await f.may(await f.issuer.sign(githubClaims), "push")).toBe(true);
});

test("keys that a token brings along are not looked at (threat 11)", async () => {
  await f.ruleFor([ofAcme]);
  const { privateKey, publicKey } = await generateKeyPair("RS256");
  const jwk = await exportJWK(publicKey);
  const claims = { iss: f.issuer.url, aud: "registry.example.com", iat: now(), exp: now() + 300, ...githubClaims };
  const asked = vi.fn();
  const evil = await startIssuer();
  evil.instead = (_request, response) => void (asked(), response.end(JSON.stringify({ keys: [jwk] })));
  const headers = [
    { jwk },
    { jwk, kid: "key-1" },
    { jku: `${evil.url}/jwks` },
    { x5u: `${evil.url}/chain` },
    { x5c: ["MIIB"] },
    { kid: "../../../../dev/null" },
    { kid: "' or '1'='1" },
    { kid: `${evil.url}/jwks` },
    {},
  ];
  for (const header of headers) {
    const token = await new SignJWT(claims).setProtectedHeader({ alg: "RS256", ...header }).sign(privateKey);
    expect(await codeOf(verifyIdentityToken(f.access, token)), JSON.stringify(header)).toBe("UNAUTHORIZED");
  }
  expect(asked).not.toHaveBeenCalled();
  await evil.close();
});

test.each([
  [
    "another audience",
    { aud: "other.example.com" },
    /no trust rule takes one of the subject .* for the audience other\.example\.com/,
  ],
  ["an audience that is a number", { aud: 1 }, /its claim aud/],
  ["an empty list of audiences", { aud: [] }, /claim aud/],
  ["no audience", { aud: undefined }, /its claim aud is missing/],
  ["no subject", { sub: undefined }, /its claim sub is missing/],
  ["a subject that is a list", { sub: ["repo:acme/app"] }, /its claim sub/],
  ["a subject that is empty", { sub: "" }, /its claim sub/],
  ["an end that is text", { exp: "tomorrow" }, /its claim exp has another type/],
  ["no end", { exp: undefined }, /its claim exp is missing/],
  ["no time of issue", { iat: undefined }, /its claim iat is missing/],
  ["a time of issue that is text", { iat: "now" }, /its claim iat has another type/],
  ["a beginning that is a list", { nbf: [1] }, /its claim nbf has another type/],
  ["an owner that is an object", { repository_owner: { toString: "acme" } }, /no trust rule takes one/],
  ["an issuer that is a list", { iss: ["x"] }, /it names no issuer/],
  ["another issuer", { iss: "https://issuer.example.com" }, /no trust rule names its issuer/],
])("a token with %s is refused with a clear error", async (_what, more, message) => {
  await f.ruleFor([ofAcme]);
  const token = await f.issuer.sign({ ...githubClaims, ...more } as never);
  await expect(verifyIdentityToken(f.access, token)).rejects.toThrow(message);
  expect(await codeOf(verifyIdentityToken(f.access, token))).toBe("UNAUTHORIZED");
});

test("clocks may differ by a minute, and not by five, in either direction", async () => {
  await f.ruleFor([ofAcme]);
  const at = async (skew: number) => {
    const claims = { ...githubClaims, iat: now() + skew, nbf: now() + skew, exp: now() + skew + 10 };
    return verifyIdentityToken(f.access, await f.issuer.sign(claims)).then(
      () => "taken",
      (error: Error) => error.message,
    );
  };
  expect([await at(40), await at(-40)]).toEqual(["taken", "taken"]);
  expect(await at(300)).toMatch(
    /^the identity token is not taken: it is not good before \d{4}-.*Z; compare the clocks/,
  );
  expect(await at(-320)).toMatch(/it expired at \d{4}-.*Z; ask for a new one where it is used, or compare the clocks/);
  const later = await f.issuer.sign({ ...githubClaims, iat: now() + 300, exp: now() + 900 });
  await expect(verifyIdentityToken(f.access, later)).rejects.toThrow(/it was issued at .*, which is to come; compare/);
});

test("a token that is too long is refused before it is looked at (threat 8)", async () => {
  await f.ruleFor([ofAcme]);
  const large = `${await f.issuer.sign(githubClaims)}${"x".repeat(100 * 1024 ** 2)}`;
  const looked: unknown[] = [];
  const watched = new Proxy(Object(large) as object, {
    get: (_large, what) => (looked.push(what), large[what as "length"]),
  }) as unknown as string;
  for (const token of [large, watched]) {
    await expect(verifyIdentityToken(f.access, token)).rejects.toThrow(
      /it has 104\d+ bytes, and 16384 are taken at most/,
    );
  }
  expect(new Set(looked)).toEqual(new Set(["length"]));
  expect(f.issuer.asked.size).toBe(0);
});

test("an issuer that no rule names is never asked (threat 22)", async () => {
  await expect(verifyIdentityToken(f.access, await f.issuer.sign(githubClaims))).rejects.toThrow(
    /no trust rule names its issuer/,
  );
  await f.ruleFor([ofAcme], { disabled: true });
  await expect(verifyIdentityToken(f.access, await f.issuer.sign(githubClaims))).rejects.toThrow(
    /no trust rule names its issuer/,
  );
  expect(f.issuer.asked.size).toBe(0);
});

test("what is no token is refused, whatever it is", async () => {
  await f.ruleFor([ofAcme]);
  const good = await f.issuer.sign(githubClaims);
  const [head, body, signature] = good.split(".") as [string, string, string];
  const bent = Buffer.from(JSON.stringify({ ...githubClaims, iss: f.issuer.url, repository: "acme/other" })).toString(
    "base64url",
  );
  for (const text of [
    "",
    ".",
    "..",
    "a.b.c",
    `${head}.${bent}.${signature}`,
    `${head}.${body}.`,
    `${head}.${body}`,
    `${good}.x`,
  ]) {
    expect(await codeOf(verifyIdentityToken(f.access, text)), text).toBe("UNAUTHORIZED");
  }
});
