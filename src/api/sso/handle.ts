import { beginSignOn, finishSignOn, redeemSignOn } from "../../access/index.ts";
import type { SignOn } from "../../access/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { queryOf, readBody, sendEmpty, sendError, sendJson } from "../http/index.ts";
import type { Exchange, Wire } from "../http/index.ts";

/** What single sign-on's endpoints work with. */
export interface SsoDoor {
  readonly on: SignOn;
  readonly broke: (exchange: Exchange, error: unknown) => void;
  readonly translate: (error: unknown) => RegistryError;
}

/** Below what they lie. */
export const ssoPrefix = "/api/v1/sso/";

const cookieName = "berth-sso";
const bodyLimit = 16 * 1024;

const statuses: Readonly<Partial<Record<string, number>>> = {
  UNAUTHORIZED: 401,
  NOT_FOUND: 404,
  UNSUPPORTED: 405,
  CONFLICT: 409,
  UNAVAILABLE: 503,
  INTERNAL: 500,
};

/** Answers a browser on its way to a provider and back, and the program that waits for it. */
export function handleSso(door: SsoDoor, exchange: Exchange): void {
  void answer(door, exchange).catch((error: unknown) => {
    const translated = door.translate(error);
    if (translated.code === "INTERNAL" || translated.code === "UNAVAILABLE") door.broke(exchange, error);
    const wire: Wire = { status: statuses[translated.code] ?? 400, code: translated.code };
    sendError(exchange, translated, wire, ["Cache-Control", "no-store"]);
  });
}

async function answer({ on }: SsoDoor, exchange: Exchange): Promise<void> {
  exchange.route = "sso";
  const [name = "", step, ...more] = exchange.path.slice(ssoPrefix.length).split("/");
  const { method } = exchange.request;
  const plain = ["Cache-Control", "no-store", "Referrer-Policy", "no-referrer"];
  if (name === "token" && step === undefined && method === "POST") {
    const { code, verifier } = await readRedeem(exchange);
    const { user, token, id, expiresAt } = await redeemSignOn(on, code, verifier);
    const body = { user, token, id, expiresAt: new Date(expiresAt).toISOString() };
    return sendJson(exchange, 200, plain, JSON.stringify(body));
  }
  if (method !== "GET" || more.length > 0 || (step !== "start" && step !== "callback")) {
    throw new RegistryError("NOT_FOUND", "single sign-on has <provider>/start, <provider>/callback and token");
  }
  const { scheme, host } = exchange.outside;
  const here = `${scheme}://${host}${ssoPrefix}${name}/callback`;
  const query = queryOf(exchange);
  const secure = scheme === "https" ? "; Secure" : "";
  const cookie = (value: string, age: number) =>
    `${cookieName}=${value}; HttpOnly; SameSite=Lax; Path=${ssoPrefix}; Max-Age=${age}${secure}`;
  if (step === "start") {
    const { location, cookie: kept } = await beginSignOn(on, name, here, {
      redirectUri: query.get("redirect_uri") ?? "",
      challenge: query.get("code_challenge") ?? "",
      state: query.get("state") ?? "",
    });
    return sendEmpty(exchange.response, 302, [...plain, "Location", location, "Set-Cookie", cookie(kept, 600)]);
  }
  const shown = new RegExp(`(?:^|; *)${cookieName}=([\\w-]+)`).exec(exchange.request.headers.cookie ?? "")?.[1];
  const location = await finishSignOn(on, name, new URL(`${here}?${exchange.query}`), shown);
  sendEmpty(exchange.response, 302, [...plain, "Location", location, "Set-Cookie", cookie("", 0)]);
}

async function readRedeem(exchange: Exchange): Promise<{ readonly code: string; readonly verifier: string }> {
  const bytes = await readBody(
    exchange,
    bodyLimit,
    () => new RegistryError("REQUEST_INVALID", "the body is too large"),
  );
  try {
    const { code, verifier } = JSON.parse(bytes.toString("utf8")) as Record<string, unknown>;
    if (typeof code === "string" && typeof verifier === "string") return { code, verifier };
  } catch {
    // Said below.
  }
  throw new RegistryError("REQUEST_INVALID", "the body is not a JSON object with the texts code and verifier");
}
