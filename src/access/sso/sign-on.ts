import { hash, randomBytes, timingSafeEqual } from "node:crypto";
import type { ServerMetadata, TokenEndpointResponse } from "openid-client";
import { RegistryError } from "../../oci/index.ts";
import type { Access } from "../access.ts";
import { anonymous } from "../principal.ts";
import type { Where } from "../principal.ts";
import { hashSecret, newSecret } from "../secret.ts";
import { sealLogin } from "./login-secret.ts";
import { askProvider, identityOf, openProvider } from "./providers.ts";
import type { SignOn } from "./providers.ts";
import type { SsoProvider } from "./sso-provider.ts";
import { findSealed, sealText } from "./sealed-text.ts";

/** How long a person may take at the provider, in milliseconds. */
const signOnAge = 10 * 60_000;
/** How long a code may be on its way from the browser to the program that waits for it. */
const codeAge = 60_000;
/** Of the token that comes out, at most. */
const tokenAge = 12 * 3_600_000;

/** A program on the browser's own machine that waits for it. */
export interface Loopback {
  /** `http://127.0.0.1:<port>/callback` */
  readonly back: string;
  /** Of its PKCE verifier. */
  readonly challenge: string;
  readonly state: string;
}

/** A login that was begun in this browser. */
export interface Begun {
  readonly provider: string;
  readonly verifier: string;
  readonly nonce: string;
  /** Hash of what the browser's cookie must hold. */
  readonly browser: string;
  readonly waiting: Loopback | WaitingDevice;
}

/** A machine elsewhere that waits, by its row. */
export interface WaitingDevice {
  readonly device: number;
}

/** Somebody whom a provider vouches for. */
export interface Person {
  readonly account: number;
  readonly user: string;
  /** The login, as it is kept. */
  readonly login: string;
}

interface Code extends Person {
  readonly id: string;
  readonly provider: string;
  readonly challenge: string;
}

/** Text by text, so that no reading of URLs can differ (RFC 8252, 7.3). */
const loopback = /^http:\/\/127\.0\.0\.1:([1-9]\d{0,4})\/callback$/;

/** What a program asks for. @throws RegistryError REQUEST_INVALID */
export function parseLoopback(asked: Loopback): Loopback {
  const port = Number(loopback.exec(asked.back)?.[1] ?? 0);
  if (port < 1 || port > 65_535) {
    throw new RegistryError(
      "REQUEST_INVALID",
      "redirect_uri is not http://127.0.0.1:<port>/callback, the only place that is taken",
    );
  }
  if (!/^[\w-]{43}$/.test(asked.challenge) || !/^[\w-]{1,200}$/.test(asked.state)) {
    throw new RegistryError(
      "REQUEST_INVALID",
      "code_challenge is no S256 challenge (RFC 7636), or state is not plain text",
    );
  }
  return asked;
}

/**
 * Sends a browser to the provider (OpenID Connect Core 1.0, 3.1; RFC 7636).
 * @param callback where the provider is to send it back
 * @returns where to go, and what the browser must keep
 * @throws RegistryError NOT_FOUND, UNAVAILABLE
 */
export async function beginSignOn(
  on: SignOn,
  name: string,
  callback: string,
  waiting: Begun["waiting"],
): Promise<{ readonly location: string; readonly cookie: string }> {
  const { openid, config, provider } = await openProvider(on, name);
  const verifier = openid.randomPKCECodeVerifier();
  const cookie = randomBytes(24).toString("base64url");
  const nonce = openid.randomNonce();
  const begun: Begun = { provider: name, verifier, nonce, browser: hash("sha256", cookie, "base64url"), waiting };
  const location = openid.buildAuthorizationUrl(config, {
    ...provider.parameters,
    redirect_uri: callback,
    scope: scopesOf(provider, config.serverMetadata()).join(" "),
    code_challenge: await openid.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    state: sealText(on.access, "sso state", begun, signOnAge),
    nonce,
  });
  return { location: location.href, cookie };
}

/** With `offline_access` where the provider knows it: it gives a refresh token then (OpenID Connect Core 1.0, section 11). */
function scopesOf({ scopes, offlineAccess }: SsoProvider, { scopes_supported: known = [] }: ServerMetadata): string[] {
  const offline = offlineAccess && known.includes("offline_access") ? ["offline_access"] : [];
  return [...new Set([...scopes, ...offline])];
}

/**
 * The login that a browser comes back for.
 * @param sealed `state`, as the provider gives it back
 * @throws RegistryError UNAUTHORIZED when it was begun elsewhere, with another provider, or too long ago
 */
export function getBegun(on: SignOn, name: string, sealed: string, cookie: string | undefined): Begun {
  const begun = findSealed<Begun>(on.access, "sso state", sealed);
  const same = begun?.provider === name && isSame(begun.browser, hash("sha256", cookie ?? "", "base64url"));
  if (begun !== undefined && same) return begun;
  throw new RegistryError(
    "UNAUTHORIZED",
    "this login was not begun in this browser, or not under this name of the registry, or took too long: run `berth login` again, with the name that stands in this address",
  );
}

/**
 * Takes a browser back from the provider: the person's account and groups are what the provider says now.
 * @param url of the request as the provider was told it, with its query
 * @throws RegistryError UNAUTHORIZED, with the provider's `error` as detail where it says no; UNAVAILABLE, CONFLICT
 */
export async function finishSignOn(on: SignOn, begun: Begun, url: URL, where: Where): Promise<Person> {
  const { openid, config, provider } = await openProvider(on, begun.provider);
  try {
    const seenAt = Date.now();
    const { claims, tokens } = await askProvider(provider, async () => {
      const expectedState = url.searchParams.get("state") ?? "";
      const checks = { pkceCodeVerifier: begun.verifier, expectedState, expectedNonce: begun.nonce };
      const tokens = await openid.authorizationCodeGrant(config, url, { ...checks, idTokenExpected: true });
      const own = tokens.claims()!;
      if (own[provider.groupsClaim] !== undefined || config.serverMetadata().userinfo_endpoint === undefined)
        return { claims: own, tokens };
      return { claims: { ...(await openid.fetchUserInfo(config, tokens.access_token, own.sub)), ...own }, tokens };
    });
    const identity = identityOf(provider, claims);
    const by = {
      principal: `system:sso:${provider.name}`,
      credential: null,
      address: where.address,
      request: where.id,
      reason: "the provider says so",
    };
    const source = `sso:${provider.name}`;
    const { id: login, ...kept } = loginOf(on, config.serverMetadata(), tokens, seenAt);
    const row = { id: login, provider: provider.name, seenAt, ...kept };
    const { id } = await on.access.metadata.write("admitLogin", { by, source, identity, login: row });
    return { account: id, user: identity.name, login };
  } catch (error) {
    throw noteRefusal(on.access, where, `sso:${provider.name}`, error);
  }
}

/**
 * A new login, with what the provider is asked again by: a refresh token; else the access token, while that lives. Where there
 * is neither, or nothing to show it to, the login is over when what was seen counts no more.
 */
function loginOf(
  { access }: SignOn,
  { userinfo_endpoint: info }: ServerMetadata,
  { refresh_token: refresh, access_token: token, expires_in: lifetime }: TokenEndpointResponse,
  seenAt: number,
): { readonly id: string; readonly sealed: string | null; readonly expiresAt: number } {
  const id = randomBytes(16).toString("hex");
  const { outage } = access.settings;
  const longest = longestLogin(access) + signOnAge + codeAge;
  if (refresh !== undefined) return { id, sealed: sealLogin(access, id, { refresh }), expiresAt: seenAt + longest };
  if (info === undefined) return { id, sealed: null, expiresAt: seenAt + Math.min(longest, outage) };
  const lives = lifetime === undefined ? outage : lifetime * 1000;
  return { id, sealed: sealLogin(access, id, { access: token }), expiresAt: seenAt + Math.min(longest, lives) };
}

/** What the program gets that waits for this person: a code, sealed, good once and within a minute, for its verifier alone. */
export function sealCode(on: SignOn, provider: string, { challenge }: Loopback, person: Person): string {
  const code: Code = { id: randomBytes(16).toString("hex"), ...person, provider, challenge };
  return sealText(on.access, "sso code", code, codeAge);
}

/** What a program asks of the token that it gets. */
export interface TokenWish {
  readonly name: string | undefined;
  /** Milliseconds. */
  readonly age: number | undefined;
}

/** A personal token that a login made, shown once. */
export interface MadeLogin {
  readonly user: string;
  readonly token: string;
  readonly id: number;
  readonly expiresAt: number;
}

/**
 * Gives the program that began the login a personal token.
 * @throws RegistryError UNAUTHORIZED when the code is wrong, old, or was used at any node; REQUEST_INVALID
 */
export async function redeemSignOn(
  { access }: SignOn,
  sealed: string,
  verifier: string,
  wish: TokenWish,
  where: Where,
): Promise<MadeLogin> {
  const code = findSealed<Code>(access, "sso code", sealed);
  try {
    if (code === undefined || !isSame(code.challenge, hash("sha256", verifier, "base64url"))) throw wrongCode();
    const { secret, ...token } = tokenOf(access, wish, code.provider);
    const made = await access.metadata.write("redeemCode", {
      by: attributionOf(code, where),
      code: code.id,
      keep: 2 * codeAge,
      account: code.account,
      login: code.login,
      token,
    });
    return { user: code.user, token: secret, ...made };
  } catch (error) {
    const whose = code === undefined ? undefined : `user:${code.user}`;
    throw noteRefusal(access, where, code === undefined ? "sso" : `sso:${code.provider}`, error, whose);
  }
}

function wrongCode(): RegistryError {
  return new RegistryError("UNAUTHORIZED", "the code of this login is wrong, used or too old: run `berth login` again");
}

/** A new token as its row wants it, and its secret. @throws RegistryError REQUEST_INVALID */
function tokenOf(access: Access, wish: TokenWish, provider: string) {
  requireWish(access, wish);
  const secret = newSecret("token");
  const { name = `login by ${provider}`, age = longestLogin(access) } = wish;
  return { secret, name, hash: hashSecret(secret), age };
}

/** Of the token of a login by a provider, in milliseconds. */
export function longestLogin({ settings }: Access): number {
  return Math.min(tokenAge, settings.tokenAge);
}

/** @throws RegistryError REQUEST_INVALID */
export function requireWish(access: Access, { name, age }: TokenWish): void {
  const longest = longestLogin(access);
  if (age !== undefined && !(age >= 1000 && age <= longest)) {
    const message = `a login by a provider is good for ${longest / 1000} seconds at most: ask for fewer`;
    throw new RegistryError("REQUEST_INVALID", message);
  }
  if (name !== undefined && !/^[\w.-]{1,60}$/.test(name)) {
    throw new RegistryError("REQUEST_INVALID", "the name is not 1 to 60 letters, digits, dots, dashes and underscores");
  }
}

/** Who a login is by, for the audit row. */
export function attributionOf({ user, provider }: { readonly user: string; readonly provider: string }, where: Where) {
  const { address, id: request } = where;
  return { principal: `user:${user}`, credential: `sso:${provider}`, address, request, reason: "login" };
}

/**
 * Notes for the audit rows that somebody was refused.
 * @param whose `user:alice` where that is known
 * @returns the error
 */
export function noteRefusal(
  access: Access,
  where: Where,
  credential: string,
  error: unknown,
  whose = credential,
): unknown {
  if (error instanceof RegistryError && (error.code === "UNAUTHORIZED" || error.code === "CONFLICT")) {
    const { address, id: request } = where;
    const by = { principal: anonymous.name, credential, address, request, reason: error.message };
    access.refusals.note({ by, action: "login", repository: "", target: whose, challenged: false }, error);
  }
  return error;
}

function isSame(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));
}
