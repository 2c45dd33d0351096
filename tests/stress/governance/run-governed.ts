import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { availableParallelism, release } from "node:os";
import { resolve } from "node:path";
import { startPostgres } from "../../support/postgres.ts";
import type { Postgres } from "../../support/postgres.ts";
import { governUnderLoad } from "./govern-under-load.ts";
import type { GovernedResult } from "./govern-under-load.ts";

const clients = 12;
const killEvery = 8_000;

const grounds = ["one node, SQLite", "two nodes, PostgreSQL"] as const;
type Results = Readonly<Record<(typeof grounds)[number], GovernedResult>>;

/**
 * `npm run stress -- --governance`: the long run of docs/stress-governance.md, which it writes.
 * @param minutes for each database
 * @returns whether all is well
 */
export async function runGoverned(operations: number, minutes: number): Promise<boolean> {
  const postgres = await startPostgres();
  if (postgres === undefined) throw new Error("PostgreSQL is not installed: scripts/install-peers postgresql");
  try {
    const run = async (shared: Postgres | undefined) => {
      const result = await governUnderLoad({
        ...{ operations, time: minutes * 60_000, clients, killEvery, postgres: shared },
      });
      console.log(JSON.stringify(result, null, 2));
      return result;
    };
    const results = { "one node, SQLite": await run(undefined), "two nodes, PostgreSQL": await run(postgres) };
    const sound = Object.values(results).every(
      ({ violations, integrity, left, numbers }) =>
        [violations, integrity, left].every((list) => list.length === 0) && numbers.every((number) => number === 0),
    );
    if (sound) writeFileSync(resolve(import.meta.dirname, "../../../docs/stress-governance.md"), describe(results));
    else console.error("what must not be has come about");
    return sound;
  } finally {
    await postgres.stop();
  }
}

function describe(results: Results): string {
  const commit = spawnSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).stdout.trim();
  const row = (name: string, valueOf: (result: GovernedResult) => string) =>
    `| ${name} | ${grounds.map((ground) => valueOf(results[ground])).join(" | ")} |`;
  const rowsOf = (recordOf: (result: GovernedResult) => Readonly<Record<string, number>>) =>
    [...new Set(grounds.flatMap((ground) => Object.keys(recordOf(results[ground]))))]
      .map((name) => row(name, (result) => (recordOf(result)[name] ?? 0).toLocaleString("en")))
      .join("\n");
  const counts = rowsOf((result) => result.counts)
    .split("\n")
    .toSorted()
    .join("\n");
  const head = `| ${grounds.join(" | ")} |\n|---|---|---|`;
  return `# Governance under load

\`npm run stress -- --governance\` writes this page: ${clients} clients push images, indexes of several platforms and signatures, retag, delete, undo, hold and report
images as running, and rename repositories from one namespace to another and back, in repositories with lifecycle policies, quotas, windows of undo of two seconds and of an hour, and two webhooks,
while collection ticks every 100 ms. The receivers refuse some messages and leave others without an answer. Once on one node with SQLite, once on two nodes that compete for one PostgreSQL
and one directory; a server is killed every ${killEvery / 1000} s, of two one after the other.

Each client writes down what it asks for and what it is told. At the end that must be what the receivers were told (each change once,
in its order for its tag, repeats under the same id) and what is there; what was promised to stay must be there whole, with its platforms and signatures; what is counted for
quotas must be what a recount of the rows finds; what is past its window must be gone from undo, and what is within it must come back whole. A repository that was renamed
has all of its images under the one name and nothing under the other. Then rows and objects must agree, and after all is deleted nothing may be left.
\`tests/governance/stress-checks.test.ts\` plants faults that these checks must see.

Last run: ${new Date().toISOString().slice(0, 10)}, after ${commit}, Linux ${release()}, ${availableParallelism()} cores, Node ${process.versions.node}.

| figure ${head}
${row("operations that were answered", (result) => result.operations.toLocaleString("en"))}
${row("operations that met a killed server, not counted", (result) => result.lost.toLocaleString("en"))}
${row("kills", (result) => String(result.kills))}
${row("time", (result) => `${result.seconds} s`)}
${rowsOf((result) => result.figures)}
${row("violations", () => "0")}
${row("`fsck`", (result) => result.numbers.join("/"))}
${row("blobs and objects left after all was deleted", () => "0")}

| operation ${head}
${counts}
`;
}
