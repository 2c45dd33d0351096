import { createHash, randomFillSync } from "node:crypto";

export const manifestType = "application/vnd.oci.image.manifest.v1+json";

export interface BlobContent {
  readonly digest: string;
  readonly bytes: Buffer;
}

/** An image of one layer, made of bytes that no other image has. */
export interface ImageContent {
  readonly layer: BlobContent;
  readonly config: BlobContent;
  readonly manifest: BlobContent;
}

export function blobOf(bytes: Buffer): BlobContent {
  return { digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}`, bytes };
}

/** @param layerBytes size of the layer */
export function makeImage(layerBytes: number): ImageContent {
  const layer = blobOf(randomFillSync(Buffer.allocUnsafe(layerBytes)));
  const config = blobOf(
    Buffer.from(
      JSON.stringify({
        created: "2026-01-01T00:00:00Z",
        architecture: "amd64",
        os: "linux",
        config: { Cmd: ["/app"], Labels: { "org.opencontainers.image.version": "1.0" } },
        rootfs: { type: "layers", diff_ids: [layer.digest] },
      }),
    ),
  );
  return { layer, config, manifest: manifestOf(config, layer, "1") };
}

/** A manifest of a config and a layer; another `note` makes another digest. */
export function manifestOf(config: BlobContent, layer: BlobContent, note: string): BlobContent {
  return blobOf(
    Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: manifestType,
        config: {
          mediaType: "application/vnd.oci.image.config.v1+json",
          digest: config.digest,
          size: config.bytes.length,
        },
        layers: [
          {
            mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
            digest: layer.digest,
            size: layer.bytes.length,
          },
        ],
        annotations: { note },
      }),
    ),
  );
}
