import { expect, test } from "vitest";
import { parseLinearPattern } from "./index.ts";

test("matches the whole text, or finds a part of it", () => {
  const pattern = parseLinearPattern("v[0-9]+");
  expect([pattern.matches("v12"), pattern.matches("v12-rc"), pattern.matches("xv1")]).toEqual([true, false, false]);
  expect([pattern.finds("xv1-rc"), pattern.finds("latest")]).toEqual([true, false]);
  // An alternative binds as a whole.
  expect(parseLinearPattern("a|b").matches("ab")).toBe(false);
});

test("takes linear time for expressions on which others take for ever", () => {
  const text = `${"a".repeat(20_000)}!`;
  for (const source of ["(a+)+$", "(a|a)*b", "(a*)*b", "(?:a?){50}a{50}b"]) {
    const began = process.cpuUsage();
    expect(parseLinearPattern(source).matches(text)).toBe(false);
    expect(process.cpuUsage(began).user, source).toBeLessThan(5_000_000);
  }
});

test("refuses what RE2 does not know, and what would grow too large, in words", () => {
  for (const source of ["(a", "(?=a)b", String.raw`(a)\1`, "((a{1000}){1000}){1000}", "a".repeat(501)]) {
    expect(() => parseLinearPattern(source), source.slice(0, 30)).toThrow(SyntaxError);
  }
  expect(() => parseLinearPattern("(a")).toThrow('"(a" is no regular expression of RE2: ');
});
