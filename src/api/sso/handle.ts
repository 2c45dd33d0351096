import {
  beginSignOn,
  finishSignOn,
  getBegun,
  getProvider,
  parseLoopback,
  redeemSignOn,
  sealCode,
} from "../../access/index.ts";
import type { Begun, MadeLogin, SignOn, TokenWish } from "../../access/index.ts";
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
const plain = ["Cache-Control", "no-store", "Referrer-Policy", "no-referrer"];

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
    const translated = explain(door, exchange, error);
    const wire: Wire = { status: statuses[translated.code] ?? 400, code: translated.code };
    sendError(exchange, translated, wire, ["Cache-Control", "no-store"]);
  });
}

/** The registry's error for what was run into; what is not the caller's doing is told to the operator. */
function explain(door: SsoDoor, exchange: Exchange, error: unknown): RegistryError {
  const translated = door.translate(error);
  if (translated.code === "INTERNAL" || translated.code === "UNAVAILABLE") door.broke(exchange, error);
  return translated;
}

async function answer(door: SsoDoor, exchange: Exchange): Promise<void> {
  exchange.route = "sso";
  const [name = "", step, ...more] = exchange.path.slice(ssoPrefix.length).split("/");
  const { method } = exchange.request;
  if (name === "token" && step === undefined && method === "POST") return redeem(door, exchange);
  if (name === "providers" && step === undefined && method === "GET") {
    const providers = door.on.providers.map((one) => ({ name: one.name }));
    return sendJson(exchange, 200, plain, JSON.stringify({ providers }));
  }
  if (method !== "GET" || more.length > 0 || (step !== "start" && step !== "callback")) {
    const routes = "GET providers, GET <provider>/start, GET <provider>/callback and POST token";
    throw new RegistryError("NOT_FOUND", `single sign-on has ${routes}`);
  }
  return step === "start" ? begin(door, exchange, name) : takeBack(door, exchange, name);
}

async function begin({ on }: SsoDoor, exchange: Exchange, name: string): Promise<void> {
  getProvider(on, name);
  const query = queryOf(exchange);
  const waiting = parseLoopback({
    back: query.get("redirect_uri") ?? "",
    challenge: query.get("code_challenge") ?? "",
    state: query.get("state") ?? "",
  });
  const { location, cookie } = await beginSignOn(on, name, callbackOf(exchange, name), waiting);
  sendEmpty(exchange.response, 302, [...plain, "Location", location, "Set-Cookie", cookieOf(exchange, cookie, 600)]);
}

/** However it ended, the program that waits is told at once: it gets a code, or the reason why there is none. */
async function takeBack(door: SsoDoor, exchange: Exchange, name: string): Promise<void> {
  const { on } = door;
  const shown = new RegExp(`(?:^|; *)${cookieName}=([\\w-]+)`).exec(exchange.request.headers.cookie ?? "")?.[1];
  const begun = getBegun(on, name, queryOf(exchange).get("state") ?? "", shown);
  const url = new URL(`${callbackOf(exchange, name)}?${exchange.query}`);
  const result = await finishSignOn(on, begun, url, exchange).then(
    (person) => ({ code: sealCode(on, begun, person) }),
    (error: unknown) => refusalOf(explain(door, exchange, error)),
  );
  const location = backTo(begun, result);
  sendEmpty(exchange.response, 302, [...plain, "Location", location, "Set-Cookie", cookieOf(exchange, "", 0)]);
}

function backTo({ waiting }: Begun, result: Readonly<Record<string, string>>): string {
  return `${waiting.back}?${new URLSearchParams({ ...result, state: waiting.state }).toString()}`;
}

/** As RFC 6749 (4.1.2.1) names it; a provider's own word for its no is handed on. */
function refusalOf({ code, message, detail }: RegistryError): { error: string; error_description: string } {
  const own = (detail as { readonly error?: string } | undefined)?.error;
  const ours = code === "UNAVAILABLE" ? "temporarily_unavailable" : code === "INTERNAL" ? "server_error" : undefined;
  return { error: own ?? ours ?? "access_denied", error_description: message };
}

function callbackOf({ outside }: Exchange, name: string): string {
  return `${outside.scheme}://${outside.host}${ssoPrefix}${name}/callback`;
}

function cookieOf({ outside }: Exchange, value: string, age: number): string {
  const secure = outside.scheme === "https" ? "; Secure" : "";
  return `${cookieName}=${value}; HttpOnly; SameSite=Lax; Path=${ssoPrefix}; Max-Age=${age}${secure}`;
}

async function redeem({ on }: SsoDoor, exchange: Exchange): Promise<void> {
  const { code, verifier, ...wish } = await readRedeem(exchange);
  sendJson(exchange, 200, plain, JSON.stringify(shownLogin(await redeemSignOn(on, code, verifier, wish, exchange))));
}

function shownLogin({ expiresAt, ...made }: MadeLogin): object {
  return { ...made, expiresAt: new Date(expiresAt).toISOString() };
}

async function readRedeem(
  exchange: Exchange,
): Promise<TokenWish & { readonly code: string; readonly verifier: string }> {
  const bytes = await readBody(
    exchange,
    bodyLimit,
    () => new RegistryError("REQUEST_INVALID", "the body is too large"),
  );
  try {
    const { code, verifier, name, expiresIn } = JSON.parse(bytes.toString("utf8")) as Record<string, unknown>;
    const named = name === undefined || typeof name === "string";
    const timed = expiresIn === undefined || typeof expiresIn === "number";
    if (typeof code === "string" && typeof verifier === "string" && named && timed) {
      return { code, verifier, name, age: expiresIn === undefined ? undefined : expiresIn * 1000 };
    }
  } catch {
    // Said below.
  }
  throw new RegistryError(
    "REQUEST_INVALID",
    "the body is not a JSON object with the texts code and verifier, and name and the number expiresIn where they are wanted",
  );
}
