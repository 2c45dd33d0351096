import type { Access } from "./access.ts";
import { findHolder } from "./find-holder.ts";
import { holderOf, isOfCertificate } from "./holder.ts";
import type { Caller } from "./principal.ts";
import { hashSecret, newSecret } from "./secret.ts";

/**
 * A refresh token for a client that keeps no password: it gives registry tokens to whoever shows it, for as long as the
 * credential that it was asked for with is good. Undefined for whoever has none, and for a certificate, which the client
 * keeps and shows itself, and which may be revoked without a word to us.
 * @param client what the client calls itself
 * @throws MetadataError
 */
export async function createRefreshToken(
  access: Access,
  { principal, address, id }: Caller,
  client: string,
): Promise<string | undefined> {
  const holder = holderOf(principal);
  const none = principal.kind === "anonymous" || access.settings.open || isOfCertificate(holder);
  const held = none ? undefined : await findHolder(access, holder);
  if (held === undefined) return undefined;
  const secret = newSecret("refresh");
  await access.metadata.write("createRefreshToken", {
    by: { principal: principal.name, credential: principal.credential, address, request: id, reason: "login" },
    holder: `${holder.kind}:${holder.id}`,
    credential: holder.credential,
    fingerprint: holder.fingerprint,
    hash: hashSecret(secret),
    client: client.slice(0, 100),
    age: access.settings.refreshAge,
    until: Number.isFinite(held.until) ? held.until : null,
  });
  return secret;
}
