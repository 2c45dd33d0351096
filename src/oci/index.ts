export { embeddedContent, parseDescriptor } from "./descriptor.ts";
export type { Descriptor } from "./descriptor.ts";
export type { JsonObject } from "./json-object.ts";
export { digestAlgorithm, digestHex, isDigest, parseDigest, referrersTag } from "./digest.ts";
export type { Digest, DigestAlgorithm } from "./digest.ts";
export { RegistryError } from "./error.ts";
export type { RegistryErrorCode } from "./error.ts";
export { imageFacts } from "./image-config.ts";
export type { ImageFacts } from "./image-config.ts";
export { descriptorLimit, manifestSizeLimit, manifestTooLarge, parseManifest, referrerDescriptor } from "./manifest.ts";
export type { ManifestDocument } from "./manifest.ts";
export {
  isManifestType,
  isMediaType,
  isNonDistributable,
  mediaTypes,
  parseContentType,
  parseMediaType,
} from "./media-type.ts";
export type { MediaType } from "./media-type.ts";
export { isAttachmentTag, isRepositoryName, isTag, parseRepositoryName, parseTag } from "./name.ts";
export type { RepositoryName, Tag } from "./name.ts";
export { formatPlatform, parsePlatform } from "./platform.ts";
export type { Platform } from "./platform.ts";
export { parseByteRange, parseContentRange } from "./range.ts";
export type { ByteRange } from "./range.ts";
export { parseReference } from "./reference.ts";
export type { Reference } from "./reference.ts";
