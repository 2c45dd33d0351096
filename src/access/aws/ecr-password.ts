import { RegistryError } from "../../oci/index.ts";
import type { Access } from "../access.ts";
import { findHolder } from "../find-holder.ts";
import { holderOf } from "../holder.ts";
import type { Holder } from "../holder.ts";
import type { Principal } from "../principal.ts";
import { seal, unseal } from "../seal-secret.ts";
import { sessionOf } from "./sessions.ts";

/*
 * What GetAuthorizationToken of ECR gives: a password for the user AWS, for docker and its like.
 *
 *   berth_ecr_<sealed session>   letters, digits and `_-.` only: clients split at colons, and some decode base64 for URLs
 *
 * It pushes, pulls and deletes content as whoever asked for it, and nothing else; it ends after 12 hours, or with the login that
 * it was asked for with.
 */

const prefix = "berth_ecr_";
const purpose = "ecr-password";
/** In milliseconds, as Amazon's. */
const age = 12 * 3_600_000;

/** The user name that goes with it. */
export const ecrUser = "AWS";

/**
 * A password for content, for the principal.
 * @returns when it ends, in milliseconds since 1970
 * @throws RegistryError UNAUTHORIZED when the login has ended meanwhile; MetadataError
 */
export async function makeEcrPassword(
  access: Access,
  principal: Principal,
  now: number = Date.now(),
): Promise<{ readonly password: string; readonly expiresAt: number }> {
  const of = holderOf(principal);
  const held = access.settings.open ? { until: Number.POSITIVE_INFINITY } : await findHolder(access, of);
  if (held === undefined) throw new RegistryError("UNAUTHORIZED", "the login was ended meanwhile: log in again");
  const expiresAt = Math.floor(Math.min(now + age, held.until) / 1000) * 1000;
  const holder = sessionOf(principal, { of, content: true }, expiresAt);
  const sealed = seal(access.sealingKey, purpose, Buffer.from(JSON.stringify(holder)));
  return { password: prefix + sealed, expiresAt };
}

/** Whose password it is; undefined when it is none of ours. Whether it is good still is asked of the rows. */
export function findPasswordHolder({ sealingKey }: Pick<Access, "sealingKey">, password: string): Holder | undefined {
  if (!password.startsWith(prefix)) return undefined;
  const bytes = unseal(sealingKey, purpose, password.slice(prefix.length));
  return bytes && (JSON.parse(bytes.toString()) as Holder);
}
