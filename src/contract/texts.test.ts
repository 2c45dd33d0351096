import { expect, test } from "vitest";
import { line, namespacePath, plainName, repositoryName, seconds, tagName, tagPattern } from "./texts.ts";

test("names have nothing that a shell, YAML or a database would eat", () => {
  for (const name of ["a", "dev-team", "a.b_c", "0"]) expect(plainName.safeParse(name).success, name).toBe(true);
  for (const name of ["", "A", "a b", "a/b", "a$b", "-a", "a--b", "a'", "a\0", "é", "x".repeat(65), "a\n"]) {
    expect(plainName.safeParse(name).success, name).toBe(false);
  }
  expect(repositoryName.safeParse("team/app").success).toBe(true);
  for (const name of ["", "/", "a//b", "../a", "a/-/b", "~1", "A/b"]) {
    expect(repositoryName.safeParse(name).success, name).toBe(false);
  }
  expect(namespacePath.safeParse("").success).toBe(true);
  expect(tagName.safeParse("v1.0").success && !tagName.safeParse("v*").success).toBe(true);
  expect(tagPattern.safeParse("ci-*").success && !tagPattern.safeParse("ci-(").success).toBe(true);
  expect(seconds.safeParse(0).success).toBe(false);
  for (const text of ["a\0", "a\nb", "\u001b[31m", "x".repeat(11)])
    expect(line(10).safeParse(text).success).toBe(false);
  expect(line(10).safeParse("Zoë ☃").success).toBe(true);
});
