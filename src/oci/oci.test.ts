import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  isDigest,
  isRepositoryName,
  isTag,
  parseByteRange,
  parseDigest,
  parseManifest,
  parseReference,
} from "./index.ts";

const numRuns = 10_000;
const hex = fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 64, maxLength: 64 });

describe("oci", () => {
  test("every sha256 digest parses to itself and is a reference by digest", () => {
    fc.assert(
      fc.property(hex, (text) => {
        const digest = `sha256:${text}`;
        expect(parseDigest(digest)).toBe(digest);
        expect(parseReference(digest)).toEqual({ kind: "digest", digest });
      }),
      { numRuns },
    );
  });

  test("any other text is refused with DIGEST_INVALID", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        if (isDigest(text)) return;
        expect(() => parseDigest(text)).toThrow(expect.objectContaining({ code: "DIGEST_INVALID" }));
      }),
      { numRuns },
    );
  });

  test.each(["..", "a/../b", "A", "a//b", "a/", "/a", "a\0", "a%2fb", "a___b", ""])(
    "%j is not a repository name",
    (name) => {
      expect(isRepositoryName(name)).toBe(false);
    },
  );

  test.each(["a", "team/app", "a-b_c.d/e__f", "a--b"])("%j is a repository name", (name) => {
    expect(isRepositoryName(name)).toBe(true);
  });

  test("a tag has at most 128 characters and does not begin with a dot or dash", () => {
    expect(isTag("a".repeat(128))).toBe(true);
    expect([isTag("a".repeat(129)), isTag(".a"), isTag("-a"), isTag("")]).toEqual([false, false, false, false]);
  });

  test("a range never leaves the content", () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 1_000_000 }), (first, last, size) => {
        const range = parseByteRange(`bytes=${first}-${last}`, size);
        if (typeof range === "string") return;
        expect(range.start).toBeGreaterThanOrEqual(0);
        expect(range.end).toBeLessThan(size);
        expect(range.end).toBeGreaterThanOrEqual(range.start);
      }),
      { numRuns },
    );
  });

  test("no bytes make the manifest parser throw anything but a RegistryError", () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        try {
          parseManifest(Buffer.from(text), undefined);
        } catch (error) {
          expect((error as Error).name).toBe("RegistryError");
        }
      }),
      { numRuns },
    );
  });

  test("duplicate keys are refused", () => {
    const text = '{"schemaVersion":2,"schemaVersion":2,"manifests":[]}';
    expect(() => parseManifest(Buffer.from(text), undefined)).toThrow(
      expect.objectContaining({ code: "MANIFEST_INVALID" }),
    );
  });
});
