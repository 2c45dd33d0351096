import type { Access } from "../access.ts";
import { rootCredential } from "../credential.ts";
import type { Holder } from "../holder.ts";
import type { Principal } from "../principal.ts";
import { seal, unseal } from "../seal-secret.ts";
import { randomText } from "../secret.ts";
import { newKeyId, secretLength } from "./access-keys.ts";
import type { AccessKey } from "./access-keys.ts";

/*
 * A session is a login for a time, made with another login. Nothing is kept of it: what it is stands, sealed under the
 * installation's key, in the token that its client shows with each request. It ends with its time and with the login that
 * made it, whichever is first, since that is looked at whenever it is used.
 */

/** What a session says of itself, as its fingerprint. Written by us alone: it is sealed or signed wherever it lies. */
export interface SessionFacts {
  /** By whose login it was made. */
  readonly of: Holder;
  /** The robot as which it acts; as its maker when undefined. */
  readonly robot?: number;
  /** What its client called it. */
  readonly name?: string;
  /** Of a password for content: pushes, pulls and deletes only. */
  readonly content?: true;
}

/** The holder of a new session. @param until milliseconds since 1970, cut to seconds */
export function sessionOf(
  { kind, id, credential }: Pick<Principal, "kind" | "id" | "credential">,
  facts: SessionFacts,
  until: number,
): Holder {
  const session = `session:${Math.floor(until / 1000)}:${rootCredential(credential)}`;
  return { kind, id, credential: session, fingerprint: JSON.stringify(facts) };
}

/** What a session's holder or principal says of itself; undefined for any other. */
export function findSession({
  credential,
  fingerprint,
}: Pick<Principal, "credential" | "fingerprint">): SessionFacts | undefined {
  if (!credential.startsWith("session:") || fingerprint === undefined) return undefined;
  return JSON.parse(fingerprint) as SessionFacts;
}

/** Whether the principal showed a password for content, or what that was exchanged for. */
export function isContentSession(principal: Pick<Principal, "credential" | "fingerprint">): boolean {
  return findSession(principal)?.content === true;
}

/** A key pair of a session with the token that goes along with it. */
export interface SessionKey extends AccessKey {
  readonly token: string;
}

/** Seals a session into its token. */
export function newSessionKey({ sealingKey }: Pick<Access, "sealingKey">, holder: Holder): SessionKey {
  const key = { id: newKeyId("ASIA"), secret: randomText(secretLength) };
  const text = JSON.stringify({ secret: key.secret, holder });
  return { ...key, token: seal(sealingKey, purposeOf(key.id), Buffer.from(text)) };
}

/** What the token of this key pair holds; undefined when it is not its token. */
export function openSessionKey(
  { sealingKey }: Pick<Access, "sealingKey">,
  id: string,
  token: string,
): { readonly secret: string; readonly holder: Holder } | undefined {
  const bytes = unseal(sealingKey, purposeOf(id), token);
  return bytes && (JSON.parse(bytes.toString()) as { secret: string; holder: Holder });
}

function purposeOf(id: string): string {
  return `aws-session:${id}`;
}
