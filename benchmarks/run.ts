import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { writePage } from "./page.ts";
import { findProgram, startRegistry, stopOnSignal } from "./registries.ts";
import type { Outcome } from "./report.ts";
import { jsonOf, machineFacts, outcomesOf, tableOf } from "./report.ts";
import type { Case, Lab, Metrics, Work } from "./work.ts";
import { works } from "./works/index.ts";

const usage = `npm run bench -- [--only work,work] [--case text] [--rounds n] [--quick] [--write]
  --only    works by name: ${works.map(({ name }) => name).join(", ")}
  --case    only cases whose name has this text
  --rounds  times that every case runs, in turn (5; with --quick 2)
  --quick   shorter loads and smaller counts
  --from    adds the works of earlier runs: JSON files with commas between; newer runs of a work win
  --write   writes docs/benchmarks.md; with --only none nothing is run
`;

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    case: { type: "string" },
    rounds: { type: "string" },
    quick: { type: "boolean", default: false },
    from: { type: "string" },
    write: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

/** Runs every case once a round, in turn, so that what else the machine does falls on all alike. */
async function runWork(work: Work, folder: string, quick: boolean, count: number): Promise<Outcome> {
  const cases = work.cases.filter(({ name }) => name.includes(values.case ?? ""));
  const rounds: Map<string, Metrics>[] = [];
  const [before = 0] = loadavg();
  const failures: string[] = [];
  for (let round = 0; round < count; round++) {
    const results = new Map<string, Metrics>();
    for (const [index, one] of cases.entries()) {
      if (round >= (one.rounds ?? count)) continue;
      if (findProgram(one.registry) === undefined) {
        if (round === 0) failures.push(`${one.name}: not installed, run scripts/install-peers`);
        continue;
      }
      try {
        const metrics = await runCase(one, join(folder, `${work.name}-${index}`), quick, round);
        results.set(one.name, metrics);
        process.stderr.write(`${work.name} ${round + 1}/${count} ${one.name}: ${JSON.stringify(rounded(metrics))}\n`);
      } catch (error) {
        failures.push(`${one.name}, round ${round + 1}: ${String(error)}`);
        process.stderr.write(`${work.name} ${one.name}: ${String(error)}\n`);
      }
    }
    rounds.push(results);
  }
  const load = [before, loadavg()[0]!].map((one) => one.toFixed(1)).join(" to ");
  return { work, rounds, run: `${facts["date"]}, ${facts["berth"]}, load average ${load}`, failures };
}

async function runCase(one: Case, folder: string, quick: boolean, round: number): Promise<Metrics> {
  const beside = await one.beside?.();
  if (one.beside !== undefined && beside === undefined) throw new Error("not installed: run scripts/install-peers");
  const start = (slowSync: boolean | undefined) => startRegistry(one.registry, folder, { slowSync, env: beside?.env });
  const lab: Lab = { quick, seconds: 2, folder, start: () => start(false) };
  try {
    if (one.prepare !== undefined && round === 0) await one.prepare(lab);
    const server = await start(one.slowSync);
    try {
      return await one.measure(server, lab);
    } finally {
      await server.stop();
      if (one.prepare === undefined) await rm(folder, { recursive: true, force: true });
    }
  } finally {
    await beside?.stop();
  }
}

function rounded(metrics: Metrics): Record<string, number> {
  return Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name, Number(value.toPrecision(4))]));
}

const wanted = values.only?.split(",").filter((name) => name !== "none");
const unknown = wanted?.filter((name) => !works.some((work) => work.name === name)) ?? [];
if (values.help || unknown.length > 0) {
  process.stdout.write(unknown.length > 0 ? `no work is named ${unknown.join(", ")}\n${usage}` : usage);
  process.exit(unknown.length > 0 ? 1 : 0);
}
stopOnSignal();
const folder = await mkdtemp(join(tmpdir(), "berth-bench-"));
const facts = machineFacts();
const outcomes = new Map<string, Outcome>();
for (const file of values.from?.split(",") ?? []) {
  for (const outcome of outcomesOf(await readFile(file, "utf8"), works)) outcomes.set(outcome.work.name, outcome);
}
try {
  for (const work of works) {
    if (wanted !== undefined && !wanted.includes(work.name)) continue;
    const outcome = await runWork(
      work,
      join(folder, work.name),
      values.quick,
      Number(values.rounds ?? (values.quick ? 2 : 5)),
    );
    outcomes.set(work.name, outcome);
    process.stdout.write(`\n${tableOf(outcome)}\n`);
    await rm(join(folder, work.name), { recursive: true, force: true });
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
const root = resolve(import.meta.dirname, "..");
await mkdir(join(root, "bench-results"), { recursive: true });
const file = join(root, "bench-results", `${facts["date"]!.replace(/[^0-9]+/g, "-").replace(/-$/, "")}.json`);
const inOrder = works.map(({ name }) => outcomes.get(name)).filter((outcome) => outcome !== undefined);
await writeFile(file, jsonOf(inOrder, facts));
process.stdout.write(`\n${file}\n`);
if (values.write) await writePage(join(root, "docs/benchmarks.md"), inOrder, facts);
