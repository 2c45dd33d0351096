import { readConfig } from "../config.ts";
import { parseSize } from "../lib/index.ts";
import { fsckNumbers } from "../registry/index.ts";
import type { Problem } from "../registry/index.ts";
import { commandLog } from "./command-log.ts";
import type { Composition } from "./composition.ts";
import { exitCodes } from "./exit-codes.ts";
import type { GivenFlags } from "./flags.ts";
import { printResult } from "./print-result.ts";
import type { Output } from "./print-result.ts";
import { Progress } from "./progress.ts";

/** What `berth fsck` is told besides settings. */
export interface FsckFlags {
  readonly verify?: true;
  readonly repair?: true;
  /** As `50MiB`. */
  readonly rate?: string;
}

const texts = {
  referencesWithoutRow: "references without a row",
  rowsWithoutObject: "rows without an object",
  objectsWithoutRow: "objects without a row",
  digestMismatches: "digest mismatches",
} as const;

/** Problems that are part of a JSON result; the numbers count them all. */
const told = 1000;

/** `berth fsck` */
export async function check(
  composition: Composition,
  flags: GivenFlags,
  output: Output,
  { verify, repair, rate }: FsckFlags,
): Promise<number> {
  const { config } = await readConfig(flags, process.env);
  const progress = new Progress();
  const problems: Problem[] = [];
  const { found, integrity, marked, queued } = await composition.checkNow(config, commandLog, {
    verify: verify === true,
    repair: repair === true,
    rate: rate === undefined ? 0 : parseSize(rate),
    report: (problem) => void (problems.length < told && problems.push(problem)),
    progress: (step, done) => progress.show(step, done),
  });
  progress.end();
  const messages = [...integrity, ...problems.map((problem) => problem.message)];
  if (output === "table") for (const message of messages) process.stderr.write(`berth: ${message}\n`);
  await printResult(output, {
    value: { ...found, integrity: integrity.length === 0 ? "ok" : integrity, marked, queued, problems },
    rows: [
      ...fsckNumbers.map((number) => [texts[number], String(found[number])]),
      ["integrity of the database", integrity.length === 0 ? "ok" : "broken"],
      ["looked at", `${found.manifests} manifests, ${found.blobs} blobs, ${found.objects} objects`],
      ...(repair === true
        ? [
            ["marked for healing", String(marked)],
            ["queued for review", String(queued)],
          ]
        : []),
    ],
  });
  const sound = integrity.length === 0 && fsckNumbers.every((number) => found[number] === 0);
  return sound ? exitCodes.done : exitCodes.found;
}
