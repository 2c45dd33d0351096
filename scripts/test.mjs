// All checks, then the tests of each project of vitest.config.ts. Ends with the skips and their reasons, the peers that were
// missing, the time of each part, and one line `N passed, N failed, N skipped`.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installCommand, listMissingPeers } from "../tests/support/peers.ts";
import config from "../vitest.config.ts";

// Side by side, since these wait for other programs and for the disk more than they compute.
const lanes = [["check"], ["conformance", "interop", "scale-out"], ["faults"]];
const projects = config.test.projects.map((project) => project.test.name);
lanes[0].push(...projects.filter((project) => !lanes.flat().includes(project)));

const folder = mkdtempSync(join(tmpdir(), "berth-test-"));
const times = [];
const total = { passed: 0, failed: 0, skipped: [] };
const begun = performance.now();

/** Runs a part to its end. What the first lane says is seen at once, what the others say when a part has ended. */
function run(name, live, command, ...args) {
  const started = performance.now();
  const env = { ...process.env, TEST_REPORT: join(folder, `${name}.json`) };
  const said = [];
  const child = spawn(command, args, { stdio: live ? "inherit" : ["ignore", "pipe", "pipe"], env });
  child.stdout?.on("data", (chunk) => said.push(chunk));
  child.stderr?.on("data", (chunk) => said.push(chunk));
  return new Promise((done) => {
    child.on("close", (code) => {
      times.push(`${name} ${seconds(started)} s`);
      process.stdout.write(Buffer.concat(said));
      done(code === 0);
    });
  });
}

async function runPart(name, live) {
  if (name === "check") {
    if (await run(name, live, process.execPath, "scripts/check.mjs")) total.passed++;
    else total.failed++;
    return;
  }
  const reporters = ["--reporter=default", "--reporter=./scripts/test-report.mjs"];
  const passed = await run(name, live, "vitest", "run", "--project", name, ...reporters);
  const counts = readReport(name);
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped.push(...counts.skipped);
  if (!passed && counts.failed === 0) total.failed++;
}

await Promise.all(
  lanes.map(async (parts, lane) => {
    for (const part of parts) await runPart(part, lane === 0);
  }),
);
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
console.log(`\nTime: ${times.join(" · ")} · side by side ${seconds(begun)} s`);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped.length} skipped`);
process.exit(total.failed === 0 ? 0 : 1);

function seconds(since) {
  return ((performance.now() - since) / 1000).toFixed(0);
}

function readReport(project) {
  try {
    return JSON.parse(readFileSync(join(folder, `${project}.json`), "utf8"));
  } catch {
    return { passed: 0, failed: 1, skipped: [] };
  }
}
