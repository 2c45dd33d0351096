import { expect, test } from "vitest";
import { StorageError } from "../storage/index.ts";
import { translateError } from "./translate-error.ts";

test.each(["missing", "corrupt"] as const)("bytes that are %s are told as such, with what heals them", (reason) => {
  const { code, message } = translateError(new StorageError(reason, "o/00/x"));
  expect([code, message]).toEqual([
    "INTERNAL",
    expect.stringMatching(/^the stored bytes of this content are corrupt or gone: push it again/),
  ]);
  expect(message, "keys of the store are for the log").not.toContain("o/00/x");
});

test("what is no trouble of the stores stays a defect, and its text inside", () => {
  const { code, message } = translateError(new Error("secret"));
  expect([code, message]).toEqual(["INTERNAL", expect.not.stringContaining("secret")]);
});
