import type * as OpenId from "openid-client";
import { OutgoingError } from "../../lib/index.ts";
import type { GuardedFetch } from "../../lib/index.ts";
import { RegistryError } from "../../oci/index.ts";
import type { Access } from "../access.ts";
import type { Identity, IdentityGroup } from "../identity-providers/identity-provider.ts";
import { mapGroups } from "../identity-providers/map-groups.ts";
import type { SsoProvider } from "./sso-provider.ts";

/** What single sign-on works with. */
export interface SignOn {
  readonly access: Access;
  readonly providers: readonly SsoProvider[];
  readonly fetch: GuardedFetch;
}

/** @throws RegistryError NOT_FOUND with the names of those that are there */
export function getProvider({ providers }: Pick<SignOn, "providers">, name: string): SsoProvider {
  const provider = providers.find((one) => one.name === name);
  if (provider !== undefined) return provider;
  const known = providers.map((one) => one.name).join(", ");
  const message =
    known === ""
      ? "this registry has no provider to log in with: log in by password, or ask the operator for one in `sso`"
      : `there is no provider ${name} to log in with: use one of ${known}`;
  throw new RegistryError("NOT_FOUND", message);
}

/** What a provider says about somebody. */
export type ProviderClaims = Readonly<Record<string, unknown>>;

/** Who the provider says it is. @throws RegistryError UNAUTHORIZED when the name cannot be a user's */
export function identityOf(provider: SsoProvider, claims: ProviderClaims): Identity {
  const textOf = (name: string) => textIn(claims, name);
  const called = (textOf(provider.nameClaim) ?? "").toLowerCase().replace(/@.*$/, "");
  if (called.length > 64 || !/^[a-z0-9]+(?:[._-][a-z0-9]+)*$/.test(called) || called === "oidc" || called === "token") {
    throw new RegistryError(
      "UNAUTHORIZED",
      `${provider.name} gives no name in ${provider.nameClaim} that can be a user's here: tell the operator`,
    );
  }
  return {
    externalId: String(claims["sub"]),
    name: called,
    display: textOf("name") ?? null,
    email: textOf("email") ?? null,
    groups: groupsOf(provider, claims),
  };
}

/** Groups of ours for those that the provider names; none where it names none. */
export function groupsOf(provider: SsoProvider, claims: ProviderClaims): readonly IdentityGroup[] {
  const groups = claims[provider.groupsClaim];
  const names = Array.isArray(groups) ? groups.filter((one): one is string => typeof one === "string") : [];
  return mapGroups(
    provider.groups,
    names.map((one) => [one]),
  );
}

export function textIn(claims: ProviderClaims, name: string): string | undefined {
  const value = claims[name];
  return typeof value === "string" ? value : undefined;
}

const configurations = new WeakMap<SsoProvider, Promise<OpenId.Configuration>>();

/** A provider with what it publishes, and the library that speaks to it. */
export interface OpenProvider {
  readonly openid: typeof OpenId;
  readonly provider: SsoProvider;
  readonly config: OpenId.Configuration;
}

/** @throws RegistryError NOT_FOUND, UNAVAILABLE */
export async function openProvider(on: SignOn, name: string): Promise<OpenProvider> {
  const provider = getProvider(on, name);
  const openid = await import("openid-client");
  let opening = configurations.get(provider);
  if (opening === undefined) {
    const { issuer, clientId, clientSecret } = provider;
    const execute = [openid.enableNonRepudiationChecks];
    if (issuer.startsWith("http:")) execute.push(openid.allowInsecureRequests);
    opening = openid.discovery(new URL(issuer), clientId, clientSecret, proofOf(openid, provider), {
      [openid.customFetch]: fetchOf(on),
      execute,
    });
    configurations.set(provider, opening);
    opening.catch(() => configurations.delete(provider));
  }
  return { openid, provider, config: await askProvider(provider, () => opening) };
}

/**
 * The same for asking again: the signature of an identity token is left to the caller, so that a refresh token is in hand
 * before anything can go wrong with the answer that brought it.
 */
export function configForRenewal(on: SignOn, { openid, provider, config }: OpenProvider): OpenId.Configuration {
  const { clientId, clientSecret, issuer } = provider;
  const again = new openid.Configuration(config.serverMetadata(), clientId, clientSecret, proofOf(openid, provider));
  again[openid.customFetch] = fetchOf(on);
  if (issuer.startsWith("http:")) openid.allowInsecureRequests(again);
  return again;
}

function proofOf(openid: typeof OpenId, { clientSecret }: SsoProvider): OpenId.ClientAuth {
  return clientSecret === undefined ? openid.None() : openid.ClientSecretPost(clientSecret);
}

function fetchOf({ fetch }: SignOn): OpenId.CustomFetch {
  return (url, { body, ...rest }) => fetch(url, { ...rest, body: body as URLSearchParams });
}

/** What a provider answers is never shown, but for the word by which it says no. @throws RegistryError UNAUTHORIZED, UNAVAILABLE */
export async function askProvider<T>({ name }: SsoProvider, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof RegistryError) throw cause;
    const { AuthorizationResponseError } = await import("openid-client");
    if (cause instanceof AuthorizationResponseError) {
      const error = /^\w{1,64}$/.test(cause.error) ? cause.error : "access_denied";
      const message = `${name} says no (${error}): log in there as somebody who may use this registry, or ask its operator`;
      throw new RegistryError("UNAUTHORIZED", message, { cause, detail: { error } });
    }
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
