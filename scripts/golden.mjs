// Rewrites every golden file: runs the tests that compare with one, told to write instead.
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";

const files = globSync(["src/**/*.test.ts", "tests/**/*.test.ts"]).filter((file) =>
  /expectGolden|BERTH_GOLDEN|testClient/.test(readFileSync(file, "utf8")),
);
const env = { ...process.env, BERTH_GOLDEN: "1" };
process.exit(spawnSync("vitest", ["run", ...files], { stdio: "inherit", env }).status ?? 1);
