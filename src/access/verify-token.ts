import { verify } from "node:crypto";
import type { Access } from "./access.ts";
import { findHolder } from "./find-holder.ts";
import { isOfCertificate } from "./holder.ts";
import type { Held } from "./holder.ts";
import type { Limit, ScopeEntry } from "./principal.ts";
import { actionsOfWire, claimsSchema, headPattern } from "./registry-token.ts";
import type { Claims } from "./registry-token.ts";
import { findTrustedKey } from "./signing-keys.ts";

/** Three parts; the last is a signature of 64 bytes. */
const tokenPattern = /^([\w-]{1,200})\.([\w-]{1,16000})\.([\w-]{86})$/;

/** How far the clocks of nodes may differ (seconds). */
const leeway = 30;

/** A registry token that is good. */
export interface VerifiedToken extends Held {
  /** Looks at the credential behind it again: with its principal, or undefined. */
  readonly lookAgain: () => Promise<Held | undefined>;
}

/** Whether the text has the form of a registry token. */
export function isRegistryToken(text: string): boolean {
  return tokenPattern.test(text);
}

/**
 * Checks a registry token: its head word by word, its key by our own table, its signature, its claims, whether it is for
 * this registry and for now, and whether the credential behind it is good still. Its access narrows what its principal may
 * do; what that is, is asked when it is used. Undefined for every token that is not good.
 * @param audience what the client calls this registry
 * @throws MetadataError
 */
export async function verifyToken(access: Access, text: string, audience: string): Promise<VerifiedToken | undefined> {
  const [, head = "", body = "", signature = ""] = tokenPattern.exec(text) ?? [];
  const kid = headPattern.exec(decode(head) ?? "")?.[1];
  const key = kid === undefined ? undefined : await findTrustedKey(access, kid);
  if (key === undefined) return undefined;
  if (!verify(null, Buffer.from(`${head}.${body}`), key.key, Buffer.from(signature, "base64url"))) return undefined;
  const claims = parseClaims(decode(body) ?? "");
  if (claims === undefined || claims.iss !== audience || claims.aud !== audience) return undefined;
  const now = Math.floor(Date.now() / 1000);
  if (claims.exp <= now || claims.nbf > now + leeway || claims.iat > now + leeway) return undefined;
  const limit = limitOf(claims);
  const lookAgain = async () => {
    if (isOfCertificate(claims.holder) && claims.iat * 1000 <= access.certificates.changedAt) return undefined;
    const held = await findHolder(access, claims.holder);
    if (held === undefined) return undefined;
    const principal = { ...held.principal, limits: [...held.principal.limits, limit] };
    return { ...held, principal, until: Math.min(held.until, claims.exp * 1000, key.until) };
  };
  const held = await lookAgain();
  return held === undefined ? undefined : { ...held, lookAgain };
}

/** Undefined for what base64url writes otherwise. */
function decode(part: string): string | undefined {
  const bytes = Buffer.from(part, "base64url");
  return bytes.toString("base64url") === part ? bytes.toString("utf8") : undefined;
}

/** Undefined for what we would not have written like this: doubled claims, other spellings, more or fewer claims. */
function parseClaims(text: string): Claims | undefined {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return undefined;
  }
  return JSON.stringify(document) === text ? claimsSchema.safeParse(document).data : undefined;
}

function limitOf({ access }: Claims): Limit {
  const entries = access.flatMap((one): ScopeEntry[] =>
    one.type === "registry"
      ? []
      : [
          {
            repository: { id: one.id, name: one.name },
            actions: one.actions.flatMap((action) => actionsOfWire[action]),
          },
        ],
  );
  const catalog = access.some(({ type }) => type === "registry");
  return { of: "the registry token", entries, lacking: "challenge", catalog };
}
