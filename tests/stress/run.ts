import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, release, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { collectUnderLoad } from "./collect-under-load.ts";
import type { StressProgress, StressResult } from "./collect-under-load.ts";
import { runGoverned } from "./governance/run-governed.ts";

/*
 * `npm run stress`: the long run of docs/stress.md, which it writes. It goes on until so many operations were answered;
 * when time runs out before, or it is stopped, the same command goes on from there. With `--governance`: that of
 * docs/stress-governance.md, which ends when time runs out.
 */
const { values } = parseArgs({
  options: {
    answered: { type: "string", default: "100000" },
    minutes: { type: "string", default: "60" },
    governance: { type: "boolean", default: false },
    folder: { type: "string", default: join(tmpdir(), "berth-stress") },
  },
});
const answered = Number(values.answered);
if (values.governance) process.exit((await runGoverned(answered, Number(values.minutes))) ? 0 : 1);
const clients = 16;
const killEvery = 5_000;
const progressFile = join(values.folder, "progress.json");

mkdirSync(values.folder, { recursive: true });
const before = readProgress();
if (before.operations > 0) console.log(`goes on after ${before.operations} operations and ${before.kills} kills`);
const result = await collectUnderLoad({
  ...{ operations: answered, time: Number(values.minutes) * 60_000, clients, killEvery },
  kept: {
    data: join(values.folder, "data"),
    before,
    save: (progress) => writeFileSync(progressFile, JSON.stringify(progress)),
  },
});
console.log(JSON.stringify(result, null, 2));
const sound =
  [result.violations, result.integrity, result.left].every((list) => list.length === 0) &&
  result.numbers.every((number) => number === 0);
if (!sound) console.error(`what must not be has come about: the data is kept in ${values.folder}`);
else if (result.complete) {
  writeFileSync(resolve(import.meta.dirname, "../../docs/stress.md"), describe(result));
  rmSync(values.folder, { recursive: true });
} else console.error(`${result.operations} of ${answered} operations were answered: the same command goes on`);
process.exitCode = sound && result.complete ? 0 : 1;

function readProgress(): StressProgress {
  try {
    return JSON.parse(readFileSync(progressFile, "utf8")) as StressProgress;
  } catch {
    return { operations: 0, lost: 0, kills: 0, seconds: 0, counts: {} };
  }
}

function describe({ operations, lost, kills, seconds, counts, numbers }: StressResult): string {
  const commit = spawnSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).stdout.trim();
  const rows = Object.entries(counts).sort(([one], [other]) => (one < other ? -1 : 1));
  return `# Collection under load

\`npm run stress\` writes this page: ${clients} clients push, mount, retag, delete and pull images made of one pool of layers while
collection ticks every 100 ms with pins of no more than two seconds, and the server is killed every ${killEvery / 1000} s. Nothing that
is in use may go, every body must be the one that was asked for, and no answer may be a 5xx other than 503. Then rows and
objects must agree, and after all manifests are deleted nothing may be left.

Last run: ${new Date().toISOString().slice(0, 10)}, after ${commit}, Linux ${release()}, ${availableParallelism()} cores, Node ${process.versions.node}.

| figure | |
|---|---|
| operations that were answered | ${operations.toLocaleString("en")} |
| operations that met a killed server, not counted | ${lost.toLocaleString("en")} |
| kills | ${kills} |
| time | ${seconds} s |
| violations | 0 |
| \`fsck\` | ${numbers.join("/")} |
| integrity of the database | ok |
| blobs and objects left after all was deleted | 0 |

| operation | times |
|---|---|
${rows.map(([name, count]) => `| ${name} | ${count.toLocaleString("en")} |`).join("\n")}
`;
}
