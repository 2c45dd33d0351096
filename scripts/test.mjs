// All checks, then the tests of each project of vitest.config.ts. Ends with the skips and their reasons, the peers that were
// missing, what failed, the time of each part, and one line `N passed, N failed, N skipped`.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { installCommand, listMissingPeers } from "../tests/support/peers.ts";
import config from "../vitest.config.ts";

// Side by side, since the second lane waits for other programs more than it computes. What strikes a process at each of its
// calls comes after them, and the faults by themselves: they cut the power of disks and stop databases, which other programs
// on the machine can feel.
const lanes = [["check"], ["conformance", "interop", "scale-out", "collection", "jobs"]];
const alone = ["crashes", "faults"];
const projects = config.test.projects.map((project) => project.test.name);
lanes[0].push(...projects.filter((project) => ![...lanes.flat(), ...alone].includes(project)));
// Minutes for one part. A program that hangs shows as a failure that says where, and does not take the whole run's time.
const limit = { unit: 60, crashes: 45, faults: 45, other: 30 };

// What tests start as a program is built first, as it is shipped: it starts in half the time, some thousand times a run.
const program = resolve("dist-tested/main.js");
const built = spawnSync(process.execPath, ["scripts/build.mjs", dirname(program)], { stdio: "inherit" }).status === 0;

const folder = mkdtempSync(join(tmpdir(), "berth-test-"));
const times = [];
const total = { passed: 0, failures: built ? [] : ["build: see above"], skipped: [] };
const begun = performance.now();

/** Runs a part to its end, or to the end of its time. Lines of the second lane are seen at once, too, under the part's name. */
function run(name, live, command, ...args) {
  const started = performance.now();
  const env = { ...process.env, TEST_REPORT: join(folder, `${name}.json`), TEST_PROGRAM: program };
  rmSync(env.TEST_REPORT, { force: true });
  const child = spawn(command, args, { stdio: live ? "inherit" : ["ignore", "pipe", "pipe"], env, detached: !live });
  for (const output of live ? [] : [child.stdout, child.stderr]) {
    createInterface({ input: output }).on("line", (line) => console.log(`${name} | ${line}`));
  }
  const closed = new Promise((done) => child.on("close", () => done(true)));
  // A worker whose test left a program behind never ends, and the runner waits for it without an end of its own.
  const lingering = setInterval(() => {
    if (!existsSync(env.TEST_REPORT) || Date.now() - statSync(env.TEST_REPORT).mtimeMs < 30_000) return;
    console.log(`${name} has reported and does not end: a test left a program behind, which counts as a failure`);
    end();
  }, 1000);
  const end = () => {
    listProcesses();
    // Its children, too: a worker that waits for a disk ends by nothing less.
    process.kill(live ? child.pid : -Number(child.pid), "SIGKILL");
  };
  const minutes = limit[name] ?? limit.other;
  const timer = setTimeout(() => {
    console.log(
      `${name} has not ended after ${minutes} minutes and is stopped; the test that hangs is one that is not named above`,
    );
    end();
  }, minutes * 60_000);
  return new Promise((done) => {
    child.on("exit", async (code) => {
      clearTimeout(timer);
      clearInterval(lingering);
      times.push(`${name} ${seconds(started)} s`);
      // Not "close" alone: a program that a test left behind holds the output open for as long as it lives.
      if (!live && !(await Promise.race([closed, pause(2000, false)]))) endLeftovers(name, child.pid);
      done(code === 0);
    });
  });
}

/** Ends what a part has started and left behind, and names it. */
function endLeftovers(name, session) {
  const { stdout } = spawnSync("ps", ["-s", String(session), "-o", "pid=,args="], { encoding: "utf8" });
  for (const line of (stdout ?? "").trim().split("\n").filter(Boolean)) {
    console.log(`${name} | left behind and ended: ${line.slice(0, 180)}`);
    try {
      process.kill(Number.parseInt(line, 10), "SIGKILL");
    } catch {
      // It ended by itself.
    }
  }
}

/** What runs on the machine: without that nobody can tell afterwards what a test has waited for. */
function listProcesses() {
  const { stdout } = spawnSync("ps", ["-eo", "pid,ppid,stat,etimes,wchan:20,args"], { encoding: "utf8" });
  console.log(
    (stdout ?? "")
      .split("\n")
      .map((line) => line.slice(0, 180))
      .join("\n"),
  );
}

async function runPart(name, live) {
  if (name === "check") {
    if (await run(name, live, process.execPath, "scripts/check.mjs")) total.passed++;
    else total.failures.push("check: see above");
    return;
  }
  const counts = await runTests(name, live);
  total.passed += counts.passed;
  total.failures.push(...counts.failures.map((failure) => `${name}: ${failure}`));
  total.skipped.push(...counts.skipped);
}

/** Runs a project, or those of its files that V8 could not finish. */
async function runTests(name, live, files = []) {
  const reporters = [`--reporter=${live ? "default" : "verbose"}`, "--reporter=./scripts/test-report.mjs"];
  const passed = await run(name, live, "vitest", "run", "--project", name, ...reporters, ...files);
  const counts = readReport(name);
  if (!passed && counts.failures.length === 0) counts.failures.push("it did not end well: see above");
  if (files.length > 0 || counts.crashed.length === 0) return counts;
  // "Check failed: jit_page.has_value()": about one process in some thousands whose threads come and go (nodejs/node#64500).
  console.log(`V8 itself has crashed in ${counts.crashed.join(", ")}, which runs again`);
  const again = await runTests(name, live, counts.crashed);
  return {
    passed: counts.passed + again.passed,
    failures: [...counts.failures.filter((failure) => !failure.includes("signal SIGTRAP")), ...again.failures],
    skipped: [...counts.skipped, ...again.skipped],
  };
}

await Promise.all(
  lanes.map(async (parts, lane) => {
    for (const part of parts) await runPart(part, lane === 0);
  }),
);
for (const part of alone) await runPart(part, false);
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
  if (process.env["CI"] === "true") total.failures.push(...missing.map((peer) => `not installed: ${peer.name}`));
}
if (total.failures.length > 0) console.log(["\nFailed:", ...total.failures].join("\n  "));
console.log(`\nTime: ${times.join(" · ")} · together ${seconds(begun)} s`);
console.log(`${total.passed} passed, ${total.failures.length} failed, ${total.skipped.length} skipped`);
process.exit(total.failures.length === 0 ? 0 : 1);

function seconds(since) {
  return ((performance.now() - since) / 1000).toFixed(0);
}

function readReport(project) {
  try {
    return JSON.parse(readFileSync(join(folder, `${project}.json`), "utf8"));
  } catch {
    return { passed: 0, failures: ["it has left no report: see above"], skipped: [], crashed: [] };
  }
}
