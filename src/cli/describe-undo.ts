import type { Command } from "commander";
import { withOutput, withServer } from "./flags.ts";
import { nouns } from "./nouns.ts";
import type { Output } from "./print-result.ts";

/** `berth undo run`; other verbs come from the contract. */
export function describeUndo(program: Command, finish: (code: number) => void): void {
  const undo = program.command("undo").description(nouns.undo).helpCommand(false);

  withOutput(withServer(undo.command("run")))
    .description("undo what a lifecycle run deleted, and say what is left; ends with 1 when something is")
    .argument("<run>", "its number")
    .action(async (run: string, options: { output: Output }) => {
      const { undoRun } = await import("./undo-run.ts");
      finish(await undoRun(process.env, run, options));
    });
}
