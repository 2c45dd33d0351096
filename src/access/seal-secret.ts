import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

/*
 * What is sealed, so that a copy of the database alone gives nothing away:
 *
 *   1.<iv>.<bytes>.<tag>    AES-256-GCM; iv 12 bytes, tag 16 bytes, each part base64url
 *
 * What it is for is bound to it as additional data: moved to another row it does not open.
 */

const algorithm = "aes-256-gcm";

/** Seals bytes under the installation's key. @param purpose such as `signing-key:<kid>` */
export function seal(key: Uint8Array, purpose: string, bytes: Uint8Array): string {
  const iv = randomBytes(12);
  const cipher = createCipheriv(algorithm, key, iv).setAAD(Buffer.from(purpose));
  const sealed = Buffer.concat([cipher.update(bytes), cipher.final()]);
  return ["1", ...[iv, sealed, cipher.getAuthTag()].map((part) => part.toString("base64url"))].join(".");
}

/** Opens what was sealed; undefined when it was changed, is for another purpose, or was sealed under another key. */
export function unseal(key: Uint8Array, purpose: string, text: string): Buffer | undefined {
  const [version, ...parts] = text.split(".");
  if (version !== "1" || parts.length !== 3) return undefined;
  const [iv, sealed, tag] = parts.map((part) => Buffer.from(part, "base64url")) as [Buffer, Buffer, Buffer];
  try {
    const decipher = createDecipheriv(algorithm, key, iv, { authTagLength: 16 }).setAAD(Buffer.from(purpose));
    decipher.setAuthTag(tag);
    return Buffer.concat([decipher.update(sealed), decipher.final()]);
  } catch {
    return undefined;
  }
}
