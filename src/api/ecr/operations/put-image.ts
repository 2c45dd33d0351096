import { hash } from "node:crypto";
import { parseContentType, parseDigest, parseManifest, parseTag, RegistryError } from "../../../oci/index.ts";
import type { MediaType } from "../../../oci/index.ts";
import { findEcrImagesById, pushManifest, requireRepository } from "../../../registry/index.ts";
import { nameWithin } from "../accounts.ts";
import type { EcrCall } from "../call.ts";
import { EcrError } from "../ecr-error.ts";
import { invalidParameter } from "../errors.ts";

/** Stores a manifest, byte for byte, and moves the tag to it. */
export async function putImage(call: EcrCall<"PutImage">): Promise<object> {
  const { registry, caller, account, input } = call;
  const name = nameWithin(account, input.repositoryName);
  await requireRepository(registry, caller, "push", name);
  const bytes = Buffer.from(input.imageManifest, "utf8");
  const contentType = readMediaType(input.imageManifestMediaType);
  const { mediaType } = read("imageManifest", () => parseManifest(bytes, contentType));
  if (contentType === undefined && !statesType(input.imageManifest)) {
    throw new EcrError("InvalidParameterException", "image manifest mediatype not provided in manifest or parameter");
  }
  const tag = input.imageTag === undefined ? undefined : read("imageTag", () => parseTag(input.imageTag!));
  const imageDigest = input.imageDigest ?? `sha256:${hash("sha256", bytes)}`;
  const digest = read("imageDigest", () => parseDigest(imageDigest));
  try {
    const tags = tag === undefined ? [] : [tag];
    // It was there a moment ago: one that was deleted meanwhile is not made again.
    const pushed = {
      repository: name,
      digest,
      tags,
      bytes,
      contentType,
      existing: true,
      strict: call.ecr.settings.strict,
    };
    await refuseTwice(call, name, imageDigest);
    await pushManifest(registry, caller, pushed);
  } catch (error) {
    throw translatePush(call, error);
  }
  const image = {
    registryId: account.id,
    repositoryName: input.repositoryName,
    imageId: { imageDigest, imageTag: tag },
    imageManifest: input.imageManifest,
    imageManifestMediaType: mediaType,
  };
  return { image };
}

function readMediaType(text: string | undefined): MediaType | undefined {
  return text === undefined ? undefined : read("imageManifestMediaType", () => parseContentType(text));
}

/** Whether a manifest says itself what it is; OCI's need not. */
function statesType(manifest: string): boolean {
  return Boolean((JSON.parse(manifest) as { readonly mediaType?: unknown }).mediaType);
}

/** @throws EcrError InvalidParameterException for what cannot be parsed */
function read<T>(parameter: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof RegistryError) throw invalidParameter(parameter, error.message);
    throw error;
  }
}

/** What is there already, under this tag or without one, is no image to be put. */
async function refuseTwice(
  { registry, caller, account, input }: EcrCall<"PutImage">,
  name: Parameters<typeof findEcrImagesById>[2],
  digest: string,
): Promise<void> {
  const { imageTag: tag } = input;
  const { images } = await findEcrImagesById(registry, caller, name, [
    tag === undefined ? { digest } : { digest, tag },
  ]);
  // To push an archived image is to bring it back.
  if (images.length === 0 || images[0]!.archived) return;
  const under = tag === undefined ? "" : ` and tag '${tag}'`;
  const message = `Image with digest '${digest}'${under} already exists in the repository with name '${input.repositoryName}' in registry with id '${account.id}'`;
  throw new EcrError("ImageAlreadyExistsException", message);
}

/** The service's own errors for what a push runs into; others as they are. */
function translatePush({ account, input }: EcrCall<"PutImage">, error: unknown): unknown {
  if (!(error instanceof RegistryError)) return error;
  const detail = (error.detail ?? {}) as {
    readonly setting?: string;
    readonly what?: string;
    readonly missing?: string[];
  };
  const where = `the repository with name '${input.repositoryName}' in the registry with id '${account.id}'`;
  switch (error.code) {
    case "DIGEST_INVALID":
      return new EcrError("ImageDigestDoesNotMatchException", error.message, {}, error);
    case "MANIFEST_BLOB_UNKNOWN": {
      const [type, kind] =
        detail.what === "manifests"
          ? ["ReferencedImagesNotFoundException", "images"]
          : ["LayersNotFoundException", "layers"];
      const message = `The ${kind} with digests '[${(detail.missing ?? []).join(", ")}]' do not exist in ${where}`;
      return new EcrError(type!, message, {}, error);
    }
    case "DENIED": {
      if (detail.setting !== "tagOverwrite") return error;
      const message = `The image tag '${input.imageTag}' already exists in the '${input.repositoryName}' repository and cannot be overwritten because the repository is immutable.`;
      return new EcrError("ImageTagAlreadyExistsException", message, {}, error);
    }
    default:
      return error;
  }
}
