import { text as readAll } from "node:stream/consumers";
import { ownerOf, keep, tokenFor } from "./login.ts";
import { forget } from "./logout.ts";
import { CommandError, usageError } from "./command-error.ts";
import { readContexts } from "./contexts.ts";
import type { Context } from "./contexts.ts";
import { exitCodes } from "./exit-codes.ts";
import type { Server } from "./ask-server.ts";
import { contextsOf, serverOf } from "./open-context.ts";
import { findServer } from "./server-address.ts";
import { findShortSecret } from "./short-credential.ts";

/*
 * Docker's credential helper protocol, which podman, crane, helm, oras and skopeo speak too. `docker-credential-berth <action>`:
 *
 *   get    standard input: a server     standard output: { ServerURL, Username, Secret }
 *   store  standard input: { ServerURL, Username, Secret }
 *   erase  standard input: a server
 *   list                                standard output: { server: user name }
 *
 * What is wrong is said on standard output, with exit code 1. Clients know the sentence `notFound`, and go on without.
 */

const notFound = "credentials not found in native keychain";

/** `berth credential-helper <action>` */
export async function answerDocker(env: NodeJS.ProcessEnv, action: string): Promise<number> {
  try {
    const answer = await answerTo(env, action);
    if (answer !== undefined) process.stdout.write(`${JSON.stringify(answer)}\n`);
    return exitCodes.done;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    process.stdout.write(`${error.message}\n`);
    return exitCodes.failed;
  }
}

async function answerTo(env: NodeJS.ProcessEnv, action: string): Promise<object | undefined> {
  switch (action) {
    case "get": {
      const named = (await readAll(process.stdin)).trim();
      const context = await getFor(env, named);
      return { ServerURL: named, Username: context.user, Secret: await findShortSecret(env, context) };
    }
    case "store":
      return store(env, parseStored(await readAll(process.stdin)));
    case "erase": {
      const [found] = contextsOf(await readContexts(env), hostOf((await readAll(process.stdin)).trim()), "docker");
      // `docker logout` erases several spellings of one host: what `berth login` keeps is for `berth logout`.
      if (found?.by === "docker") await forget(env, found);
      return undefined;
    }
    case "list": {
      const { contexts } = await readContexts(env);
      return Object.fromEntries(contexts.map(({ server, user }) => [new URL(server).host, user]));
    }
    default:
      throw usageError(`${action} is nothing that a credential helper does: get, store, erase and list are`);
  }
}

async function getFor(env: NodeJS.ProcessEnv, named: string): Promise<Context> {
  const [found] = contextsOf(await readContexts(env), hostOf(named), "docker");
  if (found === undefined) throw new CommandError(notFound);
  return found;
}

/** Clients name a host, a URL, or either with a path. */
function hostOf(named: string): string {
  return named.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
}

interface Stored {
  readonly ServerURL: string;
  readonly Username: string;
  readonly Secret: string;
}

/**
 * What `docker login` knows, beside what `berth login` keeps and before it for docker and its like. Of a password only a
 * token that was made with it is kept.
 */
async function store(env: NodeJS.ProcessEnv, { ServerURL, Username, Secret }: Stored): Promise<undefined> {
  const host = hostOf(ServerURL);
  const [known] = contextsOf(await readContexts(env), host, "docker");
  const reached = known === undefined ? await findServer(host, undefined, false) : await serverOf(known);
  const server = { ...reached, user: Username, secret: Secret };
  const credential = await findCredential(server);
  const { caFile, certFile, keyFile, insecureHttp } = known ?? {};
  await keep(env, {
    name: `${host} (docker login)`,
    by: "docker",
    server: reached.url,
    ...credential,
    ...(caFile === undefined ? {} : { caFile }),
    ...(certFile === undefined || keyFile === undefined ? {} : { certFile, keyFile }),
    ...(insecureHttp === undefined ? {} : { insecureHttp }),
  });
  return undefined;
}

/** The user name that clients give with a refresh token: it is for the token endpoint alone, and opens nothing else. */
const refreshName = "<token>";

async function findCredential(
  server: Server & { readonly secret: string },
): Promise<Pick<Context, "user" | "token" | "tokenId" | "expires">> {
  const { user, secret } = server;
  if (user === refreshName) return { user, token: secret };
  return /^berth_(?:pat|rob)_/.test(secret) ? ownerOf(server) : tokenFor(server, undefined);
}

function parseStored(text: string): Stored {
  try {
    const { ServerURL, Username, Secret } = JSON.parse(text) as Partial<Stored>;
    if (ServerURL && Username && Secret) return { ServerURL, Username, Secret };
  } catch {
    // The same is wrong below.
  }
  throw usageError("to store takes a JSON object with ServerURL, Username and Secret");
}
