import { createPrivateKey, createPublicKey, generateKeyPair, hash } from "node:crypto";
import type { JsonWebKey } from "node:crypto";
import { promisify } from "node:util";
import { findSigningKey, listSigningKeys } from "../metadata/index.ts";
import type { Access } from "./access.ts";
import type { ProposedKey, SigningKey, TrustedKey } from "./key-ring.ts";
import { seal, unseal } from "./seal-secret.ts";

/** A key is believed this much longer than the last token that it signed, for clocks that differ (milliseconds). */
const overlap = 60_000;

const makePair = promisify(generateKeyPair);

/**
 * The key that signs now; made when there is none, or the last one has signed for as long as the setting says. Nodes that
 * need one at once get the same. A key that cannot be unsealed, as after a database was moved, signs no more.
 * @throws MetadataError
 */
export async function getSigningKey(access: Access): Promise<SigningKey> {
  const { keys, settings, sealingKey } = access;
  if (keys.signing !== undefined && keys.signing.signsUntil > Date.now()) return keys.signing;
  const sealed: string[] = [];
  for (;;) {
    const proposal = await proposeKey(sealingKey);
    const signFor = settings.keyAge;
    const trustFor = signFor + settings.registryTokenAge + overlap;
    const row = await access.metadata.write("ensureSigningKey", { proposal, sealed, signFor, trustFor });
    const bytes = unseal(sealingKey, purposeOf(row.id), row.sealed_key);
    if (bytes === undefined) {
      sealed.push(row.id);
      continue;
    }
    const key = createPrivateKey({ key: bytes, format: "der", type: "pkcs8" });
    keys.signing = { id: row.id, key, signsUntil: row.signs_until, trustedUntil: row.trusted_until };
    return keys.signing;
  }
}

/** The public key of this id, if its tokens are believed. Only our own table is asked. @throws MetadataError */
export async function findTrustedKey(access: Access, id: string): Promise<TrustedKey | undefined> {
  const { trusted } = access.keys;
  const known = trusted.get(id);
  if (known !== undefined) {
    if (known.until > Date.now()) return known;
    trusted.delete(id);
    return undefined;
  }
  const row = await access.metadata.read.first(findSigningKey, { id });
  if (row === undefined || row.algorithm !== signingAlgorithm || row.trusted_until <= Date.now()) return undefined;
  const key = createPublicKey({ key: JSON.parse(row.public_key) as JsonWebKey, format: "jwk" });
  const found = { key, until: row.trusted_until };
  trusted.set(id, found);
  return found;
}

/** The only algorithm (RFC 8037): Ed25519. */
export const signingAlgorithm = "EdDSA";

/** Public keys whose tokens are believed now, as a JWK Set lists them (RFC 7517). @throws MetadataError */
export async function listPublicKeys(access: Access): Promise<JsonWebKey[]> {
  await getSigningKey(access);
  const rows = await access.metadata.read.all(listSigningKeys, { now: Date.now() });
  return rows.map((row) => ({
    ...(JSON.parse(row.public_key) as JsonWebKey),
    kid: row.id,
    use: "sig",
    alg: row.algorithm,
  }));
}

async function proposeKey(sealingKey: Uint8Array): Promise<ProposedKey> {
  const { publicKey, privateKey } = await makePair("ed25519");
  const { crv, kty, x } = publicKey.export({ format: "jwk" });
  // The members that RFC 8037 names, in their order.
  const id = hash("sha256", JSON.stringify({ crv, kty, x }), "base64url");
  const bytes = privateKey.export({ format: "der", type: "pkcs8" });
  return {
    id,
    algorithm: signingAlgorithm,
    public_key: JSON.stringify({ kty, crv, x }),
    sealed_key: seal(sealingKey, purposeOf(id), bytes),
  };
}

function purposeOf(id: string): string {
  return `signing-key:${id}`;
}
