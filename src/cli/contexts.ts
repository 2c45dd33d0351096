import { stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { CommandError, usageError } from "./command-error.ts";
import { editFile, readText } from "./edit-file.ts";

/*
 * contexts.json, in `berth` of the user's configuration directory, for the owner alone:
 *
 *   { "current": "registry.example.com",
 *     "contexts": [ { "name", "server", "user", "token", "expires"?, "tokenId"?, "caFile"?, "certFile"?, "keyFile"?, "insecureHttp"?, "short"?, "by"? } ] }
 *
 *   current   name of the context that is used when none is named
 *   short     a short-lived token that was made from this one, for docker and its like
 */

const shortSchema = z.strictObject({
  token: z.string(),
  /** Of the token's row, to remove it when the next is made. */
  tokenId: z.int(),
  /** ISO 8601. */
  expires: z.string(),
});

const contextSchema = z.strictObject({
  name: z.string().min(1),
  /** `https://registry.example.com` */
  server: z.string().min(1),
  /** User name that goes with the token. */
  user: z.string().min(1),
  /** A personal token, or a robot's secret. */
  token: z.string().min(1),
  /** Of the token's row, when it was made by `berth login`: logging out revokes it. */
  tokenId: z.int().optional(),
  /** When the token ends, ISO 8601, as far as it is known. */
  expires: z.string().optional(),
  /** Certificates that are trusted beside the system's, in PEM. */
  caFile: z.string().optional(),
  /** A client's certificate and its key, in PEM, for a server that asks for one. */
  certFile: z.string().optional(),
  keyFile: z.string().optional(),
  /** The user has agreed to speak to this server without TLS. */
  insecureHttp: z.literal(true).optional(),
  short: shortSchema.optional(),
  /** It was made by `docker login`, for docker and its like alone. */
  by: z.literal("docker").optional(),
});

const fileSchema = z.strictObject({ current: z.string().optional(), contexts: z.array(contextSchema) });

/** A server, and as whom it is spoken to. */
export type Context = z.infer<typeof contextSchema>;

/** All that the file holds. */
export type Contexts = z.infer<typeof fileSchema>;

/** Path of the file. */
export function contextsPath(env: NodeJS.ProcessEnv): string {
  const named = env["XDG_CONFIG_HOME"];
  return join(
    named === undefined || named === "" ? join(env["HOME"] ?? homedir(), ".config") : named,
    "berth",
    "contexts.json",
  );
}

/** @throws CommandError when the file cannot be read, is open to others, or is not what Berth wrote */
export async function readContexts(env: NodeJS.ProcessEnv): Promise<Contexts> {
  const path = contextsPath(env);
  await refuseOpenFile(path);
  try {
    return parseContexts(path, await readText(path));
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code}): make it yours`, {
      cause: error,
    });
  }
}

/** Changes the contexts; changes at the same time follow one another. @throws CommandError as reading does */
export async function changeContexts(env: NodeJS.ProcessEnv, change: (contexts: Contexts) => Contexts): Promise<void> {
  const path = contextsPath(env);
  await refuseOpenFile(path);
  await editFile(path, (text) => `${JSON.stringify(change(parseContexts(path, text)), null, 2)}\n`);
}

/** Keeps a context, in the place of one of the same name, and makes it the current one, unless docker did it. */
export function withContext({ current, contexts }: Contexts, context: Context): Contexts {
  const next = context.by === "docker" ? (current ?? context.name) : context.name;
  return { current: next, contexts: [...contexts.filter(({ name }) => name !== context.name), context] };
}

/** Forgets a context; the current one is then the only one left, or none. */
export function withoutContext({ current, contexts }: Contexts, name: string): Contexts {
  const left = contexts.filter((context) => context.name !== name);
  const next = current !== name ? current : left.length === 1 ? left[0]!.name : undefined;
  return { ...(next === undefined ? {} : { current: next }), contexts: left };
}

/**
 * The context that is named, else the current one.
 * @throws CommandError when there is none, with what there is
 */
export function getContext({ current, contexts }: Contexts, name: string | undefined): Context {
  const wanted = name ?? current;
  const found = contexts.find((context) => context.name === wanted);
  if (found !== undefined) return found;
  if (contexts.length === 0) throw usageError("you are not logged in: run `berth login <server>`");
  const names = contexts.map((context) => context.name).join(", ");
  if (wanted === undefined) throw usageError(`no context is the current one: give --context, one of ${names}`);
  throw usageError(`there is no context ${wanted}: give one of ${names}, or log in to another server`);
}

async function refuseOpenFile(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || process.getuid === undefined) return;
  if (found.uid !== process.getuid()) {
    throw new CommandError(`${path} holds tokens and belongs to another user: remove it, or make it yours`);
  }
  if ((found.mode & 0o077) !== 0) {
    const mode = (found.mode & 0o777).toString(8);
    throw new CommandError(
      `${path} holds tokens and others can read or write it (mode ${mode}): others may know them, so revoke them, then run \`chmod 600 ${path}\``,
    );
  }
}

function parseContexts(path: string, text: string | undefined): Contexts {
  if (text === undefined) return { contexts: [] };
  try {
    return fileSchema.parse(JSON.parse(text));
  } catch {
    throw new CommandError(
      `${path} is not as Berth wrote it: put it right, or remove it and log in again with \`berth login\``,
    );
  }
}
