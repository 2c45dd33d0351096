// All checks and tests; the last line is `N passed, N failed, N skipped`.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folder = mkdtempSync(join(tmpdir(), "berth-test-"));
const report = join(folder, "report.json");
const run = (command, ...args) => spawnSync(command, args, { stdio: "inherit" }).status ?? 1;
const checked = run(process.execPath, "scripts/check.mjs");
const tested = run(
  "vitest",
  "run",
  "--project",
  "unit",
  "--project",
  "drivers",
  "--project",
  "interop",
  "--reporter=default",
  "--reporter=json",
  `--outputFile.json=${report}`,
);
const counts = { passed: 0, failed: checked === 0 ? 0 : 1, skipped: 0 };
if (checked === 0) counts.passed++;
try {
  const found = JSON.parse(readFileSync(report, "utf8"));
  counts.passed += found.numPassedTests;
  counts.failed += found.numFailedTests;
  counts.skipped += found.numPendingTests + (found.numTodoTests ?? 0);
} catch {
  counts.failed++;
}
rmSync(folder, { recursive: true });
if (tested !== 0 && counts.failed === 0) counts.failed++;
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exit(counts.failed === 0 ? 0 : 1);
