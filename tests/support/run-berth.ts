import { runProgram } from "./run.ts";
import type { Ended } from "./run.ts";
import { mainFile } from "./main-file.ts";

/** Runs a command of Berth to its end, without a terminal. @param env over this process's @param input its standard input */
export function runBerth(args: readonly string[], env: Readonly<Record<string, string>>, input = ""): Promise<Ended> {
  return runProgram(process.execPath, [mainFile, ...args], env, input);
}
