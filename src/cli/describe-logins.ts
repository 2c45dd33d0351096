import type { Command } from "commander";
import type { ProviderFlags } from "./credential-provider.ts";
import { withOutput, withServer } from "./flags.ts";
import type { LoginFlags } from "./login.ts";
import type { ServerFlags } from "./open-context.ts";
import type { Output } from "./print-result.ts";

/** Commands with which people, programs and clusters get credentials. */
export function describeLogins(program: Command, finish: (code: number) => void): void {
  withOutput(program.command("login").argument("[server]", "host, host:port or URL; the current one when left out"))
    .description("log in: makes a personal token named after this machine and keeps it, not the password")
    .option("--user <name>", "user name; asked for when left out")
    .option("--password-stdin", "read the password from standard input")
    .option("--password-file <path>", "read the password from a file")
    .option("--token-stdin", "read a token or robot's secret that exists from standard input, and make none")
    .option(
      "--sso [provider]",
      "log in with a provider in a browser on this machine; the server's only one when not named",
    )
    .option(
      "--device",
      "show a code to type in a browser on any machine; --sso names the provider where only one will do",
    )
    .option("--no-browser", "print the address for --sso, and open no browser")
    .option(
      "--expires <duration>",
      "life of the token, such as 12h or 30d; the longest that the server allows when left out",
    )
    .option("--context <name>", "name under which the login is kept; the host when left out")
    .option("--ca-file <path>", "certificates to trust beside the system's, in PEM")
    .option(
      "--cert-file <path>",
      "certificate of this client, in PEM, for a server that asks for one; the login where no other is given",
    )
    .option("--key-file <path>", "its key")
    .option("--insecure-http", "speak without TLS beyond this machine")
    .option("--no-docker", "leave the files of docker, podman and their like alone")
    .action(async (server: string | undefined, flags: LoginFlags) => {
      const { login } = await import("./login.ts");
      finish(await login(process.env, server, flags));
    });

  withOutput(program.command("logout").argument("[server]", "host; the current one when left out"))
    .description("revoke the token that was made at login, and forget the server")
    .option("--context <name>", "name under which the login is kept")
    .action(async (server: string | undefined, flags: { context?: string; output: Output }) => {
      const { logout } = await import("./logout.ts");
      finish(await logout(process.env, server, flags));
    });

  withOutput(withServer(program.command("whoami")))
    .description("say as whom the server knows you, by what, and until when")
    .action(async (flags: ServerFlags & { output: Output }) => {
      const { whoami } = await import("./whoami.ts");
      finish(await whoami(process.env, flags));
    });

  program
    .command("credential-helper")
    .argument("<action>", "get, store, erase or list")
    .description("what docker-credential-berth does: the credentials that docker, podman, crane and helm ask for")
    .action(async (action: string) => {
      const { answerDocker } = await import("./answer-docker.ts");
      finish(await answerDocker(process.env, action));
    });

  program
    .command("credential-provider")
    .description("the kubelet's plug-in: a pod's or node's identity is the login (reads and writes JSON)")
    .requiredOption("--server <host>", "the registry; an identity is shown to no other")
    .option("--token-file <path>", "the node's identity token, where the kubelet sends none of a service account")
    .option("--ca-file <path>", "certificates to trust beside the system's, in PEM")
    .option("--cert-file <path>", "certificate of this client, in PEM, for a server that asks for one")
    .option("--key-file <path>", "its key")
    .option("--insecure-http", "speak without TLS beyond this machine")
    .action(async (flags: ProviderFlags) => {
      const { provideCredentials } = await import("./credential-provider.ts");
      finish(await provideCredentials(flags));
    });
}
