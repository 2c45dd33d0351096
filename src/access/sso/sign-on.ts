import { hash, randomBytes, timingSafeEqual } from "node:crypto";
import type * as OpenId from "openid-client";
import { OutgoingError } from "../../lib/index.ts";
import type { GuardedFetch } from "../../lib/index.ts";
import { RegistryError } from "../../oci/index.ts";
import type { Access } from "../access.ts";
import type { Identity } from "../identity-providers/identity-provider.ts";
import { mapGroups } from "../identity-providers/map-groups.ts";
import type { GroupMapping } from "../identity-providers/map-groups.ts";
import { hashSecret, newSecret } from "../secret.ts";
import { findSealed, sealText } from "./sealed-text.ts";

/** A provider of OpenID Connect with which people log in. */
export interface SsoProvider {
  readonly name: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string | undefined;
  readonly scopes: readonly string[];
  readonly nameClaim: string;
  readonly groupsClaim: string;
  readonly groups: GroupMapping;
}

/** What single sign-on works with. */
export interface SignOn {
  readonly access: Access;
  readonly providers: readonly SsoProvider[];
  readonly fetch: GuardedFetch;
}

/** How long a person may take at the provider, in milliseconds. */
const signOnAge = 10 * 60_000;
/** How long a code may be on its way from the browser to the program that waits for it. */
const codeAge = 60_000;
/** Of the token that comes out. */
const tokenAge = 12 * 3_600_000;

interface State {
  readonly provider: string;
  readonly verifier: string;
  readonly nonce: string;
  /** Hash of what the browser's cookie must hold. */
  readonly browser: string;
  readonly back: string;
  /** Of the program that waits. */
  readonly challenge: string;
  readonly state: string;
}

interface Code {
  readonly id: string;
  readonly account: number;
  readonly user: string;
  readonly provider: string;
  readonly challenge: string;
}

/** Text by text, so that no reading of URLs can differ (RFC 8252, 7.3). */
const loopback = /^http:\/\/127\.0\.0\.1:([1-9]\d{0,4})\/callback$/;

/**
 * Sends a browser to the provider (OpenID Connect Core 1.0, 3.1; RFC 7636).
 * @param asked `redirect_uri` of a program on the browser's own machine, and its PKCE challenge and state
 * @returns where to go, and what the browser must keep
 * @throws RegistryError REQUEST_INVALID, NOT_FOUND, UNAVAILABLE
 */
export async function beginSignOn(
  on: SignOn,
  name: string,
  callback: string,
  asked: { readonly redirectUri: string; readonly challenge: string; readonly state: string },
): Promise<{ readonly location: string; readonly cookie: string }> {
  const port = Number(loopback.exec(asked.redirectUri)?.[1] ?? 0);
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
  const { openid, config, provider } = await openProvider(on, name);
  const verifier = openid.randomPKCECodeVerifier();
  const cookie = randomBytes(24).toString("base64url");
  const nonce = openid.randomNonce();
  const state: State = {
    ...{ provider: name, verifier, nonce, browser: hash("sha256", cookie, "base64url") },
    ...{ back: asked.redirectUri, challenge: asked.challenge, state: asked.state },
  };
  const location = openid.buildAuthorizationUrl(config, {
    redirect_uri: callback,
    scope: provider.scopes.join(" "),
    code_challenge: await openid.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    state: sealText(on.access, "sso state", state, signOnAge),
    nonce,
  });
  return { location: location.href, cookie };
}

/**
 * Takes a browser back from the provider: the person's account and groups are what the provider says now, and the program
 * that waits gets a code.
 * @param url of the request as the provider was told it, with its query
 * @throws RegistryError UNAUTHORIZED, UNAVAILABLE, CONFLICT
 */
export async function finishSignOn(on: SignOn, name: string, url: URL, cookie: string | undefined): Promise<string> {
  const sealed = url.searchParams.get("state") ?? "";
  const state = findSealed<State>(on.access, "sso state", sealed);
  if (
    state === undefined ||
    state.provider !== name ||
    !isSame(state.browser, hash("sha256", cookie ?? "", "base64url"))
  ) {
    throw new RegistryError(
      "UNAUTHORIZED",
      "this login was not begun in this browser, or took too long: run `berth login` again",
    );
  }
  const { openid, config, provider } = await openProvider(on, name);
  const claims = await attempt(provider, async () => {
    const checks = { pkceCodeVerifier: state.verifier, expectedState: sealed, expectedNonce: state.nonce };
    const tokens = await openid.authorizationCodeGrant(config, url, { ...checks, idTokenExpected: true });
    const own = tokens.claims()!;
    if (own[provider.groupsClaim] !== undefined || config.serverMetadata().userinfo_endpoint === undefined) return own;
    return { ...(await openid.fetchUserInfo(config, tokens.access_token, own.sub)), ...own };
  });
  const identity = identityOf(provider, claims);
  const by = {
    principal: `system:sso:${name}`,
    credential: null,
    address: null,
    request: null,
    reason: "the provider says so",
  };
  const { id: account } = await on.access.metadata.write("admitIdentity", { by, source: `sso:${name}`, identity });
  const code: Code = {
    id: randomBytes(16).toString("hex"),
    account,
    user: identity.name,
    provider: name,
    challenge: state.challenge,
  };
  const query = new URLSearchParams({ code: sealText(on.access, "sso code", code, codeAge), state: state.state });
  return `${state.back}?${query.toString()}`;
}

const used = new Map<string, number>();

/**
 * Gives the program that began the login a personal token.
 * @throws RegistryError UNAUTHORIZED
 */
export async function redeemSignOn(
  { access }: SignOn,
  sealed: string,
  verifier: string,
): Promise<{ readonly user: string; readonly token: string; readonly id: number; readonly expiresAt: number }> {
  const code = findSealed<Code>(access, "sso code", sealed);
  const now = Date.now();
  for (const [id, until] of used) if (until < now) used.delete(id);
  const proof = hash("sha256", verifier, "base64url");
  if (code === undefined || !isSame(code.challenge, proof) || used.has(code.id)) {
    throw new RegistryError(
      "UNAUTHORIZED",
      "the code of this login is wrong, used or too old: run `berth login` again",
    );
  }
  used.set(code.id, now + codeAge);
  const secret = newSecret("token");
  const by = {
    principal: `user:${code.user}`,
    credential: `sso:${code.provider}`,
    address: null,
    request: null,
    reason: "login",
  };
  const { id, expiresAt } = await access.metadata.write("createToken", {
    ...{ by, account: code.account, name: `login by ${code.provider}`, hash: hashSecret(secret), scope: null },
    age: Math.min(tokenAge, access.settings.tokenAge),
  });
  return { user: code.user, token: secret, id, expiresAt };
}

function identityOf(provider: SsoProvider, claims: Readonly<Record<string, unknown>>): Identity {
  const textOf = (name: string) => (typeof claims[name] === "string" ? claims[name] : undefined);
  const called = (textOf(provider.nameClaim) ?? "").toLowerCase().replace(/@.*$/, "");
  if (called.length > 64 || !/^[a-z0-9]+(?:[._-][a-z0-9]+)*$/.test(called) || called === "oidc" || called === "token") {
    throw new RegistryError(
      "UNAUTHORIZED",
      `${provider.name} gives no name in ${provider.nameClaim} that can be a user's here: tell the operator`,
    );
  }
  const groups = claims[provider.groupsClaim];
  const names = Array.isArray(groups) ? groups.filter((one): one is string => typeof one === "string") : [];
  return {
    externalId: String(claims["sub"]),
    name: called,
    display: textOf("name") ?? null,
    email: textOf("email") ?? null,
    groups: mapGroups(
      provider.groups,
      names.map((one) => [one]),
    ),
  };
}

const configurations = new WeakMap<SsoProvider, Promise<OpenId.Configuration>>();

async function openProvider(on: SignOn, name: string) {
  const provider = on.providers.find((one) => one.name === name);
  if (provider === undefined) throw new RegistryError("NOT_FOUND", "there is no such provider to log in with");
  const openid = await import("openid-client");
  let opening = configurations.get(provider);
  if (opening === undefined) {
    const { issuer, clientId, clientSecret } = provider;
    const execute = [openid.enableNonRepudiationChecks];
    if (issuer.startsWith("http:")) execute.push(openid.allowInsecureRequests);
    const proof = clientSecret === undefined ? openid.None() : openid.ClientSecretPost(clientSecret);
    const fetch: OpenId.CustomFetch = (url, { body, ...rest }) =>
      on.fetch(url, { ...rest, body: body as URLSearchParams });
    opening = openid.discovery(new URL(issuer), clientId, clientSecret, proof, {
      [openid.customFetch]: fetch,
      execute,
    });
    configurations.set(provider, opening);
    opening.catch(() => configurations.delete(provider));
  }
  return { openid, provider, config: await attempt(provider, () => opening) };
}

/** What a provider answers is never shown. */
async function attempt<T>({ name }: SsoProvider, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof RegistryError) throw cause;
    const inner = (cause as Error).cause;
    const outgoing = cause instanceof OutgoingError ? cause : inner instanceof OutgoingError ? inner : undefined;
    if (outgoing !== undefined) {
      throw new RegistryError(
        "UNAVAILABLE",
        `${name} cannot be asked: ${outgoing.message}; try again later, or log in by password`,
        { cause },
      );
    }
    throw new RegistryError(
      "UNAUTHORIZED",
      `${name} did not vouch for you, or its answer does not fit: run \`berth login\` again`,
      { cause },
    );
  }
}

function isSame(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));
}
