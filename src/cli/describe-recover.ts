import type { Command } from "commander";
import type { Composition } from "./composition.ts";
import { addSettingFlags, givenFlags, withOutput } from "./flags.ts";
import type { Output } from "./print-result.ts";

/** `berth recover`: what is done on the machine when no login does it. */
export function describeRecover(program: Command, composition: Composition, finish: (code: number) => void): void {
  const recover = program.command("recover").description("get back in, from the machine itself");
  withOutput(addSettingFlags(recover.command("owner [user]"), ["config", "data", "database"]))
    .description("give a user (admin) a new password and the whole registry; prints the password once")
    .option("--end-credentials", "revoke the user's tokens, and what was made with them")
    .option("--password-to <file>", "write the password to a new file for its owner only, instead of printing it")
    .action(
      async (
        user: string | undefined,
        options: { output: Output; endCredentials?: true; passwordTo?: string },
        command: Command,
      ) => {
        const { recoverOwner } = await import("./recover.ts");
        finish(await recoverOwner(composition, givenFlags(command), options.output, user, options));
      },
    );
}
