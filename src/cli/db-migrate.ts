import { readConfig } from "../config.ts";
import type { Composition } from "./composition.ts";
import { exitCodes } from "./exit-codes.ts";
import type { GivenFlags } from "./flags.ts";
import { printResult } from "./print-result.ts";
import type { Output } from "./print-result.ts";

/** `berth db migrate` */
export async function migrateDatabase(composition: Composition, flags: GivenFlags, output: Output): Promise<number> {
  const { config } = await readConfig(flags, process.env);
  const applied = await composition.migrate(config);
  await printResult(output, {
    value: { applied },
    rows: applied.length === 0 ? [["the schema is up to date"]] : countSteps(applied),
  });
  return exitCodes.done;
}

/** `0001-core/1`, `0001-core/2` → `0001-core  2 steps applied` */
function countSteps(applied: readonly string[]): string[][] {
  const counts = new Map<string, number>();
  for (const step of applied) {
    const migration = step.slice(0, step.lastIndexOf("/"));
    counts.set(migration, (counts.get(migration) ?? 0) + 1);
  }
  return [...counts].map(([migration, count]) => [migration, `${count} ${count === 1 ? "step" : "steps"} applied`]);
}
