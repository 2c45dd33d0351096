import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  descriptorLimit,
  embeddedContent,
  formatPlatform,
  isManifestType,
  isNonDistributable,
  manifestSizeLimit,
  mediaTypes as known,
  parseDescriptor,
  parseManifest,
  parsePlatform,
  referrerDescriptor,
} from "./index.ts";
import type { ManifestDocument, MediaType } from "./index.ts";
import {
  always,
  annotations,
  damaged,
  descriptors,
  digests,
  expectRefusal,
  mediaTypes,
  ownFields,
} from "./testing/samples.ts";

const bytesOf = (document: unknown) => Buffer.from(typeof document === "string" ? document : JSON.stringify(document));
const parse = (document: unknown, contentType?: string): ManifestDocument =>
  parseManifest(bytesOf(document), contentType as MediaType | undefined);

const digest = `sha256:${"a".repeat(64)}`;
const blob = { mediaType: "application/octet-stream", digest, size: 1 };
const image = { schemaVersion: 2, mediaType: known.ociManifest, config: blob, layers: [blob] };
const index = { schemaVersion: 2, mediaType: known.ociIndex, manifests: [{ ...blob, mediaType: known.ociManifest }] };

const optional = {
  artifactType: mediaTypes,
  subject: descriptors,
  annotations,
  "com.example.own": ownFields,
};
const images = fc.record(
  {
    schemaVersion: fc.constant(2),
    mediaType: fc.constantFrom(known.ociManifest, known.dockerManifest),
    config: descriptors,
    layers: fc.array(descriptors, { maxLength: 2 }),
    ...optional,
  },
  { requiredKeys: ["schemaVersion", "mediaType", "config", "layers"] },
);
const children = fc
  .tuple(descriptors, fc.constantFrom(known.ociManifest, known.ociIndex, known.dockerManifest, known.dockerList, "a/b"))
  .map(([descriptor, mediaType]) => ({ ...descriptor, mediaType }));
const indexes = fc.record(
  {
    schemaVersion: fc.constant(2),
    mediaType: fc.constantFrom(known.ociIndex, known.dockerList),
    manifests: fc.array(children, { maxLength: 2 }),
    ...optional,
  },
  { requiredKeys: ["schemaVersion", "mediaType", "manifests"] },
);

describe("descriptor (image specification, OCI Content Descriptors)", () => {
  test("every well-formed descriptor is read, its own fields left aside", () => {
    always([descriptors], (value) => {
      const parsed = parseDescriptor(value, "config");
      expect([parsed.digest, parsed.size, parsed.mediaType]).toEqual([value.digest, value.size, value.mediaType]);
      expect([parsed.urls, parsed.annotations, parsed.data]).toEqual([value.urls, value.annotations, value.data]);
      expect(parsed.artifactType).toBe(value.artifactType);
    });
  });

  test("a damaged one is read or refused, never anything else", () => {
    always([damaged(descriptors)], (value) => {
      try {
        parseDescriptor(value, "config");
      } catch {
        expectRefusal(() => parseDescriptor(value, "config"), "MANIFEST_INVALID", "DIGEST_INVALID");
      }
    });
  });

  test("embedded data is given back when it has the stated size, and refused when not", () => {
    always([fc.uint8Array({ maxLength: 50 }), fc.integer({ min: -2, max: 2 })], (content, difference) => {
      const size = content.length + difference;
      if (size < 0) return;
      const data = Buffer.from(content).toString("base64");
      const parsed = parseDescriptor({ ...blob, size, data }, "config");
      if (difference !== 0) return expectRefusal(() => embeddedContent(parsed), "MANIFEST_INVALID");
      expect(Buffer.compare(embeddedContent(parsed)!, content)).toBe(0);
    });
    expect(embeddedContent(parseDescriptor(blob, "config"))).toBeUndefined();
  });

  test.each([
    ["no digest", { ...blob, digest: undefined }],
    ["a size below 0", { ...blob, size: -1 }],
    ["a size that is no integer", { ...blob, size: 1.5 }],
    ["a size as a text", { ...blob, size: "1" }],
    ["a size beyond what numbers hold", { ...blob, size: 2 ** 53 }],
    ["no mediaType", { ...blob, mediaType: undefined }],
    ["a mediaType without a slash", { ...blob, mediaType: "layer" }],
    ["data that is not base64", { ...blob, data: "a-b_" }],
    ["a file URL", { ...blob, urls: ["file:///etc/passwd"] }],
    ["an annotation that is no text", { ...blob, annotations: { a: 1 } }],
    ["Digest beside digest", { ...blob, Digest: `sha256:${"b".repeat(64)}` }],
    ["digest written as DIGEST", { ...blob, digest: undefined, DIGEST: digest }],
    ["ſize beside size", { ...blob, ſize: 2 }],
    ["a list in its place", [blob]],
    ["null in its place", null],
  ])("%s is refused", (_what, value) => {
    expectRefusal(() => parseDescriptor(value, "config"), "MANIFEST_INVALID", "DIGEST_INVALID");
  });
});

describe("platform (image specification, Image Index)", () => {
  const words = fc.stringMatching(/^[a-z0-9]{1,8}$/);

  test("os, architecture and variant are read and written in this order", () => {
    always([words, words, fc.option(words, { nil: undefined })], (os, architecture, variant) => {
      const platform = parsePlatform({ os, architecture, ...(variant === undefined ? {} : { variant }) }, "config")!;
      expect(formatPlatform(platform).split("/")).toEqual([os, architecture, variant].filter(Boolean));
    });
  });

  test("any JSON value is read, absent or refused", () => {
    always([fc.jsonValue({ maxDepth: 2 })], (value) => {
      try {
        const platform = parsePlatform(value, "config");
        expect(platform === undefined).toBe(value === null);
      } catch {
        expectRefusal(() => parsePlatform(value, "config"), "MANIFEST_INVALID");
      }
    });
  });
});

describe("image manifest (image specification, Image Manifest)", () => {
  test("every well-formed image is read: config and layers are blobs that must be there, unless they lie elsewhere", () => {
    always([images], (value) => {
      const parsed = parse(value, value.mediaType);
      expect([parsed.kind, parsed.mediaType]).toEqual(["image", value.mediaType]);
      expect(parsed.layers.map((layer) => layer.digest)).toEqual(value.layers.map((layer) => layer.digest));
      expect(parsed.subject?.digest).toBe(value.subject?.digest);
      expect(parsed.effectiveArtifactType).toBe(value.artifactType ?? value.config.mediaType);
      expect(parsed.blobs.every((one) => !isNonDistributable(one.mediaType))).toBe(true);
      expect(parsed.children).toEqual([]);
    });
  });

  test("a damaged one is read or refused, never anything else", () => {
    always([damaged(images)], (value) => {
      try {
        parse(value);
      } catch {
        expectRefusal(() => parse(value), "MANIFEST_INVALID", "DIGEST_INVALID");
      }
    });
  });

  test("layers with URLs of their own need not be there", () => {
    const type = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
    const parsed = parse({ ...image, layers: [{ ...blob, mediaType: type, urls: ["https://example.com/l"] }, blob] });
    expect([parsed.layers.length, parsed.blobs.length]).toEqual([2, 2]);
  });

  test("no layers, and null where a tool had none, are an image", () => {
    expect(parse({ ...image, layers: [] }).layers).toEqual([]);
    expect(parse({ ...image, layers: null }).layers).toEqual([]);
  });

  test("an artifact's type is its artifactType, else its config's media type", () => {
    const config = { ...blob, mediaType: "application/vnd.example.config" };
    expect(parse({ ...image, config }).effectiveArtifactType).toBe("application/vnd.example.config");
    expect(parse({ ...image, config, artifactType: "a/b" }).effectiveArtifactType).toBe("a/b");
  });
});

describe("image index (image specification, Image Index)", () => {
  test("every well-formed index is read: manifests must be there as manifests, all else as blobs", () => {
    always([indexes], (value) => {
      const parsed = parse(value, value.mediaType);
      expect([parsed.kind, parsed.mediaType]).toEqual(["index", value.mediaType]);
      const sorted = value.manifests.filter((one) => isManifestType(one.mediaType)).map((one) => one.digest);
      expect(parsed.children.map((child) => child.digest)).toEqual(sorted);
      expect(parsed.blobs).toHaveLength(value.manifests.length - sorted.length);
      expect(parsed.effectiveArtifactType).toBe(value.artifactType);
    });
  });

  test("a damaged one is read or refused, never anything else", () => {
    always([damaged(indexes)], (value) => {
      try {
        parse(value);
      } catch {
        expectRefusal(() => parse(value), "MANIFEST_INVALID", "DIGEST_INVALID");
      }
    });
  });

  test("a build cache, an index of layers, is an index whose descriptors are blobs", () => {
    const layer = { ...blob, mediaType: "application/vnd.oci.image.layer.v1.tar+gzip" };
    const config = { ...blob, mediaType: "application/vnd.buildkit.cacheconfig.v0" };
    const parsed = parse({ ...index, manifests: [layer, config] });
    expect([parsed.blobs.length, parsed.children.length]).toEqual([2, 0]);
  });

  test("the descriptor in the referrers list has type, digest, size, artifact type and annotations (end-12a)", () => {
    always([fc.oneof(images, indexes), digests, fc.nat()], (value, own, size) => {
      const listed = referrerDescriptor(parse(value), own, size);
      expect(listed).toEqual({
        mediaType: value.mediaType,
        digest: own,
        size,
        ...("config" in value ? { artifactType: value.config.mediaType } : {}),
        ...(value.artifactType === undefined ? {} : { artifactType: value.artifactType }),
        ...(value.annotations === undefined ? {} : { annotations: value.annotations }),
      });
    });
  });
});

describe("any document", () => {
  test("no bytes make the parser throw anything but a RegistryError", () => {
    const bytes = fc.oneof(
      fc.json().map(bytesOf),
      fc.string({ unit: "binary" }).map(bytesOf),
      fc.uint8Array().map((value) => Buffer.from(value)),
      fc.tuple(images, fc.nat(), fc.nat({ max: 255 })).map(([value, place, other]) => {
        const text = bytesOf(value);
        text[place % text.length] = other;
        return text;
      }),
    );
    always([bytes], (value) => {
      try {
        parseManifest(value, undefined);
      } catch {
        expectRefusal(() => parseManifest(value, undefined), "MANIFEST_INVALID", "DIGEST_INVALID");
      }
    });
  });

  test.each([
    ["an image that is also an index", { ...image, manifests: [] }],
    ["an index that is also an image", { ...index, layers: [] }],
    ["an index with a config", { ...index, config: blob }],
    ["an image without a config", { ...image, config: undefined }],
    ["an image without layers", { ...image, layers: undefined }],
    ["an index without manifests", { ...index, manifests: undefined }],
    ["schemaVersion 3", { ...image, schemaVersion: 3 }],
    ["schemaVersion as a text", { ...image, schemaVersion: "2" }],
    ["no schemaVersion", { ...image, schemaVersion: undefined }],
    ["Layers beside layers", { ...image, Layers: [] }],
    ["manifests written as Manifests", { ...image, Manifests: [] }],
    ["an annotation that is no text", { ...image, annotations: { a: 1 } }],
    ["an artifactType that is no media type", { ...image, artifactType: "signature" }],
    ["a subject that is no descriptor", { ...image, subject: digest }],
    ["a mediaType that is no manifest's", { ...image, mediaType: "application/vnd.oci.image.config.v1+json" }],
    ["a list", [image]],
    ["an empty document", ""],
    ["a byte order mark", `\u{FEFF}${JSON.stringify(image)}`],
    ["a comment", `/* */${JSON.stringify(image)}`],
    ["a second document behind the first", JSON.stringify(image).repeat(2)],
  ])("%s is refused", (_what, document) => {
    expectRefusal(() => parse(document), "MANIFEST_INVALID");
  });

  test("bytes that are not UTF-8 are refused", () => {
    expectRefusal(() => parseManifest(Buffer.from([0x7b, 0xff, 0x7d]), undefined), "MANIFEST_INVALID");
  });

  test("a mediaType that contradicts the Content-Type is refused, also an index sent as an image", () => {
    expectRefusal(() => parse(image, known.dockerManifest), "MANIFEST_INVALID");
    expectRefusal(() => parse(index, known.ociManifest), "MANIFEST_INVALID");
    expectRefusal(() => parse({ ...index, mediaType: undefined }, known.ociManifest), "MANIFEST_INVALID");
    expectRefusal(() => parse({ ...image, mediaType: undefined }, known.ociIndex), "MANIFEST_INVALID");
    expect(parse({ ...image, mediaType: undefined }, known.dockerManifest).mediaType).toBe(known.dockerManifest);
  });

  test.each([
    [{ schemaVersion: 1, name: "a", tag: "b", fsLayers: [], history: [] }, undefined],
    [image, known.dockerSchema1],
    [{ ...image, mediaType: undefined }, known.dockerSchema1Signed],
  ])("schema 1 is refused with what to do: %j", (document, contentType) => {
    expect(() => parse(document, contentType)).toThrow("push again with Docker 1.10 or later");
  });

  test("the withdrawn artifact manifest is refused with what to do", () => {
    const document = { mediaType: known.ociArtifact, artifactType: "a/b", blobs: [] };
    expect(() => parse({ ...document, schemaVersion: 2 })).toThrow("push an image manifest with artifactType");
    expectRefusal(() => parse(document), "MANIFEST_INVALID");
  });

  test("1,000 layers or manifests are read, 1,001 are refused", () => {
    const many = (count: number) => Array.from({ length: count }, () => blob);
    expect(parse({ ...image, layers: many(descriptorLimit) }).layers).toHaveLength(1000);
    expectRefusal(() => parse({ ...image, layers: many(descriptorLimit + 1) }), "MANIFEST_INVALID");
    expectRefusal(() => parse({ ...index, manifests: many(descriptorLimit + 1) }), "MANIFEST_INVALID");
  });

  test("4 MiB are read, a byte more is refused as too large", () => {
    const text = JSON.stringify({ ...image, annotations: { pad: "" } });
    const padded = (size: number) => text.replace('"pad":""', `"pad":"${"x".repeat(size - text.length)}"`);
    expect(parse(padded(manifestSizeLimit)).kind).toBe("image");
    expectRefusal(() => parse(padded(manifestSizeLimit + 1)), "MANIFEST_TOO_LARGE");
  });
});
