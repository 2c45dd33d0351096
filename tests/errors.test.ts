import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { distributionErrors } from "../src/api/distribution/errors.ts";

test("docs/errors.md lists each error as it looks on the wire, and no other", () => {
  const text = readFileSync(resolve(import.meta.dirname, "../docs/errors.md"), "utf8");
  const listed = [...text.matchAll(/^\| ([A-Z_]+) \| (\d{3}) ([A-Z_]+) \|/gm)].map(
    ([, name, status, code]) => `${name} ${status} ${code}`,
  );
  const known = Object.entries(distributionErrors).map(([name, wire]) => `${name} ${wire.status} ${wire.code}`);
  expect(listed.toSorted()).toEqual(known.toSorted());
});
