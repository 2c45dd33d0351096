import { isDigest, manifestSizeLimit, parseDigest } from "../../oci/index.ts";
import type { Digest } from "../../oci/index.ts";
import type { ImageSource } from "../../registry/index.ts";
import type { StoredFiles } from "./files.ts";

/*
 * The storage of CNCF Distribution (docker-registry 2.x, distribution 3.x), below its root directory:
 *
 *   docker/registry/v2/
 *     blobs/sha256/<2 hex>/<hex>/data                                          every blob and manifest
 *     repositories/<name>/_manifests/revisions/sha256/<hex>/link               a manifest that the repository has
 *     repositories/<name>/_manifests/tags/<tag>/current/link                   "sha256:<hex>"
 *     repositories/<name>/_layers/sha256/<hex>/link                            a blob that the repository has
 *     repositories/<name>/_uploads/…                                           uploads under way
 */

const root = "docker/registry/v2";
/** A link holds a digest. */
const linkLimit = 256;

/**
 * Opens the storage of a Distribution for reading, whether the place is its root directory or the folder `v2` within it.
 * Undefined when there is none.
 */
export async function findDistribution(files: StoredFiles): Promise<ImageSource | undefined> {
  for (const base of [`${root}/`, ""]) {
    for await (const name of files.list(base.slice(0, -1))) if (name === "repositories") return storageIn(files, base);
  }
  return undefined;
}

function storageIn(files: StoredFiles, base: string): ImageSource {
  const repositories = `${base}repositories`;
  const dataOf = (digest: Digest) => {
    const [algorithm, hex = ""] = digest.split(":");
    return `${base}blobs/${algorithm}/${hex.slice(0, 2)}/${hex}/data`;
  };
  return {
    repositories: () => walk(files, repositories, ""),
    async manifests(repository) {
      const folder = `${repositories}/${repository}/_manifests/revisions`;
      const digests: Digest[] = [];
      for await (const algorithm of files.list(folder)) {
        for await (const hex of files.list(`${folder}/${algorithm}`)) {
          const digest = `${algorithm}:${hex}`;
          // A manifest that was deleted leaves its folder.
          const link = isDigest(digest) ? await files.findSize(`${folder}/${algorithm}/${hex}/link`) : undefined;
          if (link !== undefined) digests.push(parseDigest(digest));
        }
      }
      return digests;
    },
    async tags(repository) {
      const folder = `${repositories}/${repository}/_manifests/tags`;
      const tags: { tag: string; digest: Digest | undefined }[] = [];
      for await (const tag of files.list(folder)) {
        const bytes = await files.read(`${folder}/${tag}/current/link`, linkLimit);
        const text = bytes === undefined ? "" : Buffer.from(bytes).toString("utf8").trim();
        tags.push({ tag, digest: isDigest(text) ? parseDigest(text) : undefined });
      }
      return tags;
    },
    readManifest: (digest) => files.read(dataOf(digest), manifestSizeLimit),
    findBlobSize: (digest) => files.findSize(dataOf(digest)),
    streamBlob: (digest) => files.stream(dataOf(digest)),
    findBlobFile: (digest) => files.findPath(dataOf(digest)),
  };
}

/** A folder is a repository and may have others below it: folders of the storage's own begin with an underscore. */
async function* walk(files: StoredFiles, top: string, name: string): AsyncGenerator<string> {
  const below: string[] = [];
  let isRepository = false;
  for await (const entry of files.list(name === "" ? top : `${top}/${name}`)) {
    if (entry === "_manifests") isRepository = true;
    else if (!entry.startsWith("_")) below.push(name === "" ? entry : `${name}/${entry}`);
  }
  if (isRepository) yield name;
  for (const one of below.toSorted()) yield* walk(files, top, one);
}
