import { resolve } from "node:path";
import { askLine, askSecret } from "./ask-secret.ts";
import { askServer, RefusedError } from "./ask-server.ts";
import type { Server } from "./ask-server.ts";
import { CommandError, usageError } from "./command-error.ts";
import { changeContexts, readContexts, withContext } from "./contexts.ts";
import type { Context } from "./contexts.ts";
import { isProgramInstalled, announceLogin } from "./docker-config.ts";
import { exitCodes } from "./exit-codes.ts";
import { secondsOf } from "./field-flags.ts";
import { machineName, makeToken } from "./make-token.ts";
import { serverOf } from "./open-context.ts";
import { printResult } from "./print-result.ts";
import type { Output } from "./print-result.ts";
import { readCertificates, readClient } from "./send-request.ts";
import type { Target } from "./send-request.ts";
import { findServer } from "./server-address.ts";

export interface LoginFlags {
  readonly user?: string;
  readonly passwordStdin?: true;
  readonly passwordFile?: string;
  /** A token that exists is read from standard input. */
  readonly tokenStdin?: true;
  /** A provider with which to log in by a browser; true for the only one. */
  readonly sso?: string | true;
  /** False prints the address only. */
  readonly browser: boolean;
  /** A code is typed in a browser elsewhere. */
  readonly device?: true;
  /** Name of the context; the server's host when left out. */
  readonly context?: string;
  /** Life of the token, such as `30d`. */
  readonly expires?: string;
  readonly caFile?: string;
  /** Of this client, for a server that asks for certificates; the login where no other is given. */
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly insecureHttp?: true;
  /** False leaves the files of docker and podman alone. */
  readonly docker: boolean;
  readonly output: Output;
}

/**
 * `berth login`: makes a personal token named after this machine, keeps it and not the password, and lets docker, podman and
 * their like use it.
 */
export async function login(env: NodeJS.ProcessEnv, named: string | undefined, flags: LoginFlags): Promise<number> {
  refuseBoth(flags);
  const contexts = await readContexts(env);
  const server = named ?? contexts.contexts.find(({ name }) => name === contexts.current)?.server;
  if (server === undefined)
    throw usageError("to which server? Give its host, as in `berth login registry.example.com`");
  const ca = flags.caFile === undefined ? undefined : await readCertificates(flags.caFile);
  const client = await readClient(flags);
  const reached = { ...(await findServer(server, ca, flags.insecureHttp === true)), client };
  const credential = await getCredential(env, reached, flags);
  const host = new URL(reached.url).host;
  const context: Context = {
    name: flags.context ?? host,
    server: reached.url,
    ...credential,
    ...(flags.caFile === undefined ? {} : { caFile: resolve(flags.caFile) }),
    ...(flags.certFile === undefined ? {} : { certFile: resolve(flags.certFile) }),
    ...(flags.keyFile === undefined ? {} : { keyFile: resolve(flags.keyFile) }),
    ...(flags.insecureHttp === true ? { insecureHttp: true } : {}),
  };
  await keep(env, context);
  const files = flags.docker ? await tellClients(env, host) : [];
  const { name, user, expires } = context;
  await printResult(flags.output, {
    value: { context: name, server: reached.url, user, expires: expires ?? null, files },
    rows: [
      [`logged in to ${host} as ${user}${expires === undefined ? "" : `, until ${expires}`}`],
      ...(files.length === 0 ? [] : [[`docker, podman, crane and helm use it: ${files.join(", ")}`]]),
    ],
  });
  return exitCodes.done;
}

type Credential = Pick<Context, "user" | "token" | "tokenId" | "expires">;

async function getCredential(env: NodeJS.ProcessEnv, target: Target, flags: LoginFlags): Promise<Credential> {
  if (flags.tokenStdin === true) return takeToken(target, flags);
  if (flags.sso === undefined && flags.device === undefined) {
    const { user, passwordStdin, passwordFile } = flags;
    const other = user ?? passwordStdin ?? passwordFile;
    return target.client !== undefined && other === undefined
      ? askByCertificate(target, flags)
      : askForToken(target, flags);
  }
  const provider = flags.sso === true ? undefined : flags.sso;
  const seconds = flags.expires === undefined ? undefined : secondsOf(flags.expires);
  if (flags.device === true) {
    const { logInByDevice } = await import("./device-login.ts");
    return logInByDevice(target, { provider, seconds });
  }
  const { logInByBrowser } = await import("./browser-login.ts");
  return logInByBrowser(env, target, { provider, seconds, open: flags.browser });
}

/** Keeps the context; the token that it had before is of no use any more. */
export async function keep(env: NodeJS.ProcessEnv, context: Context): Promise<void> {
  let former: Context | undefined;
  await changeContexts(env, (contexts) => {
    former = contexts.contexts.find(({ name }) => name === context.name);
    return withContext(contexts, context);
  });
  if (former !== undefined && former.token !== context.token) await revoke(former).catch(() => undefined);
}

/** Revokes what was made by `berth login`: the token, and the short one made from it. @throws CommandError */
export async function revoke(context: Context): Promise<void> {
  const { user, tokenId, short } = context;
  const server = await serverOf(context);
  const ids = [short?.tokenId, tokenId].filter((id) => id !== undefined);
  for (const id of ids) {
    // Robots that people made and go on using are not what logging out is about.
    const question = { parameters: { user, token: id }, query: { keepMade: true } };
    await askServer(server, "revokeToken", question).catch((error: unknown) => {
      // Gone, or no good any more: that is what was wanted.
      if (!(error instanceof RefusedError) || ![401, 404].includes(error.status)) throw error;
    });
  }
}

/** A user's own token, made with a password. */
async function askForToken(target: Target, flags: LoginFlags): Promise<Credential> {
  const user = flags.user ?? (await askLine("User name", "--user"));
  const source = { stdin: flags.passwordStdin === true, file: flags.passwordFile };
  const secret = await askSecret("Password", source, "--password-stdin or --password-file");
  return tokenFor({ ...target, user, secret }, flags.expires);
}

/** A token of the user for whom the certificate stands. */
async function askByCertificate(target: Target, { expires }: LoginFlags): Promise<Credential> {
  const { kind, name } = await askServer({ ...target, user: "", secret: undefined }, "whoAmI");
  const user = /^user:(.+)$/.exec(name)?.[1];
  if (user !== undefined) return tokenFor({ ...target, user, secret: undefined }, expires);
  throw new CommandError(
    kind === "robot"
      ? `the certificate stands for ${name}, and robots make no tokens: log in with its secret by --token-stdin`
      : `${target.url} knows nobody by the certificate: log in by password, or with --sso or --device`,
  );
}

/** A new token of the user that shows this credential. @param expires such as `30d` */
export async function tokenFor(server: Server, expires: string | undefined): Promise<Credential> {
  const { kind } = await askServer(server, "whoAmI");
  // In open mode everybody is the operator, and there are no accounts.
  if (kind === "operator") return { user: server.user, token: "open" };
  return makeToken(server, machineName(), expires === undefined ? undefined : secondsOf(expires));
}

/** A token or robot's secret that exists, as it is. */
async function takeToken(target: Target, flags: LoginFlags): Promise<Credential> {
  const token = await askSecret("Token", { stdin: true, file: undefined }, "--token-stdin");
  return ownerOf({ ...target, user: flags.user ?? "token", secret: token });
}

/** Whose the token is. */
export async function ownerOf(server: Server & { readonly secret: string }): Promise<Credential> {
  const me = await askServer(server, "whoAmI");
  const name = /^(?:user|robot):(.+)$/.exec(me.name)?.[1];
  if (me.kind === "anonymous")
    throw new CommandError(`${server.url} does not know this token: it is wrong, expired or revoked`);
  return { user: name ?? server.user, token: server.secret };
}

/** @returns paths of the files that name the helper now */
async function tellClients(env: NodeJS.ProcessEnv, host: string): Promise<readonly string[]> {
  if (isProgramInstalled(env)) return announceLogin(env, host);
  process.stderr.write(
    "berth: docker-credential-berth is not on PATH, so docker, podman, crane and helm do not know of this login: install the package (`npm install --global`, or `npm link` in a clone) and log in again\n",
  );
  return [];
}

function refuseBoth(flags: LoginFlags): void {
  const { user, passwordStdin, passwordFile, tokenStdin, device, browser, expires } = flags;
  // A device login may name the provider by --sso.
  const sso = flags.sso ?? device;
  if ([passwordStdin, passwordFile, tokenStdin, sso].filter((given) => given !== undefined).length > 1) {
    throw usageError("give one of --password-stdin, --password-file, --token-stdin and --sso or --device");
  }
  if (tokenStdin === true && expires !== undefined) {
    throw usageError("--expires is for a token that is made: this one has its end already");
  }
  if (!browser && (sso === undefined || device === true)) {
    throw usageError("--no-browser is for --sso without --device: no other login opens one");
  }
  if (sso === undefined) return;
  if (user !== undefined)
    throw usageError("--user is for a password: with --sso or --device the provider says who you are");
  if (sso !== true && !/^[a-z0-9-]{1,32}$/.test(sso)) {
    throw usageError(
      `--sso takes the name of a provider, which ${JSON.stringify(sso)} is not: give the server before it`,
    );
  }
}
