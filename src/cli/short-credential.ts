import { RefusedError } from "./ask-server.ts";
import { changeContexts } from "./contexts.ts";
import type { Context } from "./contexts.ts";
import { machineName, makeToken } from "./make-token.ts";
import { serverOf } from "./open-context.ts";

/** Life of a token for docker and its like, in seconds: a push that began with it may take hours. */
const lifetime = 12 * 3600;
/** With less time left than this, in milliseconds, another is made. */
const renewBelow = 6 * 3_600_000;

/**
 * A secret for clients that ask by the helper: a short-lived token made from the context's, kept until half of its time is
 * over. A robot's secret and a token that may make none are given as they are.
 * @throws CommandError when the server cannot be reached or does not take the context's token any more
 */
export async function findShortSecret(env: NodeJS.ProcessEnv, context: Context): Promise<string> {
  // Only what `berth login` made is known to be the user's own whole token.
  if (context.tokenId === undefined) return context.token;
  if (isFresh(context)) return context.short.token;
  const made = await makeShort(context);
  if (made === undefined) return context.token;
  let kept = made;
  await changeContexts(env, (contexts) => {
    const now = contexts.contexts.find(({ name, token }) => name === context.name && token === context.token);
    // Another client may have asked at the same time: one token is enough.
    if (now !== undefined && isFresh(now)) kept = now.short;
    const others = contexts.contexts.map((one) => (one === now ? { ...one, short: kept } : one));
    return { ...contexts, contexts: others };
  });
  return kept.token;
}

type Short = NonNullable<Context["short"]>;

function isFresh(context: Context): context is Context & { readonly short: Short } {
  return context.short !== undefined && Date.parse(context.short.expires) - Date.now() > renewBelow;
}

async function makeShort(context: Context): Promise<Short | undefined> {
  const server = await serverOf(context);
  const left = context.expires === undefined ? Infinity : (Date.parse(context.expires) - Date.now()) / 1000;
  // At the end of its own life the token itself is the shorter one.
  if (left * 1000 < renewBelow) return undefined;
  try {
    const seconds = Math.floor(Math.min(lifetime, left));
    const { token, tokenId, expires } = await makeToken(server, `docker on ${machineName()}`, seconds);
    return { token, tokenId, expires };
  } catch (error) {
    if (error instanceof RefusedError && error.status === 403) return undefined;
    throw error;
  }
}
