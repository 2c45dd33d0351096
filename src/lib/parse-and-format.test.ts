import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  formatAddress,
  formatDuration,
  formatSize,
  isLoopback,
  parseAddress,
  parseDuration,
  parseSize,
} from "./index.ts";
import { editDistance, findNearestWord } from "./nearest-word.ts";

const runs = { numRuns: process.env["CI"] === "true" ? 10_000 : 500 };

describe("durations", () => {
  test.each([
    ["90s", 90_000],
    ["15m", 900_000],
    ["1h30m", 5_400_000],
    ["1.5h", 5_400_000],
    ["7d", 604_800_000],
    ["250ms", 250],
    ["0s", 0],
  ])("%s is %i milliseconds", (text, milliseconds) => expect(parseDuration(text)).toBe(milliseconds));

  test.each(["", "15", "m", "15 m", "-1s", "1h 30m", "1w", "15M", "0.0001ms", "9999999999999999d", "1h30"])(
    "%j is refused",
    (text) => expect(() => parseDuration(text)).toThrow(RangeError),
  );

  test("what is written is read back as the same time", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => parseDuration(formatDuration(value)) === value),
      runs,
    );
  });

  test("any other text is refused with RangeError, never read as a number that is not whole", () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^[\d.]{1,20}(ms|s|m|h|d)?$/));
    fc.assert(
      fc.property(text, (value) => expectWholeOrRefused(() => parseDuration(value))),
      runs,
    );
  });
});

describe("sizes", () => {
  test.each([
    ["0", 0],
    ["512", 512],
    ["16KiB", 16_384],
    ["16kib", 16_384],
    ["16K", undefined],
    ["1.5 GiB", 1_610_612_736],
    ["200MB", 200_000_000],
  ])("%s is %s bytes", (text, bytes) => {
    if (bytes === undefined) expect(() => parseSize(text)).toThrow(RangeError);
    else expect(parseSize(text)).toBe(bytes);
  });

  test.each(["", "KiB", "-1", "1e3", "0.5", "1 000", "1PiB", "99999TiB", "12 KiB "])("%j is refused", (text) =>
    expect(() => parseSize(text)).toThrow(RangeError),
  );

  test("what is written is read back as the same size", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => parseSize(formatSize(value)) === value),
      runs,
    );
  });

  test("any other text is refused with RangeError, never read as a number that is not whole", () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^[\d.]{1,20} ?([KMGT]i?)?B?$/));
    fc.assert(
      fc.property(text, (value) => expectWholeOrRefused(() => parseSize(value))),
      runs,
    );
  });
});

function expectWholeOrRefused(read: () => number): void {
  try {
    const value = read();
    expect(Number.isSafeInteger(value) && value >= 0).toBe(true);
  } catch (error) {
    expect(error).toBeInstanceOf(RangeError);
  }
}

describe("addresses", () => {
  test.each(["127.0.0.1:5000", "[::1]:5000", "localhost:0"])("%s is read and written back", (text) =>
    expect(formatAddress(parseAddress(text))).toBe(text),
  );
  test.each(["", "5000", ":5000", "::1:5000", "host:70000", "host:", "[zz]:1", "a b:1", "http://a:1"])(
    "%j is refused",
    (text) => expect(() => parseAddress(text)).toThrow(RangeError),
  );
  test.each([
    ["127.0.0.1", true],
    ["127.9.9.9", true],
    ["::1", true],
    ["localhost", true],
    ["0.0.0.0", false],
    ["::", false],
    ["127.0.0.1.example.com", false],
    ["192.168.1.1", false],
  ])("%s is this machine alone: %s", (host, alone) => expect(isLoopback(host)).toBe(alone));
});

describe("nearest word", () => {
  test("counts edits, a swap of neighbours as one", () => {
    expect(editDistance("listen", "lisetn")).toBe(1);
    expect(editDistance("", "abc")).toBe(3);
    expect(findNearestWord("colection", ["listen", "collection", "data"])).toBe("collection");
    expect(findNearestWord("x", [])).toBeUndefined();
  });
});
