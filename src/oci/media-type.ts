import { RegistryError } from "./error.ts";

declare const brand: unique symbol;

/** `type/subtype` without parameters, as it was sent (RFC 6838, 4.2). Made by {@link parseMediaType}. */
export type MediaType = string & { readonly [brand]: "MediaType" };

const pattern = /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/;

/** @throws RegistryError MANIFEST_INVALID */
export function parseMediaType(text: string): MediaType {
  if (isMediaType(text)) return text;
  throw new RegistryError("MANIFEST_INVALID", "a media type has the form type/subtype", {
    detail: { mediaType: text.slice(0, 260) },
  });
}

/** RFC 6838, section 4.2: without parameters. */
export function isMediaType(text: string): text is MediaType {
  return text.length <= 255 && pattern.test(text);
}

/** The media type of a Content-Type header, its parameters left out. @throws RegistryError MANIFEST_INVALID */
export function parseContentType(header: string): MediaType {
  const end = header.indexOf(";");
  return parseMediaType((end < 0 ? header : header.slice(0, end)).trim());
}

/** Media types that mean something to the registry. */
export const mediaTypes = {
  ociManifest: "application/vnd.oci.image.manifest.v1+json",
  ociIndex: "application/vnd.oci.image.index.v1+json",
  ociConfig: "application/vnd.oci.image.config.v1+json",
  ociArtifact: "application/vnd.oci.artifact.manifest.v1+json",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerList: "application/vnd.docker.distribution.manifest.list.v2+json",
  dockerConfig: "application/vnd.docker.container.image.v1+json",
  dockerSchema1: "application/vnd.docker.distribution.manifest.v1+json",
  dockerSchema1Signed: "application/vnd.docker.distribution.manifest.v1+prettyjws",
  emptyJson: "application/vnd.oci.empty.v1+json",
} as const;

const nonDistributable: ReadonlySet<string> = new Set([
  "application/vnd.oci.image.layer.nondistributable.v1.tar",
  "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
  "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
  "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
]);

/** Layers that stay where their `urls` say and need not be pushed. */
export function isNonDistributable(mediaType: string): boolean {
  return nonDistributable.has(mediaType);
}

const manifestTypes: ReadonlySet<string> = new Set([
  mediaTypes.ociManifest,
  mediaTypes.ociIndex,
  mediaTypes.ociArtifact,
  mediaTypes.dockerManifest,
  mediaTypes.dockerList,
  mediaTypes.dockerSchema1,
  mediaTypes.dockerSchema1Signed,
]);

/** Whether an index's descriptor of this type names a manifest; any other names a blob. */
export function isManifestType(mediaType: string): boolean {
  return manifestTypes.has(mediaType);
}
