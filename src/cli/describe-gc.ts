import type { Command } from "commander";
import type { Composition } from "./composition.ts";
import { addSettingFlags, givenFlags, storeFlags, withOutput, withServer } from "./flags.ts";
import type { PassFlags, PauseFlags, RunFlags, StatusFlags } from "./gc.ts";
import type { Output } from "./print-result.ts";

/** `berth gc`: removal of what nothing refers to. */
export function describeGc(program: Command, composition: Composition, finish: (code: number) => void): void {
  // Flags after a word below are that word's own.
  const gc = program.command("gc").helpCommand(false).enablePositionalOptions();

  withOutput(addSettingFlags(gc, storeFlags))
    .description("one pass of garbage collection now, on this machine's stores; `serve` does it all the time")
    .option("--dry-run", "say what would go, change nothing")
    .option("--why", "with --dry-run: say of each manifest, blob and object why it is there still, one a line")
    .action(async (options: PassFlags, command: Command) => {
      const { collect } = await import("./gc.ts");
      finish(await collect(composition, givenFlags(command), options));
    });

  withOutput(withServer(addSettingFlags(gc.command("status"), storeFlags)))
    .description(
      "say how collection is, and what is live, pending and reclaimable; with a flag for this machine's stores: of those, counted now",
    )
    .action(async (options: StatusFlags, command: Command) => {
      const { showStatus } = await import("./gc.ts");
      finish(await showStatus(composition, givenFlags(command), options));
    });

  withOutput(withServer(gc.command("run")))
    .description("let a server make a pass now, and count what its store holds")
    .option("--count", "only count")
    .option("--wait", "until it has ended, saying how far it is; ends with 4 when collection is off")
    .action(async (options: RunFlags) => {
      const { runCollection } = await import("./gc.ts");
      finish(await runCollection(process.env, options));
    });

  withOutput(withServer(gc.command("pause")))
    .description("let no node of a server collect; what is deleted meanwhile is queued")
    .option("--for <duration>", "it ends by itself after so long, such as 2h; 24h when left out, 30d at most")
    .option("--reason <text>", "for others to read")
    .action(async (options: PauseFlags) => {
      const { pauseCollection } = await import("./gc.ts");
      finish(await pauseCollection(process.env, options));
    });

  withOutput(withServer(gc.command("resume")))
    .description("let collection go on")
    .action(async (options: StatusFlags & { output: Output }) => {
      const { resumeCollection } = await import("./gc.ts");
      finish(await resumeCollection(process.env, options));
    });
}
