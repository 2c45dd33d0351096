import { CommandError } from "./command-error.ts";
import { exitCodes } from "./exit-codes.ts";
import { sendRequest } from "./send-request.ts";
import type { Target } from "./send-request.ts";

/** A token of the registry that stands for an identity shown elsewhere. */
export interface ShortToken {
  readonly token: string;
  /** Seconds that it is good for from now. */
  readonly lifetime: number;
}

/**
 * Exchanges an identity token for a short token of the registry (RFC 8693 section 2), as far as a trust rule there allows.
 * @param identity a JWT of an issuer that the server trusts
 * @throws CommandError when the server refuses, with its reason
 */
export async function exchangeToken(target: Target, identity: string): Promise<ShortToken> {
  const form = new URLSearchParams({
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    subject_token: identity,
    subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
    requested_token_type: "urn:ietf:params:oauth:token-type:access_token",
  });
  const headers = { "content-type": "application/x-www-form-urlencoded", accept: "application/json" };
  const answer = await sendRequest(target, { method: "POST", path: "/token", headers, body: form.toString() });
  const found = parseObject(answer.text);
  const token = found["access_token"] ?? found["token"];
  if (answer.status === 200 && typeof token === "string") {
    const lifetime = Number(found["expires_in"] ?? 60);
    return { token, lifetime: Number.isFinite(lifetime) ? lifetime : 60 };
  }
  const why = found["error_description"] ?? found["error"] ?? messageOf(found) ?? `status ${answer.status}`;
  const exitCode = answer.status === 429 || answer.status >= 500 ? exitCodes.unavailable : exitCodes.failed;
  throw new CommandError(
    `${target.url} does not exchange the identity token: ${typeof why === "string" ? why : JSON.stringify(why)}`,
    { exitCode },
  );
}

/** Of the Distribution API's errors. */
function messageOf({ errors }: Readonly<Record<string, unknown>>): unknown {
  return Array.isArray(errors) ? (errors[0] as { message?: unknown } | undefined)?.message : undefined;
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
}
