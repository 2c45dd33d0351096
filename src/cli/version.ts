import { exitCodes } from "./exit-codes.ts";
import { printResult } from "./print-result.ts";
import type { Output } from "./print-result.ts";

/** `berth version` */
export async function showVersion(berth: string, output: Output): Promise<number> {
  const value = { berth, node: process.versions.node, platform: `${process.platform}-${process.arch}` };
  await printResult(output, { value, rows: Object.entries(value) });
  return exitCodes.done;
}
