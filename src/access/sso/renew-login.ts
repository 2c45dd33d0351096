import { randomBytes } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { findAccountById } from "../../metadata/index.ts";
import type { Account, Attribution, ProviderLogin } from "../../metadata/index.ts";
import type { Access } from "../access.ts";
import { askAgain, NotHeard, VouchesNoMore } from "./ask-again.ts";
import { sealLogin, unsealLogin } from "./login-secret.ts";
import { getProvider, groupsOf, textIn } from "./providers.ts";
import type { ProviderClaims } from "./providers.ts";

/** Longer than all steps of asking a provider may take together, and what clocks of nodes may differ; milliseconds. */
const leaseTime = 90_000;
/** Between two tries of a provider that was not heard, in milliseconds. */
export const tryAgainAfter = 15_000;
/** Tries to keep a refresh token that a provider gave, and the time between two in milliseconds. */
const keeping = { tries: 30, pause: 1_000 };

/**
 * Asks the provider who the person of a login is now, and brings the rows up to that; where it vouches no more, the login
 * ends. One process asks at a time.
 * @returns whether this one did
 * @throws MetadataError
 */
export async function renewLogin(access: Access, login: ProviderLogin): Promise<boolean> {
  const { id, provider: name, account_id: owner, seen_at: seenAt, failed_at: failedAt } = login;
  const now = Date.now();
  if (login.lease_until > now) return false;
  const lease = randomBytes(16).toString("hex");
  const { metadata } = access;
  const { claimed, sealed } = await metadata.write("claimLogin", { id, lease, seenAt, now, until: now + leaseTime });
  const account = claimed ? await metadata.read.first(findAccountById, { account: owner }) : undefined;
  // Whoever deletes an account deletes its logins.
  if (account === undefined) return claimed;
  const by: Attribution = {
    principal: `system:sso:${name}`,
    credential: null,
    address: null,
    request: null,
    reason: "the provider says so",
  };
  try {
    const claims = await ask(access, login, lease, sealed, account);
    const person = { by, source: account.source, identity: identityOf(access, name, account, claims) };
    await metadata.write("renewLogin", { id, lease, seenAt: now, ...person });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (error instanceof VouchesNoMore) {
      await metadata.write("endLoginAtProvider", { by: { ...by, reason }, id, lease, reason });
    } else {
      await metadata.write("putOffLogin", { id, lease, failedAt: now, until: Date.now() + tryAgainAfter });
      const facts = { provider: name, reason: error instanceof NotHeard ? reason : "its rows could not be changed" };
      if (failedAt <= seenAt) access.alarm("groups of a login could not be looked at again", facts);
    }
  }
  return true;
}

async function ask(
  access: Access,
  { id, provider }: ProviderLogin,
  lease: string,
  sealed: string | null,
  account: Account,
): Promise<ProviderClaims> {
  const secret = sealed === null ? undefined : unsealLogin(access, id, sealed);
  if (secret === undefined) throw new VouchesNoMore(`what ${provider} is asked by cannot be read any more`);
  const on = { access, providers: access.providers, fetch: access.fetch };
  const keep = (refresh: string) => keepSecret(access, id, lease, sealLogin(access, id, { refresh }));
  return askAgain(on, { provider, externalId: account.external_id ?? "", secret, keep });
}

/** The database may be away for a moment: the token that it lacks then could not be had again. */
async function keepSecret(access: Access, id: string, lease: string, sealed: string): Promise<void> {
  for (let left = keeping.tries; ; left--) {
    try {
      return await access.metadata.write("keepLoginSecret", { id, lease, sealed });
    } catch (error) {
      if (left <= 1) throw error;
      await setTimeout(keeping.pause, undefined, { ref: false });
    }
  }
}

/** The name here stays as it is, and so does what the provider does not say this time, but for groups. */
function identityOf({ providers }: Access, name: string, account: Account, claims: ProviderClaims) {
  return {
    externalId: account.external_id ?? "",
    name: account.name,
    display: textIn(claims, "name") ?? account.display,
    email: textIn(claims, "email") ?? account.email,
    groups: groupsOf(getProvider({ providers }, name), claims),
  };
}
