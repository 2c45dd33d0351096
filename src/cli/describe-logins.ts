import type { Command } from "commander";
import type { ProviderFlags } from "./credential-provider.ts";

/** Commands with which people, programs and clusters get credentials. */
export function describeLogins(program: Command, finish: (code: number) => void): void {
  program
    .command("credential-provider")
    .description("the kubelet's plug-in: a pod's or node's identity becomes a short token (reads and writes JSON)")
    .requiredOption("--server <host>", "the registry; an identity is shown to no other")
    .option("--token-file <path>", "the node's identity token, where the kubelet sends none of a service account")
    .option("--ca-file <path>", "certificates to trust beside the system's, in PEM")
    .option("--insecure-http", "speak without TLS beyond this machine")
    .action(async (flags: ProviderFlags) => {
      const { provideCredentials } = await import("./credential-provider.ts");
      finish(await provideCredentials(flags));
    });
}
