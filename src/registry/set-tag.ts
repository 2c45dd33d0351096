import { authorize } from "../access/index.ts";
import type { Caller } from "../access/index.ts";
import type { Digest, RepositoryName, Tag } from "../oci/index.ts";
import type { Registry } from "./registry.ts";

/**
 * Makes or moves a tag to a manifest that the repository has, by the rules of a push: a tag that is there takes
 * overwrite-tag.
 * @param versions states of the tag that the caller has seen, as `inspectTag` names them; undefined for any
 * @throws RegistryError NAME_UNKNOWN, MANIFEST_UNKNOWN, DENIED, VERSION_CHANGED
 */
export async function setTag(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  tag: Tag,
  digest: Digest,
  versions: readonly string[] | undefined,
): Promise<void> {
  const permit = await authorize(registry.access, caller, "push", repository);
  await registry.metadata.write("setTag", {
    repository,
    permit,
    undoWindow: registry.settings.undoWindow,
    tag,
    digest,
    versions,
  });
}
