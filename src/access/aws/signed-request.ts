import { incomplete } from "./signature-error.ts";

/** A request as it came; nothing of it is believed. */
export interface SignedRequest {
  readonly method: string;
  /** As it was sent: percent-encoding stands. */
  readonly path: string;
  /** As it was sent, without the question mark. */
  readonly query: string;
  /** Names and values in turn, as Node's `rawHeaders` has them: a header that came twice is there twice. */
  readonly headers: readonly string[];
  readonly body: Uint8Array;
}

/** Values by name in lower case, in the order in which they came. */
export type HeaderValues = ReadonlyMap<string, readonly string[]>;

/** What decides about a request is there once: readers of two would not all take the same. */
const once = [
  "authorization",
  "content-length",
  "content-type",
  "date",
  "host",
  "x-amz-content-sha256",
  "x-amz-date",
  "x-amz-security-token",
  "x-amz-target",
];

/** @throws SignatureError for a header that is there twice and decides */
export function readHeaders(raw: readonly string[]): HeaderValues {
  const values = new Map<string, string[]>();
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index]!.toLowerCase();
    const known = values.get(name);
    if (known === undefined) values.set(name, [raw[index + 1]!]);
    else known.push(raw[index + 1]!);
  }
  for (const name of once) {
    if ((values.get(name)?.length ?? 0) > 1) throw incomplete(`The header '${name}' is there more than once.`);
  }
  return values;
}

/** A parameter of the query, decoded. */
export type Parameter = readonly [name: string, value: string];

/** @throws SignatureError for what is no percent-encoded UTF-8 */
export function readQuery(query: string): Parameter[] {
  if (query === "") return [];
  return query
    .split("&")
    .filter((part) => part !== "")
    .map((part): Parameter => {
      const sign = part.indexOf("=");
      return sign < 0 ? [decode(part), ""] : [decode(part.slice(0, sign)), decode(part.slice(sign + 1))];
    });
}

/** A plus is a space here as it is to whoever reads the parameters, so that nobody can make one out of the other. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    throw incomplete("The query is not percent-encoded UTF-8.");
  }
}
