import { createHmac, hash, timingSafeEqual } from "node:crypto";
import { canonicalRequest } from "./canonical-request.ts";
import { incomplete, invalid, SignatureError } from "./signature-error.ts";
import { readHeaders, readQuery } from "./signed-request.ts";
import type { HeaderValues, Parameter, SignedRequest } from "./signed-request.ts";
import { parseHttpDate, parseLife, parseStamp, requireCurrent, stampOf } from "./signing-time.ts";

/** The one algorithm. */
const algorithm = "AWS4-HMAC-SHA256";

/** For what a signature is good. */
export interface Scope {
  /** `20261130`, in UTC. */
  readonly day: string;
  readonly region: string;
  /** `ecr`, `sts`, `kms`, … */
  readonly service: string;
}

/** What a request says of its signature. Nothing of it is proved before {@link isSignedWith} says so. */
export interface Claimed extends Scope {
  readonly accessKeyId: string;
  /** Of a session. */
  readonly sessionToken: string | undefined;
  /** What was signed. */
  readonly text: string;
  /** 64 digits of hex, or what stands in their place. */
  readonly signature: string;
}

/** Where a signature stands in a request. */
interface Placed {
  readonly credential: string;
  readonly signed: readonly string[];
  readonly signature: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Of an address, in seconds; undefined in a header. */
  readonly life: number | undefined;
  readonly sessionToken: string | undefined;
  /** Without the signature. */
  readonly parameters: readonly Parameter[];
  /** What the client says the SHA-256 of the body is. */
  readonly statedPayload: string | undefined;
}

/**
 * Reads the signature of a request, in its header or its query, and all that can be judged without the key: that it has each
 * part once, was made for this service and around now, and covers the host, the date, the body and what the request says to AWS.
 * @param service for which the request is, by what it asks for
 * @param now milliseconds since 1970
 * @throws SignatureError
 */
export function readSignature(
  request: SignedRequest,
  { service, now }: { readonly service: string; readonly now: number },
): Claimed {
  const { headers, placed, accessKeyId, scope, stamp } = readHead(request, { service, now });
  const payload = payloadOf(request.body, placed);
  const canonical = canonicalRequest({ ...request, ...placed, headers, payload });
  const { day, region } = scope;
  const digest = hash("sha256", Buffer.from(canonical, "latin1"), "hex");
  const text = `${algorithm}\n${stamp}\n${day}/${region}/${service}/aws4_request\n${digest}`;
  return { accessKeyId, ...scope, sessionToken: placed.sessionToken, text, signature: placed.signature };
}

/** A request before its body is read. */
type Head = Pick<SignedRequest, "query" | "headers">;

/**
 * Whose key a request names, once all is judged that can be without its body and the key.
 * @throws SignatureError
 */
export function readClaimedKey(
  request: Head,
  given: { readonly service: string; readonly now: number },
): Pick<Claimed, "accessKeyId" | "sessionToken"> {
  const { accessKeyId, placed } = readHead(request, given);
  return { accessKeyId, sessionToken: placed.sessionToken };
}

function readHead(request: Head, { service, now }: { readonly service: string; readonly now: number }) {
  const headers = readHeaders(request.headers);
  const parameters = readQuery(request.query);
  const placed = isSignedAddress(parameters) ? fromQuery(headers, parameters) : fromHeader(headers, parameters);
  const { accessKeyId, ...scope } = parseCredential(placed.credential);
  const stamp = stampOf(placed.time);
  if (scope.service !== service) {
    throw invalid(`Credential should be scoped to correct service: '${service}'.`);
  }
  if (!stamp.startsWith(scope.day)) {
    throw invalid(`Date in Credential scope does not match YYYYMMDD from the date of the request, ${stamp}.`);
  }
  requireCurrent(placed.time, placed.life, now);
  requireSigned(headers, placed.signed);
  return { headers, placed, accessKeyId, scope, stamp };
}

/** The key that signs in a scope, of a secret. */
export function deriveKey(secret: string, { day, region, service }: Scope): Buffer {
  let key: Buffer = Buffer.from(`AWS4${secret}`);
  for (const part of [day, region, service, "aws4_request"]) key = createHmac("sha256", key).update(part).digest();
  return key;
}

/** Whether the signature was made with this key; in a time that tells nothing of where the two differ. */
export function isSignedWith({ text, signature }: Claimed, key: Uint8Array): boolean {
  const wanted = Buffer.from(createHmac("sha256", key).update(text).digest("hex"));
  const given = Buffer.from(signature, "latin1");
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

/** The credential's scope of a request whose signature nobody asks about. Undefined where there is none. */
export function findScope(
  request: Pick<SignedRequest, "query" | "headers">,
): (Scope & { readonly accessKeyId: string }) | undefined {
  try {
    const headers = readHeaders(request.headers);
    const parameters = readQuery(request.query);
    const stated = parameters.find(([name]) => name === "X-Amz-Credential")?.[1];
    const credential = stated ?? /Credential=([^\s,]+)/.exec(headers.get("authorization")?.[0] ?? "")?.[1];
    return credential === undefined ? undefined : parseCredential(credential);
  } catch {
    return undefined;
  }
}

function isSignedAddress(parameters: readonly Parameter[]): boolean {
  return parameters.some(([name]) => name === "X-Amz-Algorithm" || name === "X-Amz-Signature");
}

function fromHeader(headers: HeaderValues, parameters: readonly Parameter[]): Placed {
  const [header] = headers.get("authorization") ?? [];
  if (header === undefined) {
    throw new SignatureError("MissingAuthenticationTokenException", "Missing Authentication Token");
  }
  const fields = parseAuthorization(header);
  const [stamp] = headers.get("x-amz-date") ?? [];
  const [date] = headers.get("date") ?? [];
  const dated = stamp === undefined ? "date" : "x-amz-date";
  if (stamp === undefined && date === undefined) {
    throw incomplete("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.");
  }
  const signed = parseSignedHeaders(fields.SignedHeaders);
  if (!signed.includes(dated)) throw incomplete(`The header '${dated}' must be signed.`);
  return {
    credential: fields.Credential,
    signed,
    signature: fields.Signature,
    time: stamp === undefined ? parseHttpDate(date!.trim()) : parseStamp(stamp.trim()),
    life: undefined,
    sessionToken: headers.get("x-amz-security-token")?.[0]?.trim(),
    parameters,
    statedPayload: headers.get("x-amz-content-sha256")?.[0]?.trim(),
  };
}

/** A signed address: the signature stands in the query, and covers the rest of it. */
function fromQuery(headers: HeaderValues, parameters: readonly Parameter[]): Placed {
  if (headers.has("authorization")) {
    throw incomplete("The request is signed in its query and in the header 'Authorization': leave one out.");
  }
  const find = (name: string): string | undefined => {
    const values = parameters.filter(([given]) => given === name);
    if (values.length > 1) throw incomplete(`The query has '${name}' more than once.`);
    return values[0]?.[1];
  };
  const get = (name: string): string => {
    const value = find(name);
    if (value === undefined) throw incomplete(`AWS query-string parameters must include '${name}'.`);
    return value;
  };
  if (get("X-Amz-Algorithm") !== algorithm) throw incomplete(`X-Amz-Algorithm must be ${algorithm}.`);
  const [inHeader] = headers.get("x-amz-security-token") ?? [];
  const sessionToken = find("X-Amz-Security-Token");
  if (sessionToken !== undefined && inHeader !== undefined) {
    throw incomplete("The session token is in the query and in a header: leave one out.");
  }
  return {
    credential: get("X-Amz-Credential"),
    signed: parseSignedHeaders(get("X-Amz-SignedHeaders")),
    signature: get("X-Amz-Signature"),
    time: parseStamp(get("X-Amz-Date")),
    life: parseLife(get("X-Amz-Expires")),
    sessionToken: sessionToken ?? inHeader?.trim(),
    parameters: parameters.filter(([name]) => name !== "X-Amz-Signature"),
    statedPayload: find("X-Amz-Content-Sha256") ?? headers.get("x-amz-content-sha256")?.[0]?.trim(),
  };
}

const fieldNames = ["Credential", "SignedHeaders", "Signature"] as const;

type Fields = Record<(typeof fieldNames)[number], string>;

/** `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`; spaces after the commas as one likes. */
function parseAuthorization(header: string): Fields {
  const [, scheme, rest] = /^ *(\S+) +(.*?) *$/.exec(header) ?? [];
  if (scheme !== algorithm) throw incomplete(`Authorization header must begin with '${algorithm}'.`);
  const fields = new Map<string, string>();
  for (const part of rest!.split(",")) {
    const [, name, value] = /^ *([A-Za-z]+)=(\S+) *$/.exec(part) ?? [];
    if (name === undefined || value === undefined || fields.has(name)) {
      throw incomplete("Authorization header has a part that is not of the form Name=value, or is there twice.");
    }
    fields.set(name, value);
  }
  for (const name of fieldNames) {
    if (!fields.has(name)) throw incomplete(`Authorization header requires '${name}' parameter.`);
  }
  if (fields.size > fieldNames.length) throw incomplete("Authorization header has a parameter that is not known.");
  return Object.fromEntries(fields) as Fields;
}

function parseSignedHeaders(text: string): readonly string[] {
  const names = text.split(";");
  if (names.some((name) => !/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name)) || new Set(names).size !== names.length) {
    throw incomplete("SignedHeaders must be names of headers in lower case, each once, with semicolons between.");
  }
  return names;
}

function parseCredential(text: string): Scope & { readonly accessKeyId: string } {
  const [accessKeyId = "", day = "", region = "", service = "", end = "", ...more] = text.split("/");
  if (!/^[\w.+=@-]{1,128}$/.test(accessKeyId) || more.length > 0) {
    throw incomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.");
  }
  if (end !== "aws4_request") {
    throw incomplete("Credential should be scoped with a valid terminator: 'aws4_request'.");
  }
  if (!/^\d{8}$/.test(day) || !/^[a-z0-9-]{1,64}$/.test(region) || !/^[a-z0-9-]{1,64}$/.test(service)) {
    throw incomplete("Credential has a date, region or service that is none.");
  }
  return { accessKeyId, day, region, service };
}

/** The host, which names whom it is for, and all that AWS defines a meaning for. */
function requireSigned(headers: HeaderValues, signed: readonly string[]): void {
  if (!signed.includes("host")) throw incomplete("The header 'host' must be signed.");
  for (const name of signed) {
    if (headers.has(name)) continue;
    throw invalid(`The header '${name}' was signed and did not arrive: a proxy on the way must leave it in.`);
  }
  for (const name of headers.keys()) {
    if (name.startsWith("x-amz-") && !signed.includes(name)) throw incomplete(`The header '${name}' must be signed.`);
  }
}

const unsigned = "UNSIGNED-PAYLOAD";

/** The body's own hash, whatever the client says; only of an address without a body it may say nothing. */
function payloadOf(body: Uint8Array, { life, statedPayload }: Placed): string {
  if (statedPayload === unsigned && life !== undefined && body.length === 0) return unsigned;
  const payload = hash("sha256", body, "hex");
  if (statedPayload !== undefined && statedPayload !== payload) {
    throw invalid("The provided 'x-amz-content-sha256' does not match what was computed of the body.");
  }
  return payload;
}
