import { randomBytes, sign } from "node:crypto";
import { RegistryError } from "../oci/index.ts";
import type { RepositoryName } from "../oci/index.ts";
import type { Access } from "./access.ts";
import { explainRights, findPlace } from "./authorize.ts";
import { findHolder } from "./find-holder.ts";
import { holderOf, isOfCertificate } from "./holder.ts";
import type { Caller } from "./principal.ts";
import { actionsOfWire, headOf } from "./registry-token.ts";
import type { Claims, TokenAccess, WireAction } from "./registry-token.ts";
import { getSigningKey } from "./signing-keys.ts";

/** What a client asks a token for. */
export type Wanted =
  | { readonly repository: RepositoryName; readonly actions: readonly WireAction[] }
  | { readonly catalog: true };

/** A registry token that was just signed. */
export interface IssuedToken {
  readonly token: string;
  /** Seconds from now. */
  readonly expiresIn: number;
  /** Milliseconds since 1970. */
  readonly issuedAt: number;
}

/** All access of one token as JSON: a token must fit into a request's headers (bytes). */
const accessLimit = 6 * 1024;

/**
 * Signs a token for as much of what is wanted as the principal may do now; the rest is left out, so that a token tells
 * nothing about what its holder may not see. It ends with the credential that it was asked for with.
 * @param audience what clients call this registry
 * @throws RegistryError UNAUTHORIZED when that credential is good no more; MetadataError
 */
export async function issueToken(
  access: Access,
  caller: Caller,
  audience: string,
  wanted: readonly Wanted[],
): Promise<IssuedToken> {
  const { principal } = caller;
  const held = access.settings.open
    ? { principal, until: Number.POSITIVE_INFINITY }
    : await findHolder(access, holderOf(principal));
  if (held === undefined) throw new RegistryError("UNAUTHORIZED", "the login was ended meanwhile: log in again");
  const granted = await grantAccess(access, caller, wanted);
  const key = await getSigningKey(access);
  const issuedAt = Date.now();
  const until = Math.min(issuedAt + access.settings.registryTokenAge, held.until, key.trustedUntil);
  const now = Math.floor(issuedAt / 1000);
  // Both are rounded down, so that a short life is not cut by what the second had left.
  const exp = now + Math.max(1, Math.floor((until - issuedAt) / 1000));
  const holder = holderOf(principal) as Claims["holder"];
  const jti = randomBytes(16).toString("base64url");
  // One that was given after a change of certificates differs from those before it, although it says seconds.
  const afterChange = Math.floor(access.certificates.changedAt / 1000) + 1;
  const times = { exp, nbf: now, iat: isOfCertificate(holder) ? Math.max(now, afterChange) : now };
  const claims: Claims = { iss: audience, sub: principal.name, aud: audience, ...times, jti, access: granted, holder };
  const text = [headOf(key.id), JSON.stringify(claims)]
    .map((part) => Buffer.from(part).toString("base64url"))
    .join(".");
  const signature = sign(null, Buffer.from(text), key.key).toString("base64url");
  return { token: `${text}.${signature}`, expiresIn: exp - now, issuedAt };
}

/** In the order in which it was asked for; what is wanted twice is one entry. */
async function grantAccess(access: Access, caller: Caller, wanted: readonly Wanted[]): Promise<TokenAccess[]> {
  const byName = new Map<RepositoryName, Set<WireAction>>();
  for (const want of wanted) {
    if ("catalog" in want) continue;
    const actions = byName.get(want.repository) ?? new Set();
    for (const action of want.actions) actions.add(action);
    byName.set(want.repository, actions);
  }
  const granted: TokenAccess[] = [];
  if (wanted.some((want) => "catalog" in want)) granted.push({ type: "registry", name: "catalog", actions: ["*"] });
  let room = accessLimit;
  for (const [name, actions] of byName) {
    const place = await findPlace(access, name);
    const rights = access.settings.open ? undefined : await explainRights(access, caller.principal, place, caller);
    // What `push` stands for beside pushing is decided when it is used.
    const allowed = [...actions].filter((action) => rights === undefined || rights[actionsOfWire[action][0]!].allowed);
    if (allowed.length === 0) continue;
    const entry: TokenAccess = { type: "repository", name, id: place.id, actions: allowed };
    room -= JSON.stringify(entry).length;
    if (room < 0) break;
    granted.push(entry);
  }
  return granted;
}
