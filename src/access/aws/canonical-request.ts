import type { HeaderValues, Parameter } from "./signed-request.ts";

/*
 * Signature Version 4: both sides write the request down in one way, its canonical form.
 *
 *   <method>
 *   <path, each segment percent-encoded once more than it was sent>
 *   <query, sorted>
 *   <name>:<value>          for each signed header
 *
 *   <names of signed headers>
 *   <SHA-256 of the body, in hex>
 */

export interface CanonicalParts {
  readonly method: string;
  readonly path: string;
  /** Without the signature. */
  readonly parameters: readonly Parameter[];
  readonly headers: HeaderValues;
  /** Names in the order in which they were signed. */
  readonly signed: readonly string[];
  readonly payload: string;
}

/** Characters stand for bytes (latin1): a header's bytes are signed, whatever they mean. */
export function canonicalRequest({ method, path, parameters, headers, signed, payload }: CanonicalParts): string {
  const lines = signed.map((name) => `${name}:${(headers.get(name) ?? []).map(squeeze).join(",")}\n`).join("");
  return `${method}\n${canonicalPath(path)}\n${canonicalQuery(parameters)}\n${lines}\n${signed.join(";")}\n${payload}`;
}

function canonicalPath(path: string): string {
  return path === "/" || path === "" ? "/" : path.split("/").map(encode).join("/");
}

function canonicalQuery(parameters: readonly Parameter[]): string {
  if (parameters.length === 0) return "";
  const pairs = parameters.map(([name, value]) => [encode(name), encode(value)] as const);
  pairs.sort(([a, one], [b, other]) => compare(a, b) || compare(one, other));
  return pairs.map(([name, value]) => `${name}=${value}`).join("&");
}

/** Both are ASCII. */
function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Of spaces and tabs alone: other white space may be a byte of a character. */
function squeeze(value: string): string {
  return value.replace(/[ \t]+/g, " ").replace(/^ | $/g, "");
}

/** RFC 3986: all but letters, digits and `-._~`. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
}
