import { isDigest, parseDigest } from "./digest.ts";
import type { Digest } from "./digest.ts";
import { foldedFields, invalid, parseObject, refuseOtherCase } from "./json-object.ts";
import { parseMediaType } from "./media-type.ts";
import type { MediaType } from "./media-type.ts";
import { parsePlatform } from "./platform.ts";
import type { Platform } from "./platform.ts";

/** A reference to content (image specification, "OCI Content Descriptors"). */
export interface Descriptor {
  readonly mediaType: MediaType;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  /** Absolute http or https URLs; never fetched. */
  readonly urls: readonly string[] | undefined;
  readonly annotations: Readonly<Record<string, string>> | undefined;
  /** Base64 of the content itself. */
  readonly data: string | undefined;
  readonly artifactType: MediaType | undefined;
  readonly platform: Platform | undefined;
}

const fields = foldedFields(["annotations", "artifactType", "data", "digest", "mediaType", "platform", "size", "urls"]);

/** @param where for the message: `layers[3]` @throws RegistryError MANIFEST_INVALID, DIGEST_INVALID */
export function parseDescriptor(value: unknown, where: string): Descriptor {
  const object = parseObject(value, where);
  refuseOtherCase(object, fields, where);
  const digest = object["digest"];
  if (typeof digest !== "string") throw invalid(where, "has no digest");
  if (!isDigest(digest)) parseDigest(digest);
  const size = object["size"];
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    throw invalid(where, "has no size in bytes (an integer from 0)");
  }
  const mediaType = object["mediaType"];
  if (typeof mediaType !== "string") throw invalid(where, "has no mediaType");
  const data = object["data"];
  if (data !== undefined && (typeof data !== "string" || !isBase64(data)))
    throw invalid(where, "has data that is not base64");
  return {
    mediaType: parseMediaType(mediaType),
    digest: digest as Digest,
    size,
    urls: parseUrls(object["urls"], where),
    annotations: parseAnnotations(object["annotations"], where),
    data,
    artifactType: parseArtifactType(object["artifactType"], where),
    platform: parsePlatform(object["platform"], where),
  };
}

/** The content that a descriptor carries. @throws RegistryError MANIFEST_INVALID when its size is not the stated one */
export function embeddedContent(descriptor: Descriptor): Uint8Array | undefined {
  if (descriptor.data === undefined) return undefined;
  const bytes = Uint8Array.from(atob(descriptor.data), (character) => character.charCodeAt(0));
  if (bytes.length !== descriptor.size) {
    throw invalid("data", `has ${bytes.length} bytes where size says ${descriptor.size}`);
  }
  return bytes;
}

/** @throws RegistryError MANIFEST_INVALID */
export function parseAnnotations(value: unknown, where: string): Readonly<Record<string, string>> | undefined {
  if (value === undefined || value === null) return undefined;
  const object = parseObject(value, `${where}.annotations`);
  for (const text of Object.values(object)) {
    if (typeof text !== "string") throw invalid(`${where}.annotations`, "has a value that is not a text");
  }
  return object as Readonly<Record<string, string>>;
}

/** @throws RegistryError MANIFEST_INVALID */
export function parseArtifactType(value: unknown, where: string): MediaType | undefined {
  if (value === undefined || value === "") return undefined;
  if (typeof value !== "string") throw invalid(where, "has an artifactType that is not a text");
  return parseMediaType(value);
}

function parseUrls(value: unknown, where: string): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) throw invalid(`${where}.urls`, "is not a list");
  for (const url of value) {
    if (typeof url !== "string" || !/^https?:\/\/[^\s]+$/.test(url))
      throw invalid(`${where}.urls`, "has something that is not an http(s) URL");
  }
  return value as string[];
}

function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
}
