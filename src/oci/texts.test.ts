import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findDigestAlgorithm } from "./digest.ts";
import {
  digestAlgorithm,
  digestHex,
  isAttachmentTag,
  isDigest,
  isMediaType,
  isRepositoryName,
  isTag,
  parseContentType,
  parseDigest,
  parseMediaType,
  parseReference,
  parseRepositoryName,
  parseTag,
  referrersTag,
} from "./index.ts";
import {
  always,
  anyText,
  digests,
  expectRefusal,
  mediaTypes,
  repositoryNames,
  sha512Digests,
  tags,
} from "./testing/samples.ts";

describe("digest (image specification, Digests)", () => {
  test("every sha256 and sha512 digest parses to itself", () => {
    always([digests], (text) => {
      const digest = parseDigest(text);
      expect(digest).toBe(text);
      expect(`${digestAlgorithm(digest)}:${digestHex(digest)}`).toBe(text);
      expect(findDigestAlgorithm(text)).toBe(digestAlgorithm(digest));
    });
  });

  test("any other text is refused with DIGEST_INVALID", () => {
    always([anyText], (text) => {
      if (isDigest(text)) return expect(text).toMatch(/^sha(?:256:[a-f0-9]{64}|512:[a-f0-9]{128})$/);
      expectRefusal(() => parseDigest(text), "DIGEST_INVALID");
    });
  });

  test("a digest of one letter more, less or in upper case is refused", () => {
    always([digests, fc.nat({ max: 130 })], (text, place) => {
      const at = 7 + (place % (text.length - 7));
      expectRefusal(() => parseDigest(`${text}0`), "DIGEST_INVALID");
      expectRefusal(() => parseDigest(text.slice(0, at) + text.slice(at + 1)), "DIGEST_INVALID");
      expectRefusal(() => parseDigest(`${text.slice(0, at)}A${text.slice(at + 1)}`), "DIGEST_INVALID");
    });
  });

  test.each([
    [`sha384:${"a".repeat(96)}`, "the digest algorithm sha384 is not supported: use sha256 or sha512"],
    [`blake3:${"a".repeat(64)}`, "the digest algorithm blake3 is not supported: use sha256 or sha512"],
    ["sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564", "the digest algorithm sha256+b64u is not supported"],
    ["multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8", "multihash+base58 is not supported"],
    ["sha384:aa", "sha384 digests have 96 lower-case hexadecimal characters after the colon"],
    ["sha256:baddigeststring", "sha256 digests have 64 lower-case hexadecimal characters after the colon"],
    [`sha256:${"A".repeat(64)}`, "sha256 digests have 64 lower-case hexadecimal characters after the colon"],
    ["SHA256:aa", "a digest has the form sha256:<64 hexadecimal characters>"],
    ["sha256", "a digest has the form sha256:<64 hexadecimal characters>"],
    [":aa", "a digest has the form sha256:<64 hexadecimal characters>"],
    [`a:${"b".repeat(2000)}`, "a digest has the form sha256:<64 hexadecimal characters>"],
  ])("%s is refused with the reason", (text, reason) => {
    expect(() => parseDigest(text)).toThrow(reason);
  });

  test("the referrers tag of any digest is a tag and keeps 64 characters of it", () => {
    always([digests], (text) => {
      const tag = referrersTag(parseDigest(text));
      expect(isTag(tag)).toBe(true);
      expect(text.replace(":", "-").startsWith(tag)).toBe(true);
      expect(tag).toHaveLength(7 + 64);
    });
  });
});

describe("repository name (distribution specification, <name>)", () => {
  const grammar = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$/;

  test("every name of the grammar parses to itself up to 255 characters", () => {
    always([repositoryNames], (name) => {
      if (name.length > 255) expectRefusal(() => parseRepositoryName(name), "NAME_INVALID");
      else expect(parseRepositoryName(name)).toBe(name);
    });
  });

  test("any other text is refused with NAME_INVALID", () => {
    always([anyText], (text) => {
      expect(isRepositoryName(text)).toBe(text.length <= 255 && grammar.test(text));
      if (!isRepositoryName(text)) expectRefusal(() => parseRepositoryName(text), "NAME_INVALID");
    });
  });

  test.each([
    "..",
    "a/../b",
    "A",
    "a//b",
    "a/",
    "/a",
    "a\0",
    "a%2fb",
    "a___b",
    "",
    "a..b",
    "-a",
    "a-",
    "_oci",
    "é",
    "a\n",
  ])("%j is not a repository name", (name) => {
    expect(isRepositoryName(name)).toBe(false);
  });

  test("255 characters are a name, 256 are not", () => {
    expect([isRepositoryName("a".repeat(255)), isRepositoryName("a".repeat(256))]).toEqual([true, false]);
    expect(() => parseRepositoryName("a".repeat(256))).toThrow("at most 255 characters, this one has 256");
  });
});

describe("tag (distribution specification, <reference>)", () => {
  test("every tag of the grammar parses to itself", () => {
    always([tags], (tag) => {
      expect(parseTag(tag)).toBe(tag);
    });
  });

  test("any other text is refused with TAG_INVALID", () => {
    always([anyText], (text) => {
      expect(isTag(text)).toBe(/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/.test(text) && !text.endsWith("\n"));
      if (!isTag(text)) expectRefusal(() => parseTag(text), "TAG_INVALID");
    });
  });

  test("a tag has at most 128 characters and does not begin with a dot or dash", () => {
    expect(isTag("a".repeat(128))).toBe(true);
    for (const text of ["a".repeat(129), ".a", "-a", "", "a b", "a:b", "a/b"]) expect(isTag(text), text).toBe(false);
  });

  test("a tag that names a digest is an attachment's: of a signature, attestation, SBOM or referrers list", () => {
    const tag = `sha256-${"a".repeat(64)}`;
    for (const end of ["", ".sig", ".att", ".sbom"]) expect(isAttachmentTag(tag + end)).toBe(true);
    for (const other of [`${tag}.x`, "sha256-aa", "v1", "latest"]) expect(isAttachmentTag(other)).toBe(false);
  });
});

describe("reference", () => {
  test("a text with a colon is a digest, any other a tag", () => {
    always([fc.oneof(digests, tags)], (text) => {
      const kind = text.includes(":") ? "digest" : "tag";
      expect(parseReference(text)).toEqual({ kind, [kind]: text });
    });
  });

  test("what is neither is refused with the code of what it looks like", () => {
    always([anyText], (text) => {
      if (isDigest(text) || isTag(text)) return;
      expectRefusal(() => parseReference(text), text.includes(":") ? "DIGEST_INVALID" : "TAG_INVALID");
    });
  });

  test("a sha512 digest is a reference", () => {
    always([sha512Digests], (digest) => {
      expect(parseReference(digest)).toEqual({ kind: "digest", digest });
    });
  });
});

describe("media type (RFC 6838, 4.2)", () => {
  test("every media type parses to itself, and the same with parameters as a Content-Type", () => {
    always([mediaTypes, fc.constantFrom("", ";", "; charset=utf-8", ' ; a="b;c"')], (type, parameters) => {
      expect(parseMediaType(type)).toBe(type);
      expect(parseContentType(type + parameters)).toBe(type);
    });
  });

  test("any other text is refused with MANIFEST_INVALID", () => {
    always([anyText], (text) => {
      if (isMediaType(text)) return expect(text.split("/")).toHaveLength(2);
      expectRefusal(() => parseMediaType(text), "MANIFEST_INVALID");
    });
  });

  test("each part has at most 127 characters", () => {
    expect(isMediaType(`a/${"b".repeat(127)}`)).toBe(true);
    for (const text of [`a/${"b".repeat(128)}`, "a", "a/", "/a", "a/b/c", "a /b", "+a/b"]) {
      expect(isMediaType(text), text).toBe(false);
    }
  });
});
