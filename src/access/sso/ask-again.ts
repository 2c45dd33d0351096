import { errors, jwtVerify } from "jose";
import type { JWTPayload } from "jose";
import { OutgoingError } from "../../lib/index.ts";
import type { Access } from "../access.ts";
import type { LoginSecret } from "./login-secret.ts";
import { configForRenewal, openProvider } from "./providers.ts";
import type { OpenProvider, ProviderClaims, SignOn } from "./providers.ts";

/** The provider does not vouch for the person any more; the message is a reason for the audit row. */
export class VouchesNoMore extends Error {}

/** The provider was not heard, or not understood: one sentence without a full stop, with no word of what it sent. */
export class NotHeard extends Error {}

/** Words of RFC 6749 and OpenID Connect that only the person can do something about. */
const finalWords = new Set([
  "invalid_grant",
  "access_denied",
  "interaction_required",
  "login_required",
  "consent_required",
]);

/** Whom a provider is asked about. */
export interface AskedLogin {
  /** Name of the provider. */
  readonly provider: string;
  /** What it calls the person. */
  readonly externalId: string;
  readonly secret: LoginSecret;
  /** Keeps the next refresh token before anything else is done: many providers take the former one no more. */
  readonly keep: (refresh: string) => Promise<void>;
}

/**
 * Asks a provider who the person of a login is now: by the refresh token (OpenID Connect Core 1.0, section 12), with
 * userinfo where the answer names no groups; else by userinfo alone (section 5.3).
 * @throws VouchesNoMore, NotHeard
 */
export async function askAgain(on: SignOn, asked: AskedLogin): Promise<ProviderClaims> {
  try {
    const open = await openProvider(on, asked.provider);
    const { secret } = asked;
    return "refresh" in secret
      ? await refresh(on, open, asked, secret.refresh)
      : await readUserInfo(on, open, asked, secret.access);
  } catch (error) {
    throw await explain(asked.provider, error);
  }
}

async function refresh(on: SignOn, open: OpenProvider, asked: AskedLogin, token: string): Promise<ProviderClaims> {
  const { openid, provider } = open;
  const config = configForRenewal(on, open);
  const tokens = await openid.refreshTokenGrant(config, token);
  if (tokens.refresh_token !== undefined && tokens.refresh_token !== token) await asked.keep(tokens.refresh_token);
  const own = tokens.id_token === undefined ? undefined : await verifyOwn(on.access, open, tokens.id_token);
  if (own !== undefined && own.sub !== asked.externalId) {
    throw new VouchesNoMore(`${provider.name} answers for somebody else`);
  }
  if (own?.[provider.groupsClaim] !== undefined) return own;
  if (config.serverMetadata().userinfo_endpoint !== undefined) {
    return { ...(await readUserInfo(on, open, asked, tokens.access_token)), ...own };
  }
  if (own === undefined) throw new NotHeard(`${provider.name} does not say who it is`);
  return own;
}

async function readUserInfo(
  on: SignOn,
  open: OpenProvider,
  { provider, externalId }: AskedLogin,
  token: string,
): Promise<ProviderClaims> {
  const { openid } = open;
  try {
    return await openid.fetchUserInfo(configForRenewal(on, open), token, externalId);
  } catch (error) {
    const answer = error instanceof Error && error.cause instanceof Response ? error.cause : undefined;
    const status = error instanceof openid.WWWAuthenticateChallengeError ? error.status : answer?.status;
    if (status === 401) throw new VouchesNoMore(`${provider} does not take its own token any more`);
    throw error;
  }
}

/** The signature of an identity token; the library has looked at issuer, audience and times. */
async function verifyOwn({ issuers }: Access, { config, provider }: OpenProvider, token: string): Promise<JWTPayload> {
  const { issuer } = config.serverMetadata();
  const verify = async ({ find, algorithms }: Awaited<ReturnType<typeof issuers.read>>) => {
    const { payload } = await jwtVerify(token, find, {
      ...{ issuer, audience: provider.clientId, algorithms: [...algorithms] },
      // As the library has it.
      clockTolerance: 30,
    });
    return payload;
  };
  try {
    return await verify(await issuers.read(issuer));
  } catch (error) {
    const anew = error instanceof errors.JWKSNoMatchingKey ? await issuers.readAnew(issuer) : undefined;
    if (anew === undefined) throw error;
    return verify(anew);
  }
}

async function explain(name: string, error: unknown): Promise<Error> {
  if (error instanceof VouchesNoMore || error instanceof NotHeard) return error;
  const { ResponseBodyError } = await import("openid-client");
  if (error instanceof ResponseBodyError) {
    const word = /^\w{1,64}$/.test(error.error) ? error.error : "no known word";
    return finalWords.has(word)
      ? new VouchesNoMore(`${name} says no (${word})`)
      : new NotHeard(`${name} refuses this registry (${word}): compare \`sso\` with what it knows`);
  }
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof OutgoingError) return new NotHeard(`${name} cannot be asked: ${cause.message}`);
  }
  return new NotHeard(`${name} cannot be asked: its answer does not fit`);
}
