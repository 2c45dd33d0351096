import { Option } from "commander";
import type { Command } from "commander";
import type { Composition } from "./composition.ts";
import { addSettingFlags, givenFlags, storeFlags, withOutput } from "./flags.ts";
import type { Output } from "./print-result.ts";

/** `berth backup` and `berth restore`. */
export function describeBackup(program: Command, composition: Composition, finish: (code: number) => void): void {
  withOutput(addSettingFlags(program.command("backup <directory>"), storeFlags))
    .description("copy rows and objects as they are at one moment, beside a server that goes on")
    .addOption(
      new Option("--objects <how>", "copy those that are not in the directory yet, or only list them")
        .choices(["copy", "list"])
        .default("copy"),
    )
    .action(async (directory: string, options: { output: Output; objects: "copy" | "list" }, command: Command) => {
      const { backup } = await import("./backup.ts");
      finish(await backup(composition, givenFlags(command), options.output, directory, options.objects));
    });

  const restore = withOutput(addSettingFlags(program.command("restore [directory]"), storeFlags))
    .description("put a backup where there is no database; objects that are there are used")
    // Flags after `acknowledge` are its own.
    .enablePositionalOptions()
    .action(async (directory: string | undefined, options: { output: Output }, command: Command) => {
      const { restore: putBack } = await import("./backup.ts");
      finish(await putBack(composition, givenFlags(command), options.output, directory));
    });
  withOutput(addSettingFlags(restore.command("acknowledge"), storeFlags))
    .description("say that database and blob store belong together as they are, so that collection goes on")
    .action(async (options: { output: Output }, command: Command) => {
      const { acknowledge } = await import("./gc.ts");
      finish(await acknowledge(composition, givenFlags(command), options.output));
    });
}
