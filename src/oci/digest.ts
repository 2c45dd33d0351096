import { RegistryError } from "./error.ts";
import type { Tag } from "./name.ts";

declare const brand: unique symbol;

/** `sha256:<64 hex>` or `sha512:<128 hex>`, lower case (image specification, "Digests"). Made by {@link parseDigest}. */
export type Digest = string & { readonly [brand]: "Digest" };

/** Algorithms that content may be named by. */
export type DigestAlgorithm = "sha256" | "sha512";

const supported = /^(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$/;
/** Any digest: `algorithm ":" encoded`, its algorithm registered or not. */
const grammar = /^([a-z0-9]+(?:[.+_-][a-z0-9]+)*):([a-zA-Z0-9=_-]+)$/;
/** Longer texts are not looked at. */
const lengthLimit = 1024;

/** Hexadecimal characters of the algorithms that specifications register, whether we compute them or not. */
const registered: ReadonlyMap<string, number> = new Map([
  ["sha256", 64],
  ["sha384", 96],
  ["sha512", 128],
  ["blake3", 64],
]);

/** Whether it is a digest of an algorithm that is supported. */
export function isDigest(text: string): text is Digest {
  return text.length <= 135 && supported.test(text);
}

/**
 * What stands before the colon of any well-formed digest, ours or not: undefined where the text is none, or where a
 * registered algorithm has another length.
 */
export function findDigestAlgorithm(text: string): string | undefined {
  const [, algorithm, encoded] = (text.length <= lengthLimit && grammar.exec(text)) || [];
  if (algorithm === undefined || encoded === undefined) return undefined;
  const length = registered.get(algorithm);
  if (length === undefined) return algorithm;
  return encoded.length === length && /^[a-f0-9]+$/.test(encoded) ? algorithm : undefined;
}

/** @throws RegistryError DIGEST_INVALID, saying whether the form or the algorithm is wrong */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new RegistryError("DIGEST_INVALID", whyNotDigest(text), {
    detail: { digest: text.slice(0, 150), supported: ["sha256", "sha512"] },
  });
}

function whyNotDigest(text: string): string {
  const algorithm = findDigestAlgorithm(text);
  if (algorithm !== undefined) {
    return `the digest algorithm ${algorithm.slice(0, 40)} is not supported: use sha256 or sha512`;
  }
  const named = text.slice(0, Math.max(0, text.indexOf(":")));
  const length = registered.get(named);
  if (length === undefined) return "a digest has the form sha256:<64 hexadecimal characters>";
  return `${named} digests have ${length} lower-case hexadecimal characters after the colon`;
}

/** What stands before the colon. */
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
