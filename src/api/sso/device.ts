import { createHash, randomBytes } from "node:crypto";
import {
  approveDevice,
  beginDeviceLogin,
  beginSignOn,
  denyDevice,
  findSealed,
  finishSignOn,
  getTypedLogin,
  getWaitingMachine,
  pollDevice,
  sealText,
} from "../../access/index.ts";
import type { Begun, SignOn, WaitingDevice } from "../../access/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { sendJson } from "../http/index.ts";
import type { Exchange } from "../http/index.ts";
import { codeForm, devicePath, machineForm, note, sendPage, wayTo } from "./device-page.ts";
import { callbackOf, cookieOf, explain, plain, readForm, shownCookie, signOnCookie, statusOf } from "./door.ts";
import type { SsoDoor } from "./door.ts";

const pageCookie = "berth-device";
/** Of a page, in milliseconds: as long as a machine waits. */
const pageAge = 10 * 60_000;
/** RFC 8628, 3.4. */
const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code";

/** A machine begins to wait (RFC 8628, 3.1 and 3.2); `client_id` is what it calls itself. */
export async function beginDevice({ on }: SsoDoor, exchange: Exchange): Promise<void> {
  const form = await readForm(exchange);
  const age = form.get("expires_in");
  const asked = {
    client: form.get("client_id") ?? "",
    provider: form.get("provider") ?? undefined,
    age: age === null ? undefined : Number(age) * 1000,
  };
  const { device, typed, patience, wait } = await beginDeviceLogin(on, asked, exchange);
  const { scheme, host } = exchange.outside;
  const document = {
    device_code: device,
    user_code: typed,
    verification_uri: `${scheme}://${host}${devicePath}`,
    expires_in: patience / 1000,
    interval: wait / 1000,
  };
  sendJson(exchange, 200, plain, JSON.stringify(document));
}

/** By what came of a look (RFC 8628, 3.5). */
const refusals = {
  waiting: ["authorization_pending", "nobody has typed the code yet"],
  early: ["slow_down", "look less often: five seconds more each time from now on"],
  denied: ["access_denied", "somebody with the code said no"],
  gone: ["expired_token", "the code is unknown, used or too old: run `berth login` again"],
} as const;

/** A machine looks whether its user has come back (RFC 8628, 3.4 and 3.5). */
export async function takeLook({ on }: SsoDoor, exchange: Exchange): Promise<void> {
  const form = await readForm(exchange);
  const refuse = (error: string, why: string) =>
    sendJson(exchange, 400, plain, JSON.stringify({ error, error_description: why }));
  if (form.get("grant_type") !== deviceGrant)
    return refuse("unsupported_grant_type", `grant_type is not ${deviceGrant}`);
  try {
    const answer = await pollDevice(on, form.get("device_code") ?? "", exchange);
    if (answer.outcome !== "done") {
      const [word, why] = refusals[answer.outcome];
      return refuse(word, why);
    }
    const { token, user, id, expiresAt } = answer;
    const document = {
      access_token: token,
      token_type: "Bearer",
      expires_in: Math.round((expiresAt - Date.now()) / 1000),
      ...{ user, id, expiresAt: new Date(expiresAt).toISOString() },
    };
    sendJson(exchange, 200, plain, JSON.stringify(document));
  } catch (error) {
    if (!(error instanceof RegistryError) || error.code !== "UNAUTHORIZED") throw error;
    refuse("access_denied", error.message);
  }
}

/** The page on which codes are typed. */
export async function answerDevicePage(door: SsoDoor, exchange: Exchange): Promise<void> {
  const { method } = exchange.request;
  const browser = shownCookie(exchange, pageCookie) ?? randomBytes(24).toString("base64url");
  try {
    if (door.on.providers.length === 0) {
      throw new RegistryError("NOT_FOUND", "this registry has no provider to log in with: log in by password");
    }
    if (method === "POST") return await takeForm(door, exchange);
    showCodeForm(door.on, exchange, browser);
  } catch (error) {
    const translated = explain(door, exchange, error);
    const status = statusOf(translated);
    const again = method === "POST" && (status === 404 || status === 429);
    const { retryAfter } = (translated.detail ?? {}) as { readonly retryAfter?: number };
    if (again) showCodeForm(door.on, exchange, browser, { status, problem: translated.message, retryAfter });
    else sendPage(exchange, { status, body: note("This did not work", translated.message) });
  }
}

function showCodeForm(
  on: SignOn,
  exchange: Exchange,
  browser: string,
  wrong?: { readonly status: number; readonly problem: string; readonly retryAfter: number | undefined },
): void {
  const token = sealText(on.access, "device page", { browser: hashOf(browser) }, pageAge);
  const cookies = [cookieOf(exchange, pageCookie, browser, { path: devicePath, age: pageAge, site: "Strict" })];
  const { status = 200, problem, retryAfter } = wrong ?? {};
  sendPage(exchange, { status, body: codeForm(token, problem), cookies, retryAfter });
}

/** A form that another site sent, or made for another browser, does nothing (threat 39). */
async function takeForm(door: SsoDoor, exchange: Exchange): Promise<void> {
  const { on } = door;
  requireOwnPage(exchange);
  const form = await readForm(exchange);
  const cookie = shownCookie(exchange, pageCookie);
  const find = <T>(purpose: string, field: string) => {
    const found = findSealed<T & { readonly browser: string }>(on.access, purpose, form.get(field) ?? "");
    return cookie !== undefined && found?.browser === hashOf(cookie) ? found : undefined;
  };
  if (form.has("machine")) {
    const found = find<{ readonly id: number }>("device machine", "machine");
    if (found === undefined) throw strangeForm();
    return choose(door, exchange, found.id, form);
  }
  if (find("device page", "page") === undefined) throw strangeForm();
  const machine = await getTypedLogin(on, form.get("user_code") ?? "", exchange);
  const token = sealText(on.access, "device machine", { id: machine.id, browser: hashOf(cookie!) }, pageAge);
  sendPage(exchange, { status: 200, body: machineForm(machine, token) });
}

async function choose({ on }: SsoDoor, exchange: Exchange, id: number, form: URLSearchParams): Promise<void> {
  const machine = await getWaitingMachine(on, id);
  const name = form.get("provider") ?? "";
  if (form.has("deny")) {
    await denyDevice(on, machine, "whoever typed the code said no", exchange);
    return sendPage(exchange, { status: 200, body: note("It stays out", "The machine is told that you said no.") });
  }
  if (!machine.providers.includes(name)) {
    throw new RegistryError("REQUEST_INVALID", `this machine is logged in with one of ${machine.providers.join(", ")}`);
  }
  const { location, cookie } = await beginSignOn(on, name, callbackOf(exchange, name), { device: id });
  // A redirect would be held against the page's rule that forms go nowhere else.
  const body = wayTo(name, location);
  sendPage(exchange, { status: 200, body, next: location, cookies: [signOnCookie(exchange, cookie)] });
}

/** A browser comes back from the provider: the machine is let in, or its user told why not. */
export async function takeDeviceBack(door: SsoDoor, exchange: Exchange, begun: Begun, url: URL): Promise<void> {
  const { on } = door;
  const { device } = begun.waiting as WaitingDevice;
  const cookies = [signOnCookie(exchange, "")];
  try {
    const machine = await getWaitingMachine(on, device);
    const person = await finishSignOn(on, begun, url, exchange).catch(async (error: unknown) => {
      const { error: word } = ((error as RegistryError).detail ?? {}) as { readonly error?: string };
      if (word !== undefined) await denyDevice(on, machine, `${begun.provider} says no (${word})`, exchange);
      throw error;
    });
    await approveDevice(on, machine, person, begun.provider, exchange);
    const text = `${machine.client} at ${machine.address} is logged in as ${person.user}. Go back to it; this page may be closed.`;
    sendPage(exchange, { status: 200, body: note("It is logged in", text), cookies });
  } catch (error) {
    const translated = explain(door, exchange, error);
    const body = note("This did not work", translated.message);
    sendPage(exchange, { status: statusOf(translated), body, cookies });
  }
}

/** Browsers say where a form comes from; what says nothing is no browser, and has no cookie of ours. */
function requireOwnPage(exchange: Exchange): void {
  const { origin, "sec-fetch-site": site, "content-type": type = "" } = exchange.request.headers;
  const { scheme, host } = exchange.outside;
  const own = `${scheme}://${host}`;
  const form = /^application\/x-www-form-urlencoded\b/.test(type);
  if (!form || (site !== undefined && site !== "same-origin")) throw strangeForm();
  if (origin === undefined || origin === own) return;
  const message = `this form comes from ${origin.slice(0, 100)}, and this registry is called ${own}: open the page there, or tell the operator to set publicUrl`;
  throw new RegistryError("DENIED", message);
}

function strangeForm(): RegistryError {
  return new RegistryError("DENIED", "this form was not made for this browser, or is too old: open the page again");
}

function hashOf(browser: string): string {
  return createHash("sha256").update(browser).digest("base64url");
}
