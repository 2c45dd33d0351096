import fc from "fast-check";
import { expect } from "vitest";
import type { RegistryErrorCode } from "../index.ts";

/** Cases of each property. */
export const numRuns = 10_000;

/** Checks a property on {@link numRuns} cases. */
export function always<T extends [unknown, ...unknown[]]>(
  samples: { readonly [K in keyof T]: fc.Arbitrary<T[K]> },
  holds: (...values: T) => void,
): void {
  const checked = fc.tuple<T>(...(samples as never));
  fc.assert(
    fc.property(checked, (values) => {
      holds(...values);
    }),
    { numRuns },
  );
}

/** Expects a refusal with a code, or with one of several. */
export function expectRefusal(work: () => unknown, ...codes: readonly RegistryErrorCode[]): void {
  let refused: { readonly name?: string; readonly code?: string; readonly message?: string } = {};
  try {
    work();
  } catch (error) {
    refused = error as Error;
  }
  expect(refused.name).toBe("RegistryError");
  expect(codes).toContain(refused.code);
  expect(refused.message).not.toBe("");
}

const alphanumeric = "abcdefghijklmnopqrstuvwxyz0123456789".split("");
const text = (letters: readonly string[], minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...letters), minLength, maxLength });

const hex = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((value) => Buffer.from(value).toString("hex"));

export const sha256Digests = hex(32).map((digits) => `sha256:${digits}`);
export const sha512Digests = hex(64).map((digits) => `sha512:${digits}`);
export const digests = fc.oneof(sha256Digests, sha512Digests);

const components = fc
  .tuple(
    text(alphanumeric, 1, 8),
    fc.array(fc.tuple(fc.constantFrom(".", "_", "__", "-", "---"), text(alphanumeric, 1, 8)), { maxLength: 3 }),
  )
  .map(([first, rest]) => first + rest.map((pair) => pair.join("")).join(""));
export const repositoryNames = fc.array(components, { minLength: 1, maxLength: 5 }).map((parts) => parts.join("/"));

const tagLetters = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ".split(""), ...alphanumeric, "_"];
export const tags = fc
  .tuple(fc.constantFrom(...tagLetters), text([...tagLetters, ".", "-"], 0, 127))
  .map(([first, rest]) => first + rest);

export const mediaTypes = fc
  .tuple(fc.constantFrom("application", "text", "Image"), text([...alphanumeric, "+", ".", "-"], 0, 10))
  .map(([type, rest]) => `${type}/x${rest}`);

/** Texts near to what parsers take, and far from it. */
export const anyText = fc.oneof(
  fc.string({ maxLength: 300 }),
  fc.string({ unit: "binary", maxLength: 300 }),
  fc.stringMatching(/^[a-z0-9:/.\-_+=A-Z ]{0,200}$/),
  fc.tuple(digests, fc.string({ maxLength: 3 })).map((parts) => parts.join("")),
  fc.tuple(repositoryNames, fc.string({ maxLength: 3 })).map((parts) => parts.join("")),
  fc.constantFrom(
    "..",
    "a/../b",
    "%2e%2e",
    "a%2fb",
    "a\0",
    "sha256:",
    ":",
    "/",
    "",
    "\u{1F433}",
    "sha256-",
    "bytes=0-",
  ),
);

// Few and fixed where what they hold means nothing to the registry: generating them costs most of the time.
export const annotations = fc.constantFrom(
  {},
  { "org.opencontainers.image.title": "x", "": "" },
  { "com.example/\u{1F433}": '"\\\n\u{FFFF}' },
);
export const ownFields = fc.constantFrom<unknown[]>(null, 1, "text", { a: [1, { digest: "a" }] }, [[[]]]);

/** Well-formed descriptors as JSON values, with fields of their own beside those that are specified. */
export const descriptors = fc.record(
  {
    mediaType: mediaTypes,
    digest: digests,
    size: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    urls: fc.constantFrom([], ["https://example.com/layer"], ["http://[::1]:80/a?b#c", "https://example.com/l"]),
    annotations,
    data: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString("base64")),
    artifactType: mediaTypes,
    platform: fc.record(
      {
        os: fc.constantFrom("linux", "windows"),
        architecture: fc.constantFrom("amd64", "arm64"),
        variant: fc.constantFrom("v7", "v8"),
        "os.version": fc.constantFrom("", "10.0.20348.1"),
      },
      { requiredKeys: ["os", "architecture"] },
    ),
    "com.example.own": ownFields,
  },
  { requiredKeys: ["mediaType", "digest", "size"] },
);

/** A JSON value with one part replaced by any other JSON value, or removed. */
export function damaged(documents: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.tuple(documents, fc.nat(), fc.option(fc.jsonValue({ maxDepth: 2 }), { nil: undefined })).map((parts) => {
    const [original, chosen, other] = parts;
    const document: unknown = JSON.parse(JSON.stringify(original));
    const places: (() => void)[] = [];
    const walk = (value: unknown): void => {
      if (typeof value !== "object" || value === null) return;
      const container = value as Record<string, unknown>;
      for (const key of Object.keys(container)) {
        places.push(() => (other === undefined ? delete container[key] : (container[key] = other)));
        walk(container[key]);
      }
    };
    walk(document);
    if (places.length > 0) places[chosen % places.length]!();
    return document;
  });
}
