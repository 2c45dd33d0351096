import { RegistryError } from "../../../oci/index.ts";
import { parseReference } from "../../../oci/index.ts";
import { notePull, pullManifest, requireRepository } from "../../../registry/index.ts";
import { nameWithin } from "../accounts.ts";
import type { EcrCall } from "../call.ts";
import { EcrError } from "../ecr-error.ts";
import { archivedImage, findFault, mayBeThere, notFound, otherDigest, readImageId, showImageId } from "../images.ts";
import type { ImageFailure, ImageId } from "../images.ts";

/** Bytes of all manifests of an answer together: each may have 4 MiB. */
const answerLimit = 32 * 1024 ** 2;

/** Manifests, byte for byte; what is not there is a failure of its own. Each that is given counts as a pull. */
export async function batchGetImage(call: EcrCall<"BatchGetImage">): Promise<object> {
  const { registry, caller, account, input } = call;
  const name = nameWithin(account, input.repositoryName);
  const accepted = input.acceptedMediaTypes;
  const failures: ImageFailure[] = [];
  const images: object[] = [];
  let bytes = 0;
  // Asked even where every id is at fault: the repository must be there.
  await requireRepository(registry, caller, "pull", name);
  for (const id of uniqueIds(input.imageIds)) {
    const fault = findFault(id) ?? (mayBeThere(id) ? undefined : notFound(id));
    const found = fault ?? (await find(call, name, id));
    if ("failureCode" in found) {
      failures.push(found);
      continue;
    }
    if (accepted?.includes(found.mediaType) === false) {
      failures.push({ ...notFound(id), failureReason: "Requested image has no media type that is accepted" });
      continue;
    }
    bytes += found.bytes.length;
    if (bytes > answerLimit) {
      const message = `the manifests of an answer have at most ${answerLimit} bytes together: ask for fewer images at once`;
      throw new EcrError("LimitExceededException", message);
    }
    notePull(registry, { principal: caller.principal, repository: name }, found.mark);
    images.push({
      registryId: account.id,
      repositoryName: input.repositoryName,
      imageId: showImageId({ digest: found.digest, tag: id.imageTag }),
      imageManifest: Buffer.from(found.bytes).toString("utf8"),
      imageManifestMediaType: found.mediaType,
    });
  }
  return { images, failures };
}

type Pulled = Awaited<ReturnType<typeof pullManifest>>;

async function find(
  call: EcrCall<"BatchGetImage">,
  name: Parameters<typeof pullManifest>[2],
  id: ImageId,
): Promise<Pulled | ImageFailure> {
  const { registry, caller } = call;
  try {
    const found = await pullManifest(registry, caller, name, parseReference(id.imageTag ?? id.imageDigest!));
    return (id.imageDigest ?? found.digest) === found.digest ? found : otherDigest(id);
  } catch (error) {
    if (!(error instanceof RegistryError) || error.code !== "MANIFEST_UNKNOWN") throw error;
    const { storageClass, digest } = (error.detail ?? {}) as {
      readonly storageClass?: string;
      readonly digest?: string;
    };
    if (storageClass === undefined) return notFound(id);
    return (id.imageDigest ?? digest) === digest ? archivedImage(id) : otherDigest(id);
  }
}

function uniqueIds(ids: readonly ImageId[]): ImageId[] {
  return [...new Map(ids.map((id) => [JSON.stringify(readImageId(id)), id])).values()];
}
