import { CommandError } from "./command-error.ts";
import { changeContexts, getContext, readContexts, withoutContext } from "./contexts.ts";
import type { Context } from "./contexts.ts";
import { withdrawLogin } from "./docker-config.ts";
import { exitCodes } from "./exit-codes.ts";
import { revoke } from "./login.ts";
import { contextNamed } from "./open-context.ts";
import { printResult } from "./print-result.ts";
import type { Output } from "./print-result.ts";

/** `berth logout`: revokes the token that was made at login, and forgets the server. */
export async function logout(
  env: NodeJS.ProcessEnv,
  server: string | undefined,
  flags: { readonly context?: string; readonly output: Output },
): Promise<number> {
  const contexts = await readContexts(env);
  const context = getContext(
    contexts,
    contextNamed(contexts, { ...flags, ...(server === undefined ? {} : { server }) }),
  );
  const failure = await forget(env, context);
  const { contexts: left } = await readContexts(env);
  if (!left.some((one) => one.server === context.server)) await withdrawLogin(env, new URL(context.server).host);
  const revoked = context.tokenId !== undefined && failure === undefined;
  await printResult(flags.output, {
    value: { context: context.name, server: context.server, revoked },
    rows: [[`logged out of ${context.name}${revoked ? ", and its token is revoked" : ""}`]],
  });
  if (failure === undefined) return exitCodes.done;
  const until = context.expires === undefined ? "" : ` until ${context.expires}`;
  throw new CommandError(`its token could not be revoked and is good${until}: ${failure.message}`, failure);
}

/** Forgets a context and revokes what was made for it. Resolves with what stood in the way of the latter. */
export async function forget(env: NodeJS.ProcessEnv, context: Context): Promise<CommandError | undefined> {
  await changeContexts(env, (contexts) => withoutContext(contexts, context.name));
  try {
    await revoke(context);
    return undefined;
  } catch (error) {
    if (error instanceof CommandError) return error;
    throw error;
  }
}
