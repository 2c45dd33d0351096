import { parseDigest } from "./digest.ts";
import type { Digest } from "./digest.ts";
import { parseTag } from "./name.ts";
import type { Tag } from "./name.ts";

/** What a manifest is asked for by. */
export type Reference =
  | { readonly kind: "tag"; readonly tag: Tag }
  | { readonly kind: "digest"; readonly digest: Digest };

/** A text with a colon is a digest, since tags have none. @throws RegistryError DIGEST_INVALID, TAG_INVALID */
export function parseReference(text: string): Reference {
  if (text.includes(":")) return { kind: "digest", digest: parseDigest(text) };
  return { kind: "tag", tag: parseTag(text) };
}
