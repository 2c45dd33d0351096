import { createLocalJWKSet } from "jose";
import type { JSONWebKeySet, JWTVerifyGetKey } from "jose";
import { OutgoingError } from "../lib/index.ts";
import type { GuardedFetch } from "../lib/index.ts";

/** What an issuer says of itself: keys, and how it signs. */
export interface IssuerKeys {
  readonly find: JWTVerifyGetKey;
  /** Of public-key signatures only; a token that names another is refused. */
  readonly algorithms: readonly string[];
}

/** Algorithms that are taken at all: those with a shared secret would make a public key a password. */
const knownAlgorithms = new Set([
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
]);

/** What is read is good for this long without another look, in milliseconds. */
const freshFor = 10 * 60_000;
/** How long it is used while the issuer cannot be read. */
const staleFor = 60 * 60_000;
/** Between two looks for a key that is not there. */
const lookAgainAfter = 60_000;
/** Between two tries of an issuer that cannot be read: a flood of tokens does not become one of requests. */
const tryAgainAfter = 10_000;

interface Known {
  readonly keys: IssuerKeys;
  readonly readAt: number;
}

/** Keys of issuers, read by OpenID Connect Discovery and kept. Concurrent callers share one request. */
export class Issuers {
  readonly #fetch: GuardedFetch;
  readonly #now: () => number;
  readonly #known = new Map<string, Known>();
  readonly #failed = new Map<string, { readonly error: OutgoingError; readonly at: number }>();
  readonly #reading = new Map<string, Promise<IssuerKeys>>();

  constructor(fetch: GuardedFetch, now: () => number = () => Date.now()) {
    this.#fetch = fetch;
    this.#now = now;
  }

  /** @throws OutgoingError when it cannot be read and what was read is too old */
  async read(issuer: string): Promise<IssuerKeys> {
    const known = this.#known.get(issuer);
    if (known !== undefined && this.#now() - known.readAt < freshFor) return known.keys;
    try {
      return await this.#readOnce(issuer);
    } catch (error) {
      if (known !== undefined && this.#now() - known.readAt < staleFor) return known.keys;
      throw error;
    }
  }

  /** The same for a key that is not among those that are known: undefined when the last look was within a minute. */
  async readAnew(issuer: string): Promise<IssuerKeys | undefined> {
    const known = this.#known.get(issuer);
    if (known !== undefined && this.#now() - known.readAt < lookAgainAfter) return undefined;
    return this.#readOnce(issuer);
  }

  async #readOnce(issuer: string): Promise<IssuerKeys> {
    const failed = this.#failed.get(issuer);
    if (failed !== undefined && this.#now() - failed.at < tryAgainAfter) throw failed.error;
    let reading = this.#reading.get(issuer);
    if (reading === undefined) {
      reading = this.#readNow(issuer).finally(() => this.#reading.delete(issuer));
      this.#reading.set(issuer, reading);
    }
    return reading;
  }

  async #readNow(issuer: string): Promise<IssuerKeys> {
    try {
      const keys = await readIssuer(this.#fetch, issuer);
      this.#known.set(issuer, { keys, readAt: this.#now() });
      this.#failed.delete(issuer);
      return keys;
    } catch (error) {
      if (error instanceof OutgoingError) this.#failed.set(issuer, { error, at: this.#now() });
      throw error;
    }
  }
}

/** OpenID Connect Discovery 1.0, section 4; RFC 7517. @throws OutgoingError */
async function readIssuer(fetch: GuardedFetch, issuer: string): Promise<IssuerKeys> {
  const place = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const document = await readJson(fetch, place);
  if (document["issuer"] !== issuer) throw unusable(place, "names another issuer");
  const keysAt = document["jwks_uri"];
  if (typeof keysAt !== "string" || !URL.canParse(keysAt)) throw unusable(place, "names no place of its keys");
  const listed = document["id_token_signing_alg_values_supported"] ?? ["RS256"];
  const algorithms = Array.isArray(listed)
    ? listed.filter((one): one is string => knownAlgorithms.has(one as string))
    : [];
  if (algorithms.length === 0) throw unusable(place, "signs in no way that is taken here");
  const keys = await readJson(fetch, keysAt);
  try {
    return { find: createLocalJWKSet(keys as unknown as JSONWebKeySet), algorithms };
  } catch (cause) {
    throw unusable(keysAt, "holds no set of keys", cause);
  }
}

async function readJson(fetch: GuardedFetch, place: string): Promise<Record<string, unknown>> {
  const response = await fetch(place, { headers: { accept: "application/json" } });
  if (response.status !== 200) throw unusable(place, `answers with status ${response.status}`);
  try {
    const value: unknown = JSON.parse(await response.text());
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (cause) {
    throw unusable(place, "is no JSON", cause);
  }
  throw unusable(place, "is no JSON object");
}

function unusable(place: string, what: string, cause?: unknown): OutgoingError {
  return new OutgoingError("unusable", `${place} ${what}`, { cause });
}
