import { authenticate, makeEcrPassword, plainCaller, seal, unseal } from "../../access/index.ts";
import type { Caller } from "../../access/index.ts";
import { parseByteRange, parseDigest, parseRepositoryName, RegistryError } from "../../oci/index.ts";
import type { Digest, RegistryErrorCode, RepositoryName } from "../../oci/index.ts";
import { findBlob, findRedirect, sendBlob, translateError } from "../../registry/index.ts";
import type { Registry } from "../../registry/index.ts";
import { queryOf, sendChunk, sendEmpty, sendRefusal } from "../http/index.ts";
import type { Exchange, Traffic } from "../http/index.ts";
import type { EcrCall } from "./call.ts";
import { hostFor } from "./show-repository.ts";

/*
 * The address of a layer: /ecr/layers?grant=<sealed>. What is sealed says which layer of which repository, until when, and
 * by which password of the caller, so that it ends with the caller's rights. Queries are in no log.
 */

const path = "/ecr/layers";
const purpose = "ecr-layer";
/** In milliseconds. */
const life = 3_600_000;

interface Grant {
  readonly name: string;
  readonly digest: string;
  /** Milliseconds since 1970. */
  readonly until: number;
  readonly password: string;
}

/** The address of a layer that the caller may pull. @throws RegistryError UNAUTHORIZED when its login has ended meanwhile */
export async function makeLayerUrl(call: EcrCall, name: RepositoryName, digest: string): Promise<string> {
  const { registry, caller, outside, now } = call;
  const { password, expiresAt } = await makeEcrPassword(registry.access, caller.principal, now);
  const grant: Grant = { name, digest, until: Math.min(now + life, expiresAt), password };
  const sealed = seal(registry.access.sealingKey, purpose, Buffer.from(JSON.stringify(grant)));
  return `${outside.scheme}://${hostFor(call)}${path}?grant=${sealed}`;
}

/** Whether a request asks for a layer by such an address. */
export function isLayerUrl(exchange: Exchange): boolean {
  return exchange.path === path;
}

/** Sends the layer, or a part of it. What breaks is told to `log`. */
export function handleLayerUrl(
  registry: Registry,
  traffic: Traffic,
  exchange: Exchange,
  log: (error: unknown) => void,
): void {
  exchange.route = "ecr";
  void answer(registry, traffic, exchange).catch((error: unknown) => {
    const { code, message, detail } = translateError(error);
    const broken = code === "INTERNAL" || code === "UNAVAILABLE";
    if (broken) log(error);
    const status = broken ? 503 : (statuses[code] ?? 403);
    const { retryAfter = 1 } = (detail ?? {}) as { readonly retryAfter?: number };
    const wait = status === 429 ? ["Retry-After", String(retryAfter)] : [];
    sendRefusal(exchange, { status }, wait, `${message}\n`, "text/plain; charset=utf-8");
  });
}

const statuses: { readonly [code in RegistryErrorCode]?: number } = {
  RANGE_NOT_SATISFIABLE: 416,
  TOO_MANY_REQUESTS: 429,
  UNSUPPORTED: 405,
};

async function answer(registry: Registry, traffic: Traffic, exchange: Exchange): Promise<void> {
  const { method, headers } = exchange.request;
  if (method !== "GET" && method !== "HEAD") throw new RegistryError("UNSUPPORTED", "send a GET");
  const { caller, name, digest } = await readGrant(registry, exchange);
  traffic.admit(exchange);
  const blob = await findBlob(registry, caller, name, digest);
  const range = method === "HEAD" ? "whole" : parseByteRange(headers.range, blob.size);
  if (range === "unsatisfiable") {
    throw new RegistryError("RANGE_NOT_SATISFIABLE", `the layer has ${blob.size} bytes: ask for a range inside it`);
  }
  const elsewhere = await findRedirect(registry, blob);
  if (elsewhere !== undefined) return sendEmpty(exchange.response, 307, ["Location", elsewhere, ...never]);
  const { start, end } = range === "whole" ? { start: 0, end: blob.size - 1 } : range;
  const head = ["Content-Type", "application/octet-stream", "Accept-Ranges", "bytes", ...never];
  head.push("Content-Length", String(end - start + 1), "X-Content-Type-Options", "nosniff");
  if (range !== "whole") head.push("Content-Range", `bytes ${start}-${end}/${blob.size}`);
  const begin = () => void exchange.response.writeHead(range === "whole" ? 200 : 206, head);
  if (method === "HEAD" || blob.size === 0) begin();
  else await sendBlob(registry, blob, { start, end }, begin, (chunk) => sendChunk(exchange, chunk));
  exchange.response.end();
}

const never = ["Cache-Control", "no-store"];

/** Who may have which layer. @throws RegistryError DENIED, and as `authenticate` does */
async function readGrant(
  { access }: Registry,
  exchange: Exchange,
): Promise<{ readonly caller: Caller; readonly name: RepositoryName; readonly digest: Digest }> {
  const bytes = unseal(access.sealingKey, purpose, queryOf(exchange).get("grant") ?? "");
  const grant = bytes === undefined ? undefined : (JSON.parse(bytes.toString()) as Grant);
  if (grant === undefined || grant.until <= Date.now()) {
    throw new RegistryError("DENIED", "the address is wrong or has expired: ask for another (GetDownloadUrlForLayer)");
  }
  const header = `Basic ${Buffer.from(`AWS:${grant.password}`).toString("base64")}`;
  const { address, id } = exchange;
  exchange.principal = await authenticate(access, header, { address, id });
  const caller = { ...plainCaller(exchange), operation: "ecr:GetDownloadUrlForLayer" };
  return { caller, name: parseRepositoryName(grant.name), digest: parseDigest(grant.digest) };
}
