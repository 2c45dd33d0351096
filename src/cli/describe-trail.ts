import type { Command } from "commander";
import { addSettingFlags, givenFlags, withOutput, withServer } from "./flags.ts";
import type { FlagName } from "./flags.ts";
import type { Composition } from "./composition.ts";
import type { Output } from "./print-result.ts";
import type { ExportFlags, ShowFlags } from "./trail.ts";

const rowFlags: readonly FlagName[] = ["config", "data", "database"];

/** `berth trail`: who did or tried what. */
export function describeTrail(program: Command, composition: Composition, finish: (code: number) => void): void {
  const trail = program.command("trail").description("who did or tried what, and whether the record of it is whole");

  withOutput(withTrailServer(addSettingFlags(trail.command("show"), rowFlags)))
    .description("print audit rows, the latest first")
    .option("--principal <name>", "who, such as user:alice or robot:robot_ci")
    .option("--action <action>", "what, such as push, delete-tag or login")
    .option("--decision <decision>", "allowed or refused")
    .option("--repository <name>", "a repository, or a namespace with all below it")
    .option("--since <time>", "from then on: 2026-11-24T08:00:00Z, or 12h ago")
    .option("--until <time>", "before then")
    .option("--limit <number>", "rows at most (default 50)")
    .action(async (options: ShowFlags & { output: Output }, command: Command) => {
      const { showTrail } = await import("./trail.ts");
      finish(await showTrail(composition, givenFlags(command), options.output, options));
    });

  withOutput(addSettingFlags(trail.command("verify"), rowFlags))
    .description("compare every audit row with the chain of seals; ends with 0 only when it holds")
    .option("--noted <head>", "a head that was noted earlier, <number>:<hash>: the chain must still have it")
    .action(async (options: { output: Output; noted?: string }, command: Command) => {
      const { verifyTrail } = await import("./trail.ts");
      finish(await verifyTrail(composition, givenFlags(command), options.output, options.noted));
    });

  withTrailServer(addSettingFlags(trail.command("export"), rowFlags))
    .description("write sealed audit rows in their order, a JSON object a line")
    .option("--after <cursor>", "go on after a row, by its cursor")
    .option("--to <file>", "append to a file instead of standard output")
    .action(async (options: ExportFlags, command: Command) => {
      const { exportTrail } = await import("./trail.ts");
      finish(await exportTrail(composition, givenFlags(command), options));
    });
}

/** Rows are read on this machine unless a server is named. */
function withTrailServer(command: Command): Command {
  return withServer(command, "this machine's own rows").option(
    "--namespace <path>",
    "with a server: rows of this namespace's repositories",
  );
}
