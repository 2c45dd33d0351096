import type { Command } from "commander";
import type { Composition } from "./composition.ts";
import { addSettingFlags, givenFlags, storeFlags, withOutput } from "./flags.ts";
import type { Output } from "./print-result.ts";

/** `berth adopt`: images of other registries, from their own storage. */
export function describeAdopt(program: Command, composition: Composition, finish: (code: number) => void): void {
  const adopt = program.command("adopt").description("take over what another registry has stored");
  withOutput(addSettingFlags(adopt.command("distribution <place>"), storeFlags))
    .description("all images and tags of a CNCF Distribution (docker-registry), from its directory or s3:// bucket")
    .option("--dry-run", "say what would be taken and what could not, change nothing")
    .option("--link", "give its files a second name in the store instead of copying them; same file system")
    .action(async (place: string, options: { output: Output; dryRun?: true; link?: true }, command: Command) => {
      const { adoptDistribution } = await import("./adopt.ts");
      finish(await adoptDistribution(composition, givenFlags(command), options.output, place, options));
    });
}
