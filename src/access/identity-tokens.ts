import { decodeJwt, decodeProtectedHeader, errors, jwtVerify } from "jose";
import type { JWTPayload } from "jose";
import { OutgoingError } from "../lib/index.ts";
import { listTrustRulesOfIssuer } from "../metadata/index.ts";
import type { TrustRuleRow } from "../metadata/index.ts";
import { RegistryError } from "../oci/index.ts";
import { decideTrust } from "../policy/index.ts";
import type { Claims, TrustCondition } from "../policy/index.ts";
import type { Access } from "./access.ts";
import type { IssuerKeys } from "./issuers.ts";
import type { Principal, TrustedRule } from "./principal.ts";

/** Of an identity token, in bytes. Those of known issuers have one to three thousand. */
const sizeLimit = 16 * 1024;
/** Of the subject, in characters. */
const subjectLimit = 1024;

/**
 * The workload that an identity token (OpenID Connect Core 1.0, section 2; RFC 7519) speaks for, by the trust rules for its issuer. An
 * issuer that no rule names is never asked for anything.
 * @throws RegistryError UNAUTHORIZED with what is wrong; UNAVAILABLE when the issuer's keys cannot be read
 */
export async function verifyIdentityToken(access: Access, token: string): Promise<Principal> {
  const issuer = readIssuerName(token);
  const rows = await access.metadata.read.all(listTrustRulesOfIssuer, { issuer });
  if (rows.length === 0) throw refusal(`no trust rule names its issuer ${quote(issuer)}`, "ask an owner to make one");
  const claims = await verifyToken(access, issuer, token);
  const rules = acceptedBy(rows, claims);
  if (rules.length === 0) {
    const { sub, aud } = claims;
    const whose = `of the subject ${quote(sub)} for the audience ${[aud].flat().map(quote).join(", ")}`;
    throw refusal(`no trust rule takes one ${whose}`, "compare its claims with the rule's conditions");
  }
  const first = rows.find(({ id }) => id === rules[0]!.id)!;
  const name = `workload:${first.name}/${printable(claims.sub)}`;
  return {
    kind: "workload",
    id: first.id,
    name,
    credential: `identity:${claims.exp}`,
    fingerprint: JSON.stringify({ name, rules }),
    limits: [],
    rules,
  };
}

type VerifiedClaims = Claims & { readonly sub: string; readonly aud: string | string[]; readonly exp: number };

/** The rules that take a token with these claims, in the order in which they were made. */
function acceptedBy(rows: readonly TrustRuleRow[], claims: Claims): TrustedRule[] {
  return rows
    .filter(({ issuer, audience, conditions }) => {
      const parsed = JSON.parse(conditions) as TrustCondition[];
      return decideTrust({ issuer, audience, conditions: parsed }, claims).accepted;
    })
    .map(({ id, revision }) => ({ id, revision }))
    .toSorted((a, b) => a.id - b.id);
}

/** What the token says of its issuer, which nothing proves yet. @throws RegistryError UNAUTHORIZED */
function readIssuerName(token: string): string {
  if (token.length > sizeLimit) {
    throw refusal(`it has ${token.length} bytes, and ${sizeLimit} are taken at most`, "leave claims out of it");
  }
  try {
    const { iss } = decodeJwt(token);
    if (typeof iss === "string" && iss !== "") return iss;
  } catch (cause) {
    throw refusal("it is no JSON Web Token", "give the token as your CI system gives it", cause);
  }
  throw refusal("it names no issuer", "ask for an OpenID Connect token");
}

async function verifyToken(access: Access, issuer: string, token: string): Promise<VerifiedClaims> {
  const known = await readKeys(issuer, () => access.issuers.read(issuer));
  try {
    return await verifyBy(access, issuer, token, known!);
  } catch (error) {
    if (!(error instanceof errors.JWKSNoMatchingKey)) throw explain(token, error);
  }
  const renewed = await readKeys(issuer, () => access.issuers.readAnew(issuer));
  if (renewed === undefined) throw noKey();
  try {
    return await verifyBy(access, issuer, token, renewed);
  } catch (error) {
    throw explain(token, error);
  }
}

async function readKeys<K>(issuer: string, read: () => Promise<K>): Promise<K> {
  try {
    return await read();
  } catch (cause) {
    if (!(cause instanceof OutgoingError)) throw cause;
    const message = `the keys of the issuer ${quote(issuer)} cannot be read: ${cause.message}; try again later, or log in with a user's or robot's secret`;
    throw new RegistryError("UNAVAILABLE", message, { cause });
  }
}

async function verifyBy(
  { settings: { clockSkew } }: Access,
  issuer: string,
  token: string,
  { find, algorithms }: IssuerKeys,
): Promise<VerifiedClaims> {
  const { payload } = await jwtVerify(token, find, {
    issuer,
    algorithms: [...algorithms],
    clockTolerance: clockSkew / 1000,
    requiredClaims: ["exp", "iat", "sub", "aud"],
  });
  return checkClaims(payload, clockSkew);
}

/** What the library leaves open: types, a time of issue that is still to come. @throws RegistryError UNAUTHORIZED */
function checkClaims(claims: JWTPayload, clockSkew: number): VerifiedClaims {
  const { sub, aud, exp, iat } = claims;
  const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
  const wrong = (name: string) => refusal(`its claim ${name} is not what RFC 7519 says`, "ask its issuer");
  if (!isText(sub) || sub.length > subjectLimit) throw wrong("sub");
  if (!(Array.isArray(aud) ? aud.length > 0 && aud.every(isText) : isText(aud))) throw wrong("aud");
  if (typeof exp !== "number" || !Number.isFinite(exp)) throw wrong("exp");
  if (typeof iat !== "number" || !Number.isFinite(iat)) throw wrong("iat");
  if (iat * 1000 > Date.now() + clockSkew) throw refusal(`it was issued at ${when(iat)}, which is to come`, clocks);
  return claims as VerifiedClaims;
}

const clocks = "compare the clocks of its issuer and of this server";

/** Every way in which a token can be wrong, in words. */
function explain(token: string, error: unknown): unknown {
  if (error instanceof errors.JWKSNoMatchingKey) return noKey(error);
  if (error instanceof errors.JWTExpired) {
    return refusal(
      `it expired at ${when(error.payload.exp)}`,
      `ask for a new one where it is used, or ${clocks}`,
      error,
    );
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === "nbf" && error.reason === "check_failed") {
      return refusal(`it is not good before ${when(error.payload.nbf)}`, clocks, error);
    }
    const what =
      error.reason === "missing" ? "is missing" : error.reason === "invalid" ? "has another type" : "is wrong";
    return refusal(`its claim ${error.claim} ${what}`, "ask its issuer", error);
  }
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return refusal(
      `it is signed with ${quote(algorithmOf(token))}, and its issuer signs otherwise`,
      "ask its issuer",
      error,
    );
  }
  if (error instanceof errors.JOSEError || error instanceof TypeError) {
    return refusal("its signature is wrong", "give the token as your CI system gives it", error);
  }
  return error;
}

function noKey(cause?: unknown): RegistryError {
  return refusal("its issuer has no such key", "if it has a new one, try again in a minute", cause);
}

function algorithmOf(token: string): string {
  try {
    return String(decodeProtectedHeader(token).alg);
  } catch {
    return "nothing";
  }
}

function refusal(why: string, cure: string, cause?: unknown): RegistryError {
  return new RegistryError("UNAUTHORIZED", `the identity token is not taken: ${why}; ${cure}`, { cause });
}

function when(seconds: unknown): string {
  const time = new Date(Number(seconds) * 1000);
  return Number.isNaN(time.getTime()) ? "no time at all" : time.toISOString();
}

/** Bounded, on one line. */
function quote(text: string): string {
  return printable(text.length > 300 ? `${text.slice(0, 300)}…` : text);
}

function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e…]/g, "?");
}
