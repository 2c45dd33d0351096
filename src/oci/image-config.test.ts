import fc from "fast-check";
import { expect, test } from "vitest";
import { imageFacts, parseManifest } from "./index.ts";
import { always } from "./testing/samples.ts";

const blob = { mediaType: "application/octet-stream", digest: `sha256:${"a".repeat(64)}`, size: 1 };
const document = parseManifest(
  Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      config: blob,
      layers: [],
      annotations: { "org.opencontainers.image.created": "2026-01-01T00:00:00Z" },
    }),
  ),
  undefined,
);

test("platform, time and labels of a config are read (image specification, Image Configuration)", () => {
  const config = {
    os: "linux",
    architecture: "arm64",
    variant: "v8",
    created: "2026-02-03T04:05:06Z",
    config: { Labels: { a: "b", broken: 1 } },
  };
  expect(imageFacts(Buffer.from(JSON.stringify(config)), document)).toEqual({
    os: "linux",
    architecture: "arm64",
    variant: "v8",
    created: "2026-02-03T04:05:06Z",
    labels: { a: "b" },
    annotations: { "org.opencontainers.image.created": "2026-01-01T00:00:00Z" },
  });
});

test("without a time in the config the manifest's annotation counts", () => {
  expect(imageFacts(Buffer.from("{}"), document).created).toBe("2026-01-01T00:00:00Z");
});

test("whatever a config holds, nothing is thrown and nothing but texts is taken", () => {
  const configs = fc.oneof(
    fc.json().map((text) => Buffer.from(text)),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    fc
      .record({ os: fc.jsonValue(), created: fc.jsonValue(), config: fc.record({ Labels: fc.jsonValue() }) })
      .map((value) => Buffer.from(JSON.stringify(value))),
  );
  always([configs], (bytes) => {
    const { labels, annotations: _, ...facts } = imageFacts(bytes, document);
    for (const fact of Object.values(facts)) expect(["string", "undefined"]).toContain(typeof fact);
    for (const label of Object.values(labels ?? {})) expect(typeof label).toBe("string");
  });
  expect(imageFacts(Buffer.from("[".repeat(1_000_000)), document).os).toBeUndefined();
});

test("a text with a NUL, which not every database keeps, is left out; the annotation's too", () => {
  const config = { os: "li\0nux", architecture: "arm64", created: "\0" };
  const facts = imageFacts(Buffer.from(JSON.stringify(config)), document);
  expect(facts).toMatchObject({ os: undefined, architecture: "arm64", created: "2026-01-01T00:00:00Z" });
  const annotations = { "org.opencontainers.image.created": "2026\0" };
  expect(imageFacts(undefined, { ...document, annotations }).created).toBeUndefined();
});

test("more than 64 KiB of labels are not kept", () => {
  const config = { config: { Labels: { big: "x".repeat(70_000) } } };
  expect(imageFacts(Buffer.from(JSON.stringify(config)), document).labels).toBeUndefined();
});
