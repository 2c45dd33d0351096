import { parseAnnotations, parseArtifactType, parseDescriptor } from "./descriptor.ts";
import { foldedFields, invalid, parseObject, refuseOtherCase } from "./json-object.ts";
import type { Descriptor } from "./descriptor.ts";
import type { JsonObject } from "./json-object.ts";
import { RegistryError } from "./error.ts";
import { checkJson } from "./json-scan.ts";
import { isManifestType, isNonDistributable, mediaTypes, parseMediaType } from "./media-type.ts";
import type { MediaType } from "./media-type.ts";

/** Bytes of a manifest at most (distribution specification, "Pushing Manifests"). */
export const manifestSizeLimit = 4 * 1024 * 1024;

/** Layers or manifests in one document at most. */
export const descriptorLimit = 1000;

const fields = foldedFields([
  "annotations",
  "artifactType",
  "config",
  "layers",
  "manifests",
  "mediaType",
  "schemaVersion",
  "subject",
]);

/** A manifest or index, checked (image specification, "Image Manifest" and "Image Index"). */
export interface ManifestDocument {
  readonly kind: "image" | "index";
  /** What it is served as. */
  readonly mediaType: MediaType;
  readonly artifactType: MediaType | undefined;
  /** What the referrers list shows: artifactType, for an image else its config's type. */
  readonly effectiveArtifactType: MediaType | undefined;
  readonly config: Descriptor | undefined;
  readonly layers: readonly Descriptor[];
  readonly manifests: readonly Descriptor[];
  readonly subject: Descriptor | undefined;
  readonly annotations: Readonly<Record<string, string>> | undefined;
  /** Content that must be there as blobs: config and layers, and what an index lists that is no manifest. */
  readonly blobs: readonly Descriptor[];
  /** Manifests that must be there. */
  readonly children: readonly Descriptor[];
}

/**
 * Reads a manifest as it was sent.
 * @param contentType what the request said it is; undefined takes the document's own word
 * @throws RegistryError MANIFEST_TOO_LARGE, MANIFEST_INVALID, DIGEST_INVALID
 */
export function parseManifest(bytes: Uint8Array, contentType: MediaType | undefined): ManifestDocument {
  if (bytes.length > manifestSizeLimit) throw manifestTooLarge();
  const object = parseObject(parseJson(bytes), "the manifest");
  refuseOtherCase(object, fields, "the manifest");
  refuseSchema1(object, contentType);
  if (object["schemaVersion"] !== 2) throw invalid("the manifest", "does not say schemaVersion 2");
  const mediaType = decideMediaType(object, contentType);
  const kind = mediaType === mediaTypes.ociIndex || mediaType === mediaTypes.dockerList ? "index" : "image";
  if (kind === "index" && (object["layers"] !== undefined || object["config"] !== undefined)) throw ambiguous();
  if (kind === "image" && object["manifests"] !== undefined) throw ambiguous();
  return kind === "index" ? indexOf(object, mediaType) : imageOf(object, mediaType);
}

/** For requests that say so before the body is read. */
export function manifestTooLarge(): RegistryError {
  const message = `a manifest has at most ${manifestSizeLimit} bytes (4 MiB): move annotations into a blob, or split the index`;
  return new RegistryError("MANIFEST_TOO_LARGE", message, { detail: { limit: manifestSizeLimit } });
}

/** The descriptor that the referrers list shows for a manifest (end-12a). */
export function referrerDescriptor(document: ManifestDocument, digest: string, size: number): JsonObject {
  return {
    mediaType: document.mediaType,
    digest,
    size,
    ...(document.effectiveArtifactType === undefined ? {} : { artifactType: document.effectiveArtifactType }),
    ...(document.annotations === undefined ? {} : { annotations: document.annotations }),
  };
}

function parseJson(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new RegistryError("MANIFEST_INVALID", "the manifest is not UTF-8 text: send the JSON document itself");
  }
  checkJson(text);
  try {
    return JSON.parse(text);
  } catch {
    throw new RegistryError("MANIFEST_INVALID", "the manifest is not JSON: send the document as the tool built it");
  }
}

function refuseSchema1(object: JsonObject, contentType: MediaType | undefined): void {
  const schema1 =
    object["schemaVersion"] === 1 ||
    contentType === mediaTypes.dockerSchema1 ||
    contentType === mediaTypes.dockerSchema1Signed;
  if (!schema1) return;
  throw new RegistryError(
    "MANIFEST_INVALID",
    "Docker schema 1 manifests are not stored: push again with Docker 1.10 or later, or convert with `skopeo copy --format oci`",
  );
}

function decideMediaType(object: JsonObject, contentType: MediaType | undefined): MediaType {
  const own = object["mediaType"];
  if (own !== undefined && own !== "" && typeof own !== "string") throw invalid("mediaType", "is not a text");
  const stated = typeof own === "string" && own !== "" ? parseMediaType(own) : undefined;
  if (stated !== undefined && contentType !== undefined && stated !== contentType) {
    throw new RegistryError(
      "MANIFEST_INVALID",
      `the manifest says it is ${stated}, but Content-Type says ${contentType}: send the same in both`,
      { detail: { mediaType: stated, contentType } },
    );
  }
  const decided = contentType ?? stated ?? inferMediaType(object);
  if (decided === mediaTypes.ociArtifact) {
    throw new RegistryError(
      "MANIFEST_INVALID",
      "the artifact manifest was withdrawn from the specification: push an image manifest with artifactType (oras does since 1.1)",
    );
  }
  if (!isManifestType(decided)) {
    throw new RegistryError(
      "MANIFEST_INVALID",
      `${decided} is not a manifest: push it as a blob and name it in an image manifest`,
      {
        detail: { mediaType: decided },
      },
    );
  }
  return decided;
}

function inferMediaType(object: JsonObject): MediaType {
  const type = object["manifests"] === undefined ? mediaTypes.ociManifest : mediaTypes.ociIndex;
  return type as string as MediaType;
}

function imageOf(object: JsonObject, mediaType: MediaType): ManifestDocument {
  const config = parseDescriptor(object["config"], "config");
  const layers = parseList(object["layers"], "layers");
  const artifactType = parseArtifactType(object["artifactType"], "the manifest");
  return {
    kind: "image",
    mediaType,
    artifactType,
    effectiveArtifactType: artifactType ?? config.mediaType,
    config,
    layers,
    manifests: [],
    subject: parseSubject(object),
    annotations: parseAnnotations(object["annotations"], "the manifest"),
    blobs: [config, ...layers.filter((layer) => !isNonDistributable(layer.mediaType))],
    children: [],
  };
}

function indexOf(object: JsonObject, mediaType: MediaType): ManifestDocument {
  const manifests = parseList(object["manifests"], "manifests");
  const artifactType = parseArtifactType(object["artifactType"], "the manifest");
  return {
    kind: "index",
    mediaType,
    artifactType,
    effectiveArtifactType: artifactType,
    config: undefined,
    layers: [],
    manifests,
    subject: parseSubject(object),
    annotations: parseAnnotations(object["annotations"], "the manifest"),
    // A build cache is an index of layers: what is not a manifest by its type is looked for among the blobs.
    blobs: manifests.filter((one) => !isManifestType(one.mediaType) && !isNonDistributable(one.mediaType)),
    children: manifests.filter((one) => isManifestType(one.mediaType)),
  };
}

function parseSubject(object: JsonObject): Descriptor | undefined {
  const subject = object["subject"];
  return subject === undefined || subject === null ? undefined : parseDescriptor(subject, "subject");
}

/** Tools that write no list write null. */
function parseList(value: unknown, where: string): Descriptor[] {
  if (value === undefined) throw invalid("the manifest", `has no ${where}`);
  if (value === null) return [];
  if (!Array.isArray(value)) throw invalid(where, "is not a list");
  if (value.length > descriptorLimit) throw invalid(where, `has ${value.length} entries, more than ${descriptorLimit}`);
  return value.map((one, index) => parseDescriptor(one, `${where}[${index}]`));
}

function ambiguous(): RegistryError {
  const message =
    "the document is both an image and an index, or not what its media type says; tools would read it differently: build it again";
  return new RegistryError("MANIFEST_INVALID", message);
}
