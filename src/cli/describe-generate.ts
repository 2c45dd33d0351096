import type { Command } from "commander";
import type { EndpointFlags } from "./aws-endpoint.ts";
import { withOutput } from "./flags.ts";

/** `berth generate`: files with which other programs find a server. */
export function describeGenerate(program: Command, finish: (code: number) => void): void {
  const generate = program
    .command("generate")
    .description("write files with which other programs find a server")
    .helpCommand(false);

  withOutput(
    generate
      .command("aws-endpoint")
      .argument("[server]", "host, host:port or URL; the one of the current login when left out"),
  )
    .description("write the data path with which an AWS CLI or boto3 that ignores AWS_ENDPOINT_URL finds a server")
    .option("--directory <path>", "where it goes; what AWS_DATA_PATH is to name", "berth-aws")
    .option("--context <name>", "the server of this login")
    .option("--insecure-http", "plain HTTP beyond this machine")
    .action(async (server: string | undefined, flags: EndpointFlags) => {
      const { generateAwsEndpoint } = await import("./aws-endpoint.ts");
      finish(await generateAwsEndpoint(process.env, server, flags));
    });
}
