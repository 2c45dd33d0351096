import { randomBytes } from "node:crypto";
import type { GuardedFetch } from "../lib/index.ts";
import type { Metadata } from "../metadata/index.ts";
import type { Access, AccessSettings } from "./access.ts";
import type { IdentityProvider } from "./identity-providers/identity-provider.ts";
import { Issuers } from "./issuers.ts";
import { LoginThrottle } from "./login-throttle.ts";
import { newKeyRing } from "./key-ring.ts";
import { hashPassword } from "./passwords.ts";
import { newPolicyMemory } from "./policies/held-policy.ts";
import { RefusalLog } from "./refusals.ts";
import type { SsoProvider } from "./sso/sso-provider.ts";
import { watchAccessVersion } from "./version.ts";
import type { AccessWrites } from "./writes.ts";

/** Whom a registry knows beside its own rows. */
export interface Outside {
  /** Asks issuers of identity tokens, and providers of single sign-on. */
  readonly fetch: GuardedFetch;
  /** Who keeps people and their passwords elsewhere. */
  readonly directory?: IdentityProvider | undefined;
  /** With which people log in by single sign-on. */
  readonly providers?: readonly SsoProvider[];
  /** Tells the operator what nobody waits for. */
  readonly alarm?: Access["alarm"];
}

/**
 * Rights over rows that are open; `version.close` ends what looks at them.
 * @param sealingKey 32 bytes, the same on all nodes
 * @throws MetadataError
 */
export async function openAccess(
  metadata: Metadata<AccessWrites>,
  settings: AccessSettings,
  sealingKey: Uint8Array,
  { fetch, directory, providers = [], alarm = () => undefined }: Outside,
): Promise<Access> {
  return {
    metadata,
    settings,
    version: await watchAccessVersion(metadata),
    refusals: new RefusalLog(),
    standings: new Map(),
    policies: newPolicyMemory(),
    directory,
    providers,
    fetch,
    alarm,
    issuers: new Issuers(fetch),
    keys: newKeyRing(),
    sealingKey,
    // Nobody knows what a former process believed: its tokens for certificates are not good here.
    certificates: { changedAt: Date.now() - 1 },
    logins: new LoginThrottle(settings.failedLogins),
    memoryKey: randomBytes(32),
  };
}

/** The name of the first owner. */
export const firstOwner = "admin";

/**
 * Makes the first account, an owner of everything, where there is none yet; so no default password exists anywhere.
 * @param given the password that the installation was given; without one it is made up
 * @returns the password that was made up; undefined when there were accounts already, or it was given
 */
export async function ensureFirstOwner(access: Access, given: string | undefined): Promise<string | undefined> {
  const password = given ?? randomBytes(15).toString("base64url");
  const by = { principal: "system:start", credential: null, address: null, request: null, reason: "the first start" };
  const kept = await hashPassword(password);
  const { created } = await access.metadata.write("createFirstOwner", { by, name: firstOwner, password: kept });
  return created && given === undefined ? password : undefined;
}
