import { usageError } from "./command-error.ts";
import type { Server } from "./ask-server.ts";
import { getContext, readContexts } from "./contexts.ts";
import type { Context, Contexts } from "./contexts.ts";
import { readCertificates, readClient } from "./send-request.ts";
import { refuseClearText } from "./server-address.ts";

/** Which server a command speaks to. */
export interface ServerFlags {
  /** Name of a context. */
  readonly context?: string;
  /** A server to which the user has logged in. */
  readonly server?: string;
}

/** The context that the flags name, and its server with its credential. @throws CommandError when there is none */
export async function openContext(
  env: NodeJS.ProcessEnv,
  flags: ServerFlags,
): Promise<{ readonly context: Context; readonly server: Server }> {
  const contexts = await readContexts(env);
  const context = getContext(contexts, contextNamed(contexts, flags));
  return { context, server: await serverOf(context) };
}

/** The server of a context, with its credential. @throws CommandError when it would be shown in clear text */
export async function serverOf(context: Context): Promise<Server> {
  const { server, user, token, caFile, insecureHttp } = context;
  refuseClearText(server, insecureHttp === true);
  const ca = caFile === undefined ? undefined : await readCertificates(caFile);
  return { url: server, ca, client: await readClient(context), user, secret: token };
}

/** Contexts of a server, the best first: made by `docker login` or not, as is preferred, the current one, the latest. */
export function contextsOf({ contexts, current }: Contexts, host: string, by: Context["by"]): Context[] {
  const found = contexts.filter(({ server }) => new URL(server).host === host).toReversed();
  const rank = (context: Context) => Number(context.by === by) * 2 + Number(context.name === current);
  return found.toSorted((a, b) => rank(b) - rank(a));
}

/** Name of the context that the flags mean; undefined for the current one. @throws CommandError for a server without a login */
export function contextNamed(
  contexts: Contexts,
  { context, server }: Pick<ServerFlags, "context" | "server">,
): string | undefined {
  if (server === undefined || context !== undefined) return context;
  const host = server.replace(/^https?:\/\//, "").replace(/\/$/, "");
  const [found] = contextsOf(contexts, host, undefined);
  if (found !== undefined) return found.name;
  throw usageError(`you are not logged in to ${host}: run \`berth login ${server}\``);
}
