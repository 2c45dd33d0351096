// Rewrites golden files: runs the tests that compare with one, told to write instead. With --all also those that take
// minutes: the interoperability matrix and the conformance suite.
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";

const all = process.argv.includes("--all");
const long = /^tests\/(interop|conformance)\//;
const files = globSync(["src/**/*.test.ts", "tests/**/*.test.ts"]).filter(
  (file) => (all || !long.test(file)) && /expectGolden|testClient/.test(readFileSync(file, "utf8")),
);
const env = { ...process.env, GOLDEN: "write" };
process.exit(spawnSync("vitest", ["run", ...files], { stdio: "inherit", env }).status ?? 1);
