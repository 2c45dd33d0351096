import { Agent, request } from "node:http";
import type { Outcome } from "./expected.ts";
import type { Probe } from "./rows.ts";

/** An answer as it came. */
export interface RawAnswer {
  readonly status: number;
  /** As they were sent, in their order. */
  readonly headers: readonly string[];
  readonly body: string;
}

const agent = new Agent({ keepAlive: true, maxSockets: 16 });

/** Sends a request over a connection that is kept, its path to the letter. */
export function ask(url: string, probe: Probe, authorization?: string): Promise<RawAnswer> {
  const { method, path, body, headers } = probe;
  const { hostname, port } = new URL(url);
  const shown = authorization === undefined ? {} : { authorization };
  const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
  const all = { ...headers, ...shown, ...length };
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path, method, agent, headers: all }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () => {
        const text = Buffer.concat(parts).toString();
        resolve({ status: response.statusCode ?? 0, headers: response.rawHeaders, body: text });
      });
      response.on("error", reject);
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** What a manifest that names nothing, and a method of a thing that is in use, answer once they are allowed. */
const allowedCodes = /"code":"(?:MANIFEST_BLOB_UNKNOWN|UNSUPPORTED)"/;

export function outcomeOf({ status, body }: RawAnswer): Outcome {
  if (status === 401) return "u";
  if (status === 403) return "d";
  if (status === 404) return allowedCodes.test(body) ? "a" : "m";
  if (status === 405) return allowedCodes.test(body) && !body.includes("means nothing here") ? "a" : "!";
  return status < 500 && status !== 429 ? "a" : "!";
}

/** The whole answer without what may differ: the date, the connection, the request's id, the place's name. */
export function withoutNames({ status, headers, body }: RawAnswer, place: string): string {
  const pairs: string[] = [];
  for (let index = 0; index < headers.length; index += 2) {
    const [name, value] = [headers[index]!, headers[index + 1]!];
    // The id grows, and the length with it; whether the connection lasts hangs on how much of the body was there.
    if (!/^(?:date|x-request-id|content-length|connection|keep-alive)$/i.test(name)) pairs.push(`${name}: ${value}`);
  }
  const blind = body.replaceAll(/"requestId":"[^"]*"/g, '"requestId":""');
  return [status, ...pairs, blind].join("\n").replaceAll(place, "<place>");
}
