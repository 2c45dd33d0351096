import { expect, test } from "vitest";
import { findPasswordFault } from "./passwords.ts";

test("a password has 12 to 1024 characters and is none of those that are tried first", () => {
  for (const good of ["correct horse battery staple", "ünïcödé-pässwört", "x".repeat(500) + "abcdef".repeat(80)]) {
    expect(findPasswordFault(good, "alice")).toBeUndefined();
  }
  for (const bad of [
    "short",
    "elevenchars",
    "Password1234",
    "QWERTYUIOP123",
    "aaaaaaaaaaaaaaaa",
    "abababababababab",
    "alicealicealice",
    "alice-alice-1",
    "ab".repeat(513) + "cdef",
  ]) {
    expect(findPasswordFault(bad, "alice"), bad.slice(0, 20)).toBeDefined();
  }
});
