import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { availableParallelism, release } from "node:os";
import { resolve } from "node:path";
import { governUnderLoad } from "./govern-under-load.ts";
import type { GovernedResult } from "./govern-under-load.ts";

const clients = 12;
const killEvery = 8_000;

/** `npm run stress -- --governance`: the long run of docs/stress-governance.md, which it writes. @returns whether all is well */
export async function runGoverned(operations: number, minutes: number): Promise<boolean> {
  const result = await governUnderLoad({ operations, time: minutes * 60_000, clients, killEvery });
  console.log(JSON.stringify(result, null, 2));
  const sound =
    [result.violations, result.integrity, result.left].every((list) => list.length === 0) &&
    result.numbers.every((number) => number === 0);
  if (sound) writeFileSync(resolve(import.meta.dirname, "../../../docs/stress-governance.md"), describe(result));
  else console.error("what must not be has come about");
  return sound;
}

function describe({ operations, lost, kills, seconds, counts, numbers, figures }: GovernedResult): string {
  const commit = spawnSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).stdout.trim();
  const rowsOf = (record: Readonly<Record<string, number>>) =>
    Object.entries(record)
      .map(([name, count]) => `| ${name} | ${count.toLocaleString("en")} |`)
      .join("\n");
  const sorted = Object.fromEntries(Object.entries(counts).toSorted(([one], [other]) => (one < other ? -1 : 1)));
  return `# Governance under load

\`npm run stress -- --governance\` writes this page: ${clients} clients push, retag, delete, undo, hold and report images as running in
repositories with lifecycle policies, quotas, windows of undo of two seconds and of an hour, and two webhooks, while collection ticks every
100 ms. The receivers refuse some messages and leave others without an answer. The server is killed every ${killEvery / 1000} s.

Each client writes down what it asks for and what it is told. At the end that must be what the receivers were told (each change once,
in its order for its tag, repeats under the same id) and what is there; what was promised to stay must be there whole; what is counted for
quotas must be what a recount of the rows finds; what is past its window must be gone from undo, and what is within it must come back whole. Then
rows and objects must agree, and after all is deleted nothing may be left. \`tests/governance/stress-checks.test.ts\` plants faults that these checks must see.

Last run: ${new Date().toISOString().slice(0, 10)}, after ${commit}, Linux ${release()}, ${availableParallelism()} cores, Node ${process.versions.node}.

| figure | |
|---|---|
| operations that were answered | ${operations.toLocaleString("en")} |
| operations that met a killed server, not counted | ${lost.toLocaleString("en")} |
| kills | ${kills} |
| time | ${seconds} s |
${rowsOf(figures)}
| violations | 0 |
| \`fsck\` | ${numbers.join("/")} |
| integrity of the database | ok |
| blobs and objects left after all was deleted | 0 |

| operation | times |
|---|---|
${rowsOf(sorted)}
`;
}
