import type { Digest } from "../../oci/index.ts";

/** What another registry has stored, as images are taken from it. */
export interface ImageSource {
  /** Names of repositories that have manifests, in any order. */
  repositories(): AsyncIterable<string>;
  /** Manifests that a repository has, with and without a tag. */
  manifests(repository: string): Promise<readonly Digest[]>;
  /** Tags with what they name; undefined where that cannot be read. */
  tags(repository: string): Promise<readonly { readonly tag: string; readonly digest: Digest | undefined }[]>;
  /** A manifest's bytes, unchecked; undefined when they are gone. */
  readManifest(digest: Digest): Promise<Uint8Array | undefined>;
  /** Bytes; undefined when they are gone. */
  findBlobSize(digest: Digest): Promise<number | undefined>;
  /** A blob's bytes, unchecked. */
  streamBlob(digest: Digest): AsyncIterable<Uint8Array>;
  /** File of a blob on this machine; undefined when it is elsewhere. */
  findBlobFile(digest: Digest): string | undefined;
}
