import { readConfig } from "../config.ts";
import { usageError } from "./command-error.ts";
import { commandLog } from "./command-log.ts";
import type { Composition } from "./composition.ts";
import { exitCodes } from "./exit-codes.ts";
import type { GivenFlags } from "./flags.ts";
import { printResult } from "./print-result.ts";
import type { Output } from "./print-result.ts";
import { Progress } from "./progress.ts";

/** Problems that are named on standard error; a JSON result has them all. */
const told = 100;

/** `berth adopt distribution` */
export async function adoptDistribution(
  composition: Composition,
  flags: GivenFlags,
  output: Output,
  place: string,
  { dryRun = false, link = false }: { readonly dryRun?: boolean; readonly link?: boolean },
): Promise<number> {
  const { config } = await readConfig(flags, process.env);
  if (link && (place.startsWith("s3://") || config.storage.kind !== "filesystem")) {
    throw usageError("--link is for a directory taken into a `storage` that is a directory, too: leave it out to copy");
  }
  const progress = new Progress();
  const show = (done: number) => progress.show("manifests", done);
  const done = await composition.adoptNow(config, commandLog, { place, dryRun, link, progress: show });
  progress.end();
  const { problems } = done;
  for (const { repository, what, why } of problems.slice(0, told)) {
    process.stderr.write(`berth: ${repository}: ${what}: ${why}\n`);
  }
  if (problems.length > told) process.stderr.write(`berth: … and ${problems.length - told} more\n`);
  await printResult(output, {
    value: { dryRun, ...done },
    heading: ["WHAT", dryRun ? "WOULD BE TAKEN" : "TAKEN"],
    rows: [
      ["repositories", String(done.repositories)],
      ["manifests", String(done.manifests)],
      ["tags", String(done.tags)],
      ["blobs", `${done.blobs} of ${done.bytes} bytes`],
      ["there already", String(done.there)],
      ["not taken", String(problems.length)],
    ],
  });
  return problems.length === 0 ? exitCodes.done : exitCodes.found;
}
