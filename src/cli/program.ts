import { showVersion } from "./version.ts";
import { Command, CommanderError, Option } from "commander";
import type { Composition } from "./composition.ts";
import { describeBackup } from "./describe-backup.ts";
import { describeAdopt } from "./describe-adopt.ts";
import { describeGc } from "./describe-gc.ts";
import { describeGenerate } from "./describe-generate.ts";
import { describeRecover } from "./describe-recover.ts";
import { describeLifecycle } from "./describe-lifecycle.ts";
import { describeUndo } from "./describe-undo.ts";
import { describeUsage } from "./describe-usage.ts";
import { describeTrail } from "./describe-trail.ts";
import { describeLogins } from "./describe-logins.ts";
import { exitCodes } from "./exit-codes.ts";
import { addSettingFlags, givenFlags, settingFlags, storeFlags, withOutput } from "./flags.ts";
import type { FlagName } from "./flags.ts";
import type { FsckFlags } from "./fsck.ts";
import { isNoun, nouns } from "./nouns.ts";
import type { Noun } from "./nouns.ts";
import { outputs } from "./print-result.ts";
import type { Output } from "./print-result.ts";

const allFlags = Object.keys(settingFlags) as FlagName[];

/** All commands. What one does is loaded when it is called; help loads nothing. */
export function describeProgram(composition: Composition, finish: (code: number) => void): Command {
  const program = new Command("berth")
    .description("A container registry with best practice switched on.")
    .version(composition.version, "-V, --version", "print the version")
    .helpCommand(false)
    .showHelpAfterError("(berth --help lists what there is)")
    .exitOverride();

  addSettingFlags(program.command("serve"), allFlags)
    .description("run the registry until SIGTERM or SIGINT")
    .addOption(
      new Option("--output <form>", "table: greeting and lines for people; json, yaml: an object a line")
        .choices(outputs)
        .default(undefined, "table on a terminal, json elsewhere"),
    )
    .action(async (options: { output?: Output }, command: Command) => {
      const { serve } = await import("./serve.ts");
      finish(await serve(composition, givenFlags(command), options.output));
    });

  withOutput(addSettingFlags(program.command("config"), allFlags))
    .description("print the settings in effect and where each comes from; secrets are masked")
    .option("--schema", "print the JSON Schema of the configuration file instead")
    .action(async (options: { output: Output; schema?: true }, command: Command) => {
      const { showConfig } = await import("./config.ts");
      finish(await showConfig(givenFlags(command), options.output, options.schema === true));
    });

  const db = program.command("db").description("look after the database");
  withOutput(addSettingFlags(db.command("migrate"), storeFlags))
    .description("bring the schema up to date; `serve` does it too when it starts")
    .action(async (options: { output: Output }, command: Command) => {
      const { migrateDatabase } = await import("./db-migrate.ts");
      finish(await migrateDatabase(composition, givenFlags(command), options.output));
    });

  withOutput(addSettingFlags(program.command("fsck"), storeFlags))
    .description("compare rows and bytes; ends with 0 only when nothing is wrong")
    .option("--verify", "read every byte and compare digests")
    .option("--rate <size>", "bytes read in a second at most, such as 50MiB")
    .option("--repair", "mark what is wrong, so that the next push heals it, and queue what nothing holds")
    .action(async (options: { output: Output } & FsckFlags, command: Command) => {
      const { check } = await import("./fsck.ts");
      finish(await check(composition, givenFlags(command), options.output, options));
    });

  describeGc(program, composition, finish);
  describeBackup(program, composition, finish);
  describeRecover(program, composition, finish);
  describeAdopt(program, composition, finish);
  describeTrail(program, composition, finish);
  describeLogins(program, finish);
  describeGenerate(program, finish);
  describeLifecycle(program, finish);
  describeUsage(program, finish);
  describeUndo(program, finish);
  for (const [noun, about] of Object.entries(nouns)) {
    // Some have commands that work on the stores of this machine.
    if (program.commands.some((command) => command.name() === noun)) continue;
    program.command(noun).description(about).helpCommand(false);
  }

  withOutput(program.command("version"))
    .description("print the version of Berth and of what it runs on")
    .action(async (options: { output: Output }) => {
      finish(await showVersion(composition.version, options.output));
    });
  return program;
}

/** Gives a noun of the program its verbs. */
export async function describeNoun(program: Command, noun: Noun, finish: (code: number) => void): Promise<void> {
  const { describeVerbs } = await import("./describe-verbs.ts");
  describeVerbs(
    program.commands.find((command) => command.name() === noun)!,
    noun,
    finish,
  );
}

/**
 * Runs a command line.
 * @param args without the program's name
 * @returns what the process is to end with
 */
export async function runCommand(args: readonly string[], composition: Composition): Promise<number> {
  let code: number = exitCodes.done;
  try {
    const finish = (ended: number) => (code = ended);
    const program = describeProgram(composition, finish);
    // The contract, from which verbs are made, takes longer to load than all other commands together.
    const noun = args.find((arg) => !arg.startsWith("-"));
    if (isNoun(noun)) await describeNoun(program, noun, finish);
    await program.parseAsync([...args], { from: "user" });
    return code;
  } catch (error) {
    // Commander has printed its own; help that was asked for ends with 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    const { explainFailure } = await import("./explain-failure.ts");
    const { lines, exitCode } = explainFailure(error);
    for (const line of lines) process.stderr.write(`berth: ${line}\n`);
    return exitCode;
  }
}
