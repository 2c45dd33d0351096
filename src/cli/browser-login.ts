import { createHash, randomBytes } from "node:crypto";
import { awaitBrowser } from "./await-browser.ts";
import { CommandError, usageError } from "./command-error.ts";
import { exitCodes } from "./exit-codes.ts";
import { machineName } from "./make-token.ts";
import type { MadeToken } from "./make-token.ts";
import { openBrowser } from "./open-browser.ts";
import { sendRequest } from "./send-request.ts";
import type { Received, Target } from "./send-request.ts";

/** How a login by a provider goes. */
export interface ProviderLogin {
  /** The only one that the server has when undefined. */
  readonly provider: string | undefined;
  /** Life of the token, in seconds; the longest that the server allows when undefined. */
  readonly seconds: number | undefined;
}

/** As long as the server takes a login back, in milliseconds. */
const limit = 10 * 60_000;

/**
 * Logs in by a browser that comes back to a port of this machine (RFC 8252, RFC 7636).
 * @param open tries to open a browser too
 * @throws CommandError when the server or the provider refuses, or nobody comes back in time
 */
export async function logInByBrowser(
  env: NodeJS.ProcessEnv,
  target: Target,
  { provider, seconds, open }: ProviderLogin & { readonly open: boolean },
): Promise<MadeToken> {
  const name = provider ?? (await findOnlyProvider(target));
  const verifier = randomBytes(32).toString("base64url");
  const waiting = await awaitBrowser(limit);
  try {
    const query = new URLSearchParams({
      redirect_uri: waiting.redirectUri,
      code_challenge: createHash("sha256").update(verifier).digest("base64url"),
      state: waiting.state,
    });
    const path = `/api/v1/sso/${encodeURIComponent(name)}/start?${query.toString()}`;
    // The browser begins anew with a cookie of its own; this says early what would fail there.
    const begun = await sendRequest(target, { method: "GET", path, headers: {} });
    if (begun.status !== 302) throw refusedLogin(target, begun);
    const place = target.url + path;
    process.stderr.write(
      `berth: log in with ${name} in a browser on this machine (elsewhere, use --device):\n${place}\n`,
    );
    if (open) openBrowser(env, place);
    const code = await waiting.code();
    const body = JSON.stringify({
      code,
      verifier,
      name: machineName(),
      ...(seconds === undefined ? {} : { expiresIn: seconds }),
    });
    const headers = { "content-type": "application/json" };
    const answer = await sendRequest(target, { method: "POST", path: "/api/v1/sso/token", headers, body });
    if (answer.status !== 200) throw refusedLogin(target, answer);
    const made = JSON.parse(answer.text) as { user: string; token: string; id: number; expiresAt: string };
    return { user: made.user, token: made.token, tokenId: made.id, expires: made.expiresAt };
  } finally {
    waiting.close();
  }
}

/** The provider to use where none was named. @throws CommandError with those that are there */
async function findOnlyProvider(target: Target): Promise<string> {
  const answer = await sendRequest(target, { method: "GET", path: "/api/v1/sso/providers", headers: {} });
  if (answer.status !== 200) throw refusedLogin(target, answer);
  const names = (JSON.parse(answer.text) as { providers: { name: string }[] }).providers.map(({ name }) => name);
  if (names.length === 1) return names[0]!;
  const { host } = new URL(target.url);
  if (names.length === 0) throw new CommandError(`${host} has no provider to log in with: log in by password`);
  throw usageError(
    `${host} has several providers to log in with: give one, as in \`--sso ${names[0]}\`, of ${names.join(", ")}`,
  );
}

/** What the server says against a login, as a sentence. */
export function refusedLogin({ url }: Target, { status, text }: Received): CommandError {
  const { host } = new URL(url);
  const exitCode = status === 429 || status >= 502 ? exitCodes.unavailable : exitCodes.failed;
  try {
    const { message } = (JSON.parse(text) as { errors: { message: string }[] }).errors[0]!;
    return new CommandError(message.replaceAll(/\p{C}/gu, "?"), { exitCode });
  } catch {
    return new CommandError(`${host} answers with status ${status} and does not say why: is it a Berth?`, { exitCode });
  }
}
