import type { SignOn } from "../../access/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { readBody } from "../http/index.ts";
import type { Exchange } from "../http/index.ts";

/** What single sign-on's endpoints work with. */
export interface SsoDoor {
  readonly on: SignOn;
  readonly broke: (exchange: Exchange, error: unknown) => void;
  readonly translate: (error: unknown) => RegistryError;
}

/** Below what they lie. */
export const ssoPrefix = "/api/v1/sso/";

export const plain = ["Cache-Control", "no-store", "Referrer-Policy", "no-referrer"];

const bodyLimit = 16 * 1024;

const statuses: Readonly<Partial<Record<string, number>>> = {
  UNAUTHORIZED: 401,
  DENIED: 403,
  NOT_FOUND: 404,
  UNSUPPORTED: 405,
  CONFLICT: 409,
  TOO_MANY_REQUESTS: 429,
  UNAVAILABLE: 503,
  INTERNAL: 500,
};

export function statusOf({ code }: RegistryError): number {
  return statuses[code] ?? 400;
}

/** The registry's error for what was run into; what is not the caller's doing is told to the operator. */
export function explain(door: SsoDoor, exchange: Exchange, error: unknown): RegistryError {
  const translated = door.translate(error);
  if (translated.code === "INTERNAL" || translated.code === "UNAVAILABLE") door.broke(exchange, error);
  return translated;
}

/** A small body. @throws RegistryError REQUEST_INVALID */
export async function readText(exchange: Exchange): Promise<string> {
  const large = () => new RegistryError("REQUEST_INVALID", "the body is larger than 16 KiB");
  return (await readBody(exchange, bodyLimit, large)).toString("utf8");
}

export async function readForm(exchange: Exchange): Promise<URLSearchParams> {
  return new URLSearchParams(await readText(exchange));
}

/** Where a provider sends browsers back to. */
export function callbackOf({ outside }: Exchange, name: string): string {
  return `${outside.scheme}://${outside.host}${ssoPrefix}${name}/callback`;
}

const signOnName = "berth-sso";

/** What a browser keeps while it is at a provider; empty when it is back. It comes back from another site, so Lax. */
export function signOnCookie(exchange: Exchange, value: string): string {
  return cookieOf(exchange, signOnName, value, { path: ssoPrefix, age: value === "" ? 0 : 600_000, site: "Lax" });
}

/** @param age in milliseconds */
export function cookieOf(
  { outside }: Exchange,
  name: string,
  value: string,
  { path, age, site }: { readonly path: string; readonly age: number; readonly site: "Lax" | "Strict" },
): string {
  const secure = outside.scheme === "https" ? "; Secure" : "";
  return `${name}=${value}; HttpOnly; SameSite=${site}; Path=${path}; Max-Age=${age / 1000}${secure}`;
}

/** The value of a cookie of ours. */
export function shownCookie(exchange: Exchange, name = signOnName): string | undefined {
  return new RegExp(`(?:^|; *)${name}=([\\w-]{8,64})(?:;|$)`).exec(exchange.request.headers.cookie ?? "")?.[1];
}
