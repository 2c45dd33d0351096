import { readConfig } from "../config.ts";
import { usageError } from "./command-error.ts";
import { commandLog } from "./command-log.ts";
import type { Composition } from "./composition.ts";
import { exitCodes } from "./exit-codes.ts";
import type { GivenFlags } from "./flags.ts";
import { printResult } from "./print-result.ts";
import type { Output } from "./print-result.ts";
import { Progress } from "./progress.ts";

/** Digests that are named on standard error; a JSON result has them all. */
const told = 20;

/** `berth backup` */
export async function backup(
  composition: Composition,
  flags: GivenFlags,
  output: Output,
  directory: string,
  objects: "copy" | "list",
): Promise<number> {
  const { config } = await readConfig(flags, process.env);
  const progress = new Progress();
  const show = (step: string, done: number) => progress.show(step, done);
  const done = await composition.backupNow(config, commandLog, { directory, objects, progress: show });
  progress.end();
  warnOf(done.broken, "the store has not the bytes that were pushed: push it again");
  await printResult(output, {
    value: done,
    rows: [
      ["backup", done.directory],
      ["objects that rows name", `${done.count} of ${done.bytes} bytes`],
      ...(objects === "copy" ? [["copied", `${done.copied} now, ${done.there} by earlier backups`]] : []),
      ["broken", String(done.broken.length)],
    ],
  });
  return done.broken.length === 0 ? exitCodes.done : exitCodes.found;
}

/** `berth restore` */
export async function restore(
  composition: Composition,
  flags: GivenFlags,
  output: Output,
  directory: string | undefined,
): Promise<number> {
  if (directory === undefined) {
    const message = "name the backup: berth restore DIRECTORY, one of those that `berth backup` made";
    throw usageError(message);
  }
  const { config } = await readConfig(flags, process.env);
  const progress = new Progress();
  const show = (step: string, done: number) => progress.show(step, done);
  const done = await composition.restoreNow(config, { directory, progress: show });
  progress.end();
  warnOf(done.lost, "its bytes are nowhere, so it is not served: push it again");
  if (done.collection === "off") {
    process.stderr.write(
      "berth: the store was used since the backup was made, so collection is off and what was pushed since stays. Once you have what you need of it, run: berth restore acknowledge\n",
    );
  }
  await printResult(output, {
    value: done,
    rows: [
      ["restored to", done.made],
      ["objects", `${done.there} were there, ${done.copied} put back`],
      ["lost", String(done.lost.length)],
      ["collection", done.collection === "on" ? "on" : "off until acknowledged"],
    ],
  });
  return done.lost.length === 0 ? exitCodes.done : exitCodes.found;
}

function warnOf(digests: readonly string[], what: string): void {
  for (const digest of digests.slice(0, told)) process.stderr.write(`berth: blob ${digest}: ${what}\n`);
  if (digests.length > told) process.stderr.write(`berth: … and ${digests.length - told} more\n`);
}
