import {
  beginSignOn,
  finishSignOn,
  getBegun,
  getProvider,
  parseLoopback,
  redeemSignOn,
  sealCode,
} from "../../access/index.ts";
import type { Loopback, TokenWish } from "../../access/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { queryOf, sendEmpty, sendError, sendJson } from "../http/index.ts";
import type { Exchange, Wire } from "../http/index.ts";
import { answerDevicePage, beginDevice, takeDeviceBack, takeLook } from "./device.ts";
import { devicePath } from "./device-page.ts";
import { callbackOf, explain, plain, readText, shownCookie, signOnCookie, ssoPrefix, statusOf } from "./door.ts";
import type { SsoDoor } from "./door.ts";

/** Whether single sign-on answers there. */
export function isSsoPath(path: string): boolean {
  return path === devicePath || path.startsWith(ssoPrefix);
}

/** Answers a browser on its way to a provider and back, and the program that waits for it. */
export function handleSso(door: SsoDoor, exchange: Exchange): void {
  void answer(door, exchange).catch((error: unknown) => {
    const translated = explain(door, exchange, error);
    const wire: Wire = { status: statusOf(translated), code: translated.code };
    sendError(exchange, translated, wire, ["Cache-Control", "no-store"]);
  });
}

type Answer = (door: SsoDoor, exchange: Exchange, provider: string) => Promise<void> | void;

/** What single sign-on answers, by method and path; it looks at no Authorization header. */
export const ssoRoutes: Readonly<Record<string, Answer>> = {
  [`GET ${devicePath}`]: answerDevicePage,
  [`POST ${devicePath}`]: answerDevicePage,
  [`GET ${ssoPrefix}providers`]: listProviders,
  [`POST ${ssoPrefix}token`]: redeem,
  [`POST ${ssoPrefix}device`]: beginDevice,
  [`POST ${ssoPrefix}device/token`]: takeLook,
  [`GET ${ssoPrefix}{provider}/start`]: begin,
  [`GET ${ssoPrefix}{provider}/callback`]: takeBack,
};

async function answer(door: SsoDoor, exchange: Exchange): Promise<void> {
  exchange.route = "sso";
  const { path } = exchange;
  const [, provider = "", step] = /^([^/]+)\/(start|callback)$/.exec(path.slice(ssoPrefix.length)) ?? [];
  const pattern = step === undefined ? path : `${ssoPrefix}{provider}/${step}`;
  const key = `${exchange.request.method === "HEAD" ? "GET" : exchange.request.method} ${pattern}`;
  const route = Object.hasOwn(ssoRoutes, key) ? ssoRoutes[key] : undefined;
  if (route === undefined) {
    throw new RegistryError("NOT_FOUND", `single sign-on has ${Object.keys(ssoRoutes).join(", ")}`);
  }
  return route(door, exchange, provider);
}

function listProviders({ on }: SsoDoor, exchange: Exchange): void {
  const providers = on.providers.map((one) => ({ name: one.name }));
  sendJson(exchange, 200, plain, JSON.stringify({ providers }));
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
  sendEmpty(exchange.response, 302, [...plain, "Location", location, "Set-Cookie", signOnCookie(exchange, cookie)]);
}

/** However it ended, the program that waits is told at once: it gets a code, or the reason why there is none. */
async function takeBack(door: SsoDoor, exchange: Exchange, name: string): Promise<void> {
  const { on } = door;
  const begun = getBegun(on, name, queryOf(exchange).get("state") ?? "", shownCookie(exchange));
  const url = new URL(`${callbackOf(exchange, name)}?${exchange.query}`);
  const { waiting } = begun;
  if ("device" in waiting) return takeDeviceBack(door, exchange, begun, url);
  const result = await finishSignOn(on, begun, url, exchange).then(
    (person) => ({ code: sealCode(on, name, waiting, person) }),
    (error: unknown) => refusalOf(explain(door, exchange, error)),
  );
  const location = backTo(waiting, result);
  sendEmpty(exchange.response, 302, [...plain, "Location", location, "Set-Cookie", signOnCookie(exchange, "")]);
}

function backTo({ back, state }: Loopback, result: Readonly<Record<string, string>>): string {
  return `${back}?${new URLSearchParams({ ...result, state }).toString()}`;
}

/** As RFC 6749 (4.1.2.1) names it; a provider's own word for its no is handed on. */
function refusalOf({ code, message, detail }: RegistryError): { error: string; error_description: string } {
  const own = (detail as { readonly error?: string } | undefined)?.error;
  const ours = code === "UNAVAILABLE" ? "temporarily_unavailable" : code === "INTERNAL" ? "server_error" : undefined;
  return { error: own ?? ours ?? "access_denied", error_description: message };
}

async function redeem({ on }: SsoDoor, exchange: Exchange): Promise<void> {
  const { code, verifier, ...wish } = await readRedeem(exchange);
  const { expiresAt, ...made } = await redeemSignOn(on, code, verifier, wish, exchange);
  sendJson(exchange, 200, plain, JSON.stringify({ ...made, expiresAt: new Date(expiresAt).toISOString() }));
}

async function readRedeem(
  exchange: Exchange,
): Promise<TokenWish & { readonly code: string; readonly verifier: string }> {
  const text = await readText(exchange);
  try {
    const { code, verifier, name, expiresIn } = JSON.parse(text) as Record<string, unknown>;
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
