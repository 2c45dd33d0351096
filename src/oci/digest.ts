import { RegistryError } from "./error.ts";
import type { Tag } from "./name.ts";

declare const brand: unique symbol;

/** `sha256:<64 hex>` or `sha512:<128 hex>`, lower case (image specification, "Digests"). Made by {@link parseDigest}. */
export type Digest = string & { readonly [brand]: "Digest" };

/** Algorithms that content may be named by. */
export type DigestAlgorithm = "sha256" | "sha512";

const supported = /^(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$/;
const grammar = /^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/;
/** Longer texts are not looked at. */
const lengthLimit = 1024;

export function isDigest(text: string): text is Digest {
  return text.length <= 135 && supported.test(text);
}

/** @throws RegistryError DIGEST_INVALID, saying whether the form or the algorithm is wrong */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  const shown = text.slice(0, 150);
  if (text.length <= lengthLimit && grammar.test(text)) {
    const algorithm = text.slice(0, text.indexOf(":"));
    const message =
      algorithm === "sha256" || algorithm === "sha512"
        ? `${algorithm} digests have ${algorithm === "sha256" ? 64 : 128} lower-case hexadecimal characters after the colon`
        : `the digest algorithm ${algorithm.slice(0, 40)} is not supported: use sha256 or sha512`;
    throw new RegistryError("DIGEST_INVALID", message, { detail: { digest: shown, supported: ["sha256", "sha512"] } });
  }
  throw new RegistryError("DIGEST_INVALID", "a digest has the form sha256:<64 hexadecimal characters>", {
    detail: { digest: shown },
  });
}

export function digestAlgorithm(digest: Digest): DigestAlgorithm {
  return digest.startsWith("sha256") ? "sha256" : "sha512";
}

/** The hexadecimal part. */
export function digestHex(digest: Digest): string {
  return digest.slice(7);
}

/**
 * The tag under which clients keep an index of a digest's referrers where the registry does not list them (distribution
 * specification, "Referrers Tag Schema": at most 64 characters of the digest's hexadecimal part).
 */
export function referrersTag(digest: Digest): Tag {
  return `${digestAlgorithm(digest)}-${digestHex(digest).slice(0, 64)}` as Tag;
}
