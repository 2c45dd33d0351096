import { readConfig } from "../config.ts";
import { commandLog } from "./command-log.ts";
import type { Composition } from "./composition.ts";
import { exitCodes } from "./exit-codes.ts";
import type { GivenFlags } from "./flags.ts";
import { printResult } from "./print-result.ts";
import type { Output } from "./print-result.ts";

/** `berth gc`: one pass now */
export async function collect(
  composition: Composition,
  flags: GivenFlags,
  output: Output,
  dryRun: boolean,
): Promise<number> {
  const { config } = await readConfig(flags, process.env);
  const done = await (dryRun ? composition.previewNow(config, commandLog) : composition.collectNow(config, commandLog));
  if (done.off !== undefined) {
    const cure = done.off.startsWith("the registry is read-only")
      ? "It goes on when that ends: berth maintenance read-only off"
      : "If database and blob store belong together as they are now, run: berth restore acknowledge";
    process.stderr.write(`berth: collection is off: ${done.off}. ${cure}\n`);
  }
  const kinds = ["manifest", "link", "blob"] as const;
  await printResult(output, {
    value: { dryRun, ...done, off: done.off ?? null },
    heading: ["WHAT", dryRun ? "WOULD GO" : "REMOVED", "SEEN UNUSED FIRST"],
    rows: [
      ...kinds.map((kind) => [`${kind}s`, String(done.removed[kind]), String(done.condemned[kind])]),
      ["deleted repositories", String(done.repositories), ""],
      ["uploads", String(done.uploads), ""],
      ["deletes and moves past undo", String(done.undo), ""],
      ["objects", String(done.objects), ""],
      ["orphaned objects given up", String(done.orphans), ""],
    ],
  });
  return done.off === undefined ? exitCodes.done : exitCodes.found;
}

/** `berth restore acknowledge` */
export async function acknowledge(composition: Composition, flags: GivenFlags, output: Output): Promise<number> {
  const { config } = await readConfig(flags, process.env);
  await composition.acknowledgeNow(config, commandLog);
  const text = "database and blob store are taken to belong together; collection goes on";
  await printResult(output, { value: { acknowledged: true }, rows: [[text]] });
  return exitCodes.done;
}
