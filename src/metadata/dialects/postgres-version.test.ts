import { expect, test } from "vitest";
import { requirePostgresVersion } from "./postgres-version.ts";

test("servers before PostgreSQL 15 are refused with what to do", () => {
  for (const version of ["150000", "150008", "170002"]) expect(() => requirePostgresVersion(version)).not.toThrow();
  expect(() => requirePostgresVersion("140013")).toThrow(/^PostgreSQL 14 is too old, nothing was changed.*15 or newer/);
  expect(() => requirePostgresVersion("90624")).toThrow(/^PostgreSQL 9 /);
});
