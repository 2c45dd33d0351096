import { readFileSync } from "node:fs";
import { exitCodes } from "./exit-codes.ts";
import { printResult } from "./print-result.ts";
import type { Output } from "./print-result.ts";

/** The version of this package. */
export function readVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

/** `berth version` */
export async function showVersion(output: Output): Promise<number> {
  const value = { berth: readVersion(), node: process.versions.node, platform: `${process.platform}-${process.arch}` };
  await printResult(output, { value, rows: Object.entries(value) });
  return exitCodes.done;
}
