// Runs the fault tests. With --all: every point instead of a part of them, and what came of it is written to docs/faults.md.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, release, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

const all = process.argv.includes("--all");
const rest = process.argv.slice(2).filter((argument) => argument !== "--all");
const folder = mkdtempSync(join(tmpdir(), "berth-faults-"));
const report = join(folder, "report.jsonl");
writeFileSync(report, "");
// What is struck is the program as it is shipped.
const program = resolve("dist-tested/main.js");
if (spawnSync(process.execPath, ["scripts/build.mjs", dirname(program)], { stdio: "inherit" }).status !== 0)
  process.exit(1);
const env = {
  ...process.env,
  BERTH_FAULTS_REPORT: report,
  TEST_PROGRAM: program,
  ...(all ? { BERTH_FAULTS: "all" } : {}),
};
const long = all ? ["--testTimeout=7200000"] : [];
// One after the other: what cuts the power of disks runs by itself.
const ended = ["crashes", "faults"].map(
  (project) =>
    spawnSync("vitest", ["run", "--passWithNoTests", "--project", project, ...long, ...rest], { stdio: "inherit", env })
      .status,
);
const status = ended.every((one) => one === 0) ? 0 : 1;
if (all && status === 0 && rest.length === 0) writeFileSync("docs/faults.md", describe(readFileSync(report, "utf8")));
rmSync(folder, { recursive: true });
process.exit(status);

function describe(lines) {
  const rows = lines
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
    .map(({ what, figures }) => `| ${what} | ${figures} |`);
  const commit = spawnSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).stdout.trim();
  const machine = `Linux ${release()}, ${availableParallelism()} cores, Node ${process.versions.node}`;
  return `# Faults

\`npm run faults -- --all\` writes this page: every crash point and every failing call, one after the other. (Of the 256
directories that a first start makes in one loop, a few stand for all.) The tests that run on each change take a part of the points
that moves with the commit. After each fault: what was acknowledged is there and
intact, rows and objects agree (\`fsck\` 0/0/0/0), and the registry goes on.

Last run: ${new Date().toISOString().slice(0, 10)}, after ${commit}, ${machine}. Restart times were taken beside other work.

| fault | figures |
|---|---|
${rows.join("\n")}
`;
}
