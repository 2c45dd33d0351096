import { setTimeout } from "node:timers/promises";
import { findProviderLogin } from "../../metadata/index.ts";
import type { ProviderLogin } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import type { Access } from "../access.ts";
import type { Vouched } from "../vouched.ts";
import { renewLogin, tryAgainAfter } from "./renew-login.ts";

/*
 * A login by single sign-on is good for as long as its provider says so. What the provider said is used while it is fresh; in
 * the last quarter of that time the provider is asked while requests go on, afterwards the next request waits for it.
 */

/** Of the freshness: from then on the provider is asked in the background. */
const renewAfter = 0.75;
/** How long a request waits for a provider, in milliseconds. */
const patience = 10_000;
/** Between two looks at what another process does, in milliseconds. */
const lookEvery = 100;

/** Who asks at the moment, by the login: whether it was this process. */
const renewals = new WeakMap<Access, Map<string, Promise<boolean>>>();

/** Waits until no provider is asked any more: a refresh token that is on its way must reach its row. */
export async function finishRenewals(access: Access): Promise<void> {
  const running = renewals.get(access) ?? new Map<string, Promise<boolean>>();
  await Promise.all(running.values());
}

/**
 * Whether the login is good, with the groups of its person brought up to what its provider said lately: no longer ago than
 * `access.freshness` or, while the provider cannot be asked, than `access.outage`.
 * @throws RegistryError UNAVAILABLE when the provider was not heard for longer
 */
export async function followLogin(access: Access, id: string): Promise<Vouched> {
  const known = await judge(access, id);
  if ("again" in known || "ended" in known) return known;
  const { stale: login } = known;
  const { freshness, outage } = access.settings;
  const asking = renewOnce(access, login);
  const age = Date.now() - login.seen_at;
  if (age < freshness) return { again: login.seen_at + freshness };
  // Nobody waits for a provider that was down a moment ago.
  const down = login.failed_at > login.seen_at && age < outage;
  if (!down) await waitFor(access, login, asking);
  const now = down ? known : await judge(access, id);
  if ("again" in now || "ended" in now) return now;
  const { seen_at: seen, provider } = now.stale;
  const left = seen + outage - Date.now();
  if (left > 0) return { again: Date.now() + Math.min(tryAgainAfter, left) };
  throw new RegistryError(
    "UNAVAILABLE",
    `${provider} has not said since ${new Date(seen).toISOString()} that you may go on, and cannot be asked: try again later, or use a login of another kind`,
  );
}

/** What the rows say; `stale` is a login that must be asked about. */
async function judge(access: Access, id: string): Promise<Vouched | { readonly stale: ProviderLogin }> {
  const login = await access.metadata.read.first(findProviderLogin, { id });
  if (login === undefined) return { ended: "its login at the provider has ended" };
  if (login.ended_at !== null) return { ended: login.reason ?? "its login at the provider has ended" };
  const { provider, seen_at: seen, expires_at: expires, sealed } = login;
  if (!access.providers.some(({ name }) => name === provider)) return { ended: `${provider} is not asked any more` };
  // A token that is past its time, of which the login's is the latest, is refused by whoever looks at it.
  if (sealed === null || expires <= Date.now()) return { again: Math.max(expires, Date.now() + tryAgainAfter) };
  const soon = seen + access.settings.freshness * renewAfter;
  return Date.now() < soon ? { again: soon } : { stale: login };
}

/** Requests of one process ask once. Never rejects. */
function renewOnce(access: Access, login: ProviderLogin): Promise<boolean> {
  let running = renewals.get(access);
  if (running === undefined) renewals.set(access, (running = new Map()));
  let renewal = running.get(login.id);
  if (renewal === undefined) {
    renewal = renewLogin(access, login)
      // What was seen last counts, for as long as it may.
      .catch((error: unknown) => {
        access.alarm("a login could not be looked at again", { provider: login.provider, reason: String(error) });
        return false;
      })
      .finally(() => running.delete(login.id));
    running.set(login.id, renewal);
  }
  return renewal;
}

/** Until the provider was asked, by this process or another, but not for ever. */
async function waitFor(access: Access, login: ProviderLogin, asking: Promise<boolean>): Promise<void> {
  const end = performance.now() + patience;
  const late = new AbortController();
  const mine = await Promise.race([
    asking,
    setTimeout(patience, true, { ref: false, signal: late.signal }).catch(() => true),
  ]);
  late.abort();
  if (mine) return;
  while (performance.now() < end) {
    const row = await access.metadata.read.first(findProviderLogin, { id: login.id });
    if (row === undefined || row.ended_at !== null) return;
    // Heard, not heard, or given up.
    if (row.seen_at !== login.seen_at || row.failed_at > row.seen_at || row.lease_until <= Date.now()) return;
    await setTimeout(lookEvery, undefined, { ref: false });
  }
}
