import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseByteRange, parseContentRange } from "./index.ts";
import { always, anyText, expectRefusal } from "./testing/samples.ts";

const sizes = fc.integer({ min: 0, max: 1_000_000 });

describe("Range (RFC 9110, 14.2)", () => {
  test("first and last byte are served as asked, cut off at the end", () => {
    always([fc.nat({ max: 2_000_000 }), fc.nat({ max: 2_000_000 }), sizes], (first, last, size) => {
      const range = parseByteRange(`bytes=${first}-${last}`, size);
      if (first >= size || last < first) return expect(range).toBe("unsatisfiable");
      expect(range).toEqual({ start: first, end: Math.min(last, size - 1) });
    });
  });

  test("from a byte on, and the last bytes", () => {
    always([fc.nat({ max: 2_000_000 }), sizes], (count, size) => {
      const tail = parseByteRange(`bytes=${count}-`, size);
      expect(tail).toEqual(count >= size ? "unsatisfiable" : { start: count, end: size - 1 });
      const suffix = parseByteRange(`bytes=-${count}`, size);
      const start = Math.max(0, size - count);
      expect(suffix).toEqual(count === 0 || size === 0 ? "unsatisfiable" : { start, end: size - 1 });
    });
  });

  test("whatever the header, the range stays within the content", () => {
    const headers = fc.oneof(anyText, fc.stringMatching(/^bytes=[0-9, -]{0,40}$/));
    always([headers, sizes], (header, size) => {
      const range = parseByteRange(header, size);
      if (typeof range === "string") return;
      expect(range.start).toBeGreaterThanOrEqual(0);
      expect(range.end).toBeGreaterThanOrEqual(range.start);
      expect(range.end).toBeLessThan(size);
    });
  });

  test.each([
    [undefined, "whole"],
    ["bytes=0-1,4-5", "whole"],
    ["items=0-1", "whole"],
    ["bytes=-", "whole"],
    ["bytes=a-b", "whole"],
    ["Bytes=0-1", { start: 0, end: 1 }],
    ["bytes=500-0", "unsatisfiable"],
    ["bytes=99999999999999999999999-", "unsatisfiable"],
  ])("%s of 1,000 bytes gives %j", (header, expected) => {
    expect(parseByteRange(header, 1000)).toEqual(expected);
  });
});

describe("Content-Range of a chunk (end-5)", () => {
  test("a first and a last byte are read, with and without unit and total", () => {
    const forms = fc.constantFrom("$", "bytes $", "bytes=$", "$/*", "bytes $/123", " $ ");
    always([fc.nat(), fc.nat(), forms], (start, length, form) => {
      const end = start + length;
      expect(parseContentRange(form.replace("$", `${start}-${end}`))).toEqual({ start, end });
    });
  });

  test("any other text, and an end before the start, are refused with RANGE_INVALID", () => {
    always([fc.oneof(anyText, fc.stringMatching(/^[0-9 /*-]{0,40}$/))], (text) => {
      let range;
      try {
        range = parseContentRange(text);
      } catch {
        return expectRefusal(() => parseContentRange(text), "RANGE_INVALID");
      }
      expect(range.end).toBeGreaterThanOrEqual(range.start);
      expect(Number.isSafeInteger(range.end)).toBe(true);
    });
  });

  test.each(["5-4", "-", "0", "0-", "-5", "a-b", "0-9999999999999999", "", "0-1-2"])("%j is refused", (text) => {
    expectRefusal(() => parseContentRange(text), "RANGE_INVALID");
  });
});
