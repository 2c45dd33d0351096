import { findRefreshToken } from "../metadata/index.ts";
import { RegistryError } from "../oci/index.ts";
import type { Access } from "./access.ts";
import { findHolder } from "./find-holder.ts";
import type { Principal } from "./principal.ts";
import { findSecretKind, hashSecret } from "./secret.ts";

/**
 * Whose a refresh token is.
 * @throws RegistryError UNAUTHORIZED when it is wrong or expired, or the login behind it has ended; MetadataError
 */
export async function getRefreshed(access: Access, secret: string): Promise<Principal> {
  const row =
    findSecretKind(secret) === "refresh"
      ? await access.metadata.read.first(findRefreshToken, { hash: hashSecret(secret) })
      : undefined;
  if (row !== undefined && row.expires_at > Date.now()) {
    const [kind, id] = row.holder.split(":") as [Principal["kind"], string];
    const { credential, fingerprint } = row;
    const held = await findHolder(access, { kind, id: Number(id), credential, fingerprint });
    if (held !== undefined) return held.principal;
  }
  throw new RegistryError(
    "UNAUTHORIZED",
    "the refresh token is wrong or expired, or its login has ended: log in again",
  );
}
