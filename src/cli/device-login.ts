import { setTimeout } from "node:timers/promises";
import { refusedLogin } from "./browser-login.ts";
import type { ProviderLogin } from "./browser-login.ts";
import { CommandError } from "./command-error.ts";
import { exitCodes } from "./exit-codes.ts";
import { machineName } from "./make-token.ts";
import type { MadeToken } from "./make-token.ts";
import { sendRequest } from "./send-request.ts";
import type { Received, Target } from "./send-request.ts";

const grant = "urn:ietf:params:oauth:grant-type:device_code";
/** What `slow_down` adds (RFC 8628, 3.5), in milliseconds. */
const slower = 5_000;

/**
 * Shows a code that somebody types in a browser on any machine, and waits until they have logged in there (RFC 8628).
 * @throws CommandError when the server or its user refuses, or the time is over
 */
export async function logInByDevice(target: Target, { provider, seconds }: ProviderLogin): Promise<MadeToken> {
  const begun = await post(target, "/api/v1/sso/device", {
    client_id: machineName(),
    ...(provider === undefined ? {} : { provider }),
    ...(seconds === undefined ? {} : { expires_in: String(seconds) }),
  });
  if (begun.status !== 200) throw refusedLogin(target, begun);
  const { device_code, user_code, verification_uri, expires_in, interval } = JSON.parse(begun.text) as DeviceCodes;
  const shown = [verification_uri, user_code].map((text) => text.replaceAll(/\p{C}/gu, "?"));
  process.stderr.write(`berth: open ${shown[0]} in a browser on any machine, and type ${shown[1]}\n`);
  const end = performance.now() + expires_in * 1000;
  let wait = (interval ?? 5) * 1000;
  while (performance.now() + wait < end) {
    await setTimeout(wait);
    const answer = await look(target, { grant_type: grant, device_code });
    if (answer?.status === 200) {
      const { access_token: token, user, id, expiresAt } = JSON.parse(answer.text) as MadeLogin;
      return { user, token, tokenId: id, expires: expiresAt };
    }
    const refusal = answer === undefined ? { error: "authorization_pending" } : refusalIn(target, answer);
    if (refusal.error === "slow_down") wait += slower;
    else if (refusal.error !== "authorization_pending") {
      const why = refusal.error_description ?? refusal.error;
      throw new CommandError(`the login was refused: ${why.slice(0, 500).replaceAll(/\p{C}/gu, "?")}`);
    }
  }
  throw new CommandError("nobody has typed the code in time: run `berth login` again", {
    exitCode: exitCodes.unavailable,
  });
}

interface DeviceCodes {
  readonly device_code: string;
  readonly user_code: string;
  readonly verification_uri: string;
  /** Seconds, and so below. */
  readonly expires_in: number;
  readonly interval?: number;
}

interface MadeLogin {
  readonly access_token: string;
  readonly user: string;
  readonly id: number;
  readonly expiresAt: string;
}

/** Undefined while the server cannot be reached, which may pass. */
async function look(target: Target, form: Readonly<Record<string, string>>): Promise<Received | undefined> {
  try {
    const answer = await post(target, "/api/v1/sso/device/token", form);
    return answer.status >= 500 || answer.status === 429 ? undefined : answer;
  } catch (error) {
    if (error instanceof CommandError && error.exitCode === exitCodes.unavailable) return undefined;
    throw error;
  }
}

function refusalIn(target: Target, answer: Received): { readonly error: string; readonly error_description?: string } {
  try {
    const { error, error_description } = JSON.parse(answer.text) as Record<string, unknown>;
    if (typeof error === "string" && (error_description === undefined || typeof error_description === "string")) {
      return { error, ...(error_description === undefined ? {} : { error_description }) };
    }
  } catch {
    // Said below.
  }
  throw refusedLogin(target, answer);
}

function post(target: Target, path: string, form: Readonly<Record<string, string>>): Promise<Received> {
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  return sendRequest(target, { method: "POST", path, headers, body: new URLSearchParams(form).toString() });
}
