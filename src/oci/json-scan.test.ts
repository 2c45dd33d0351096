import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkJson, depthLimit } from "./json-scan.ts";
import { always, expectRefusal } from "./testing/samples.ts";

describe("JSON text", () => {
  const values = fc.jsonValue({ maxDepth: 5 });
  const refused = (text: string) => {
    try {
      checkJson(text);
      return false;
    } catch {
      expectRefusal(() => checkJson(text), "MANIFEST_INVALID");
      return true;
    }
  };

  test("what JSON.stringify writes passes, however its strings are escaped", () => {
    always([values, fc.constantFrom(undefined, 2)], (value, indent) => {
      const text = JSON.stringify(value, undefined, indent);
      expect(refused(text)).toBe(false);
      const escaped = text.replace(/[\u{80}-\u{FFFF}]/gu, (letter) => JSON.stringify(letter).slice(1, -1));
      expect(refused(escaped)).toBe(false);
    });
  });

  test("a key named twice in one object is refused, wherever it stands and however it is written", () => {
    const spelt = (key: string, escape: boolean) => {
      if (!escape) return JSON.stringify(key);
      const codes = Array.from({ length: key.length }, (_, at) => key.charCodeAt(at).toString(16).padStart(4, "0"));
      return `"${codes.map((code) => `\\u${code}`).join("")}"`;
    };
    always(
      [fc.string({ maxLength: 8 }), values, values, fc.boolean(), fc.nat({ max: 10 })],
      (key, a, b, escape, depth) => {
        const twice = `{${spelt(key, escape)}:${JSON.stringify(a)},"-":0,${spelt(key, false)}:${JSON.stringify(b)}}`;
        expect(refused(`{"outer":${"[".repeat(depth)}${twice}${"]".repeat(depth)}}`)).toBe(true);
      },
    );
  });

  test("the same key in two objects passes", () => {
    expect(refused('[{"a":1},{"a":{"a":"a"}},{"b":["a","a"],"a":"b"}]')).toBe(false);
  });

  test("64 levels pass, 65 are refused, and millions are refused without falling over", () => {
    always([fc.integer({ min: 1, max: 200 }), fc.boolean()], (depth, lists) => {
      const text = lists ? "[".repeat(depth) + "]".repeat(depth) : `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;
      expect(refused(text)).toBe(depth > depthLimit);
    });
    expect(refused("[".repeat(4_000_000))).toBe(true);
  });

  test("any text is looked at to its end without falling over", () => {
    always([fc.stringMatching(/^["\\{}[\],:a]{0,60}$/)], (text) => {
      refused(text);
    });
  });
});
