// All checks, then the tests of each project of vitest.config.ts. Ends with the skips and their reasons, the peers that were
// missing, the time of each part, and one line `N passed, N failed, N skipped`.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installCommand, listMissingPeers } from "../tests/support/peers.ts";
import config from "../vitest.config.ts";

const projects = config.test.projects.map((project) => project.test.name);
const folder = mkdtempSync(join(tmpdir(), "berth-test-"));
const times = [];
const total = { passed: 0, failed: 0, skipped: [] };

function run(name, command, ...args) {
  const started = performance.now();
  const env = { ...process.env, TEST_REPORT: join(folder, `${name}.json`) };
  const { status } = spawnSync(command, args, { stdio: "inherit", env });
  times.push(`${name} ${((performance.now() - started) / 1000).toFixed(0)} s`);
  return status === 0;
}

if (run("check", process.execPath, "scripts/check.mjs")) total.passed++;
else total.failed++;

for (const project of projects) {
  const passed = run(
    project,
    "vitest",
    ...["run", "--project", project, "--reporter=default", "--reporter=./scripts/test-report.mjs"],
  );
  const counts = readReport(project);
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped.push(...counts.skipped);
  if (!passed && counts.failed === 0) total.failed++;
}
rmSync(folder, { recursive: true });

if (total.skipped.length > 0) console.log("\nSkipped:");
for (const [reason, tests] of Map.groupBy(total.skipped, (test) => test.reason ?? "no reason given")) {
  console.log(`  ${tests.length} × ${reason}`);
  for (const test of tests.slice(0, 5)) console.log(`      ${test.file}: ${test.name}`);
  if (tests.length > 5) console.log(`      and ${tests.length - 5} more`);
}
const missing = listMissingPeers();
if (missing.length > 0) {
  console.log("\nNot tested, since a program is not installed:");
  for (const peer of missing) console.log(`  ${peer.for} (${peer.name})`);
  console.log(`Install what is missing: ${installCommand(...missing.map((peer) => peer.name))}`);
  // CI promises to have tested everything.
  if (process.env["CI"] === "true") total.failed += missing.length;
}
console.log(`\nTime: ${times.join(" · ")}`);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped.length} skipped`);
process.exit(total.failed === 0 ? 0 : 1);

function readReport(project) {
  try {
    return JSON.parse(readFileSync(join(folder, `${project}.json`), "utf8"));
  } catch {
    return { passed: 0, failed: 1, skipped: [] };
  }
}
