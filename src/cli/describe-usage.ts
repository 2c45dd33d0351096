import type { Command } from "commander";
import { withOutput, withServer } from "./flags.ts";
import type { ReportFlags } from "./report-usage.ts";

/** `berth usage report`; other verbs come from the contract. */
export function describeUsage(program: Command, finish: (code: number) => void): void {
  const usage = program.command("usage").description("say which digests run somewhere, and so stay").helpCommand(false);

  withOutput(withServer(usage.command("report")))
    .description("say which digests a cluster or host runs; what it said before is gone")
    .argument("<namespace>", "for the repositories below it, such as team/; / is the whole server")
    .option("--source <name>", "who reports; with --docker the name of the machine when left out")
    .option("--file <path>", "JSON of kubectl get pods or docker inspect, or a list of digests; - reads standard input")
    .option("--docker", "ask the docker command of this machine")
    .option("--any-host", "also images of other registries, by their digests alone")
    .option("--expires <duration>", "how long the report is good for; a day when left out")
    .action(async (namespace: string, options: ReportFlags) => {
      const { reportUsage } = await import("./report-usage.ts");
      finish(await reportUsage(process.env, namespace, options));
    });
}
