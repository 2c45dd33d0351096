import { decodeSegment, matchRoute } from "./route.ts";
import type { Route } from "./route.ts";
import { distributionErrors } from "./errors.ts";
import { answerAgain, keepAnswer } from "./answer-cache.ts";
import { sendChunk, sendEmpty, sendContent, sendError, sendJson, joinable } from "../http/index.ts";
import type { Exchange, Traffic } from "../http/index.ts";
import { andThen } from "../../lib/index.ts";
import type { MaybePromise } from "../../lib/index.ts";
import { parseByteRange, parseDigest, parseReference, parseRepositoryName, RegistryError } from "../../oci/index.ts";
import type { Reference, RepositoryName } from "../../oci/index.ts";
import {
  deleteBlob,
  findBlob,
  findRedirect,
  inspectBlob,
  inspectManifest,
  notePull,
  pullManifest,
  requirePushTarget,
  requireWritable,
  sendBlob,
} from "../../registry/index.ts";
import type { Registry } from "../../registry/index.ts";
import { authenticate, recallPrincipal } from "../../access/index.ts";
import type { Face } from "./challenge.ts";
import { answerCatalog, answerReferrers, answerTags } from "./lists.ts";
import { fail } from "./refuse.ts";
import { putManifest, removeManifest } from "./change-manifest.ts";
import { answerUpload, postUpload } from "./uploads.ts";

/** What stands before the use-cases. */
export interface Front {
  readonly face: Face;
  readonly traffic: Traffic;
}

/** Answers a request below `/v2/`, at once where the answer is known. What breaks is told to `log`. */
export function handleDistribution(
  registry: Registry,
  front: Front,
  exchange: Exchange,
  log: (error: unknown) => void,
): void {
  try {
    front.face.enter?.(exchange);
    const principal = recallPrincipal(registry.access, exchange.request.headers.authorization, exchange);
    if (principal !== undefined) {
      exchange.principal = principal;
      front.traffic.admit(exchange);
      if (exchange.request.method === "GET" && answerAgain(registry, exchange)) return;
    }
    answerFromRows(registry, front, exchange, principal !== undefined, log);
  } catch (error) {
    fail(front.face, exchange, error, log);
  }
}

/** In this very turn where nothing must be waited for. Does not throw. */
function answerFromRows(
  registry: Registry,
  front: Front,
  exchange: Exchange,
  known: boolean,
  log: (error: unknown) => void,
): void {
  try {
    const answered = known
      ? answer(registry, front.face, exchange)
      : authenticate(registry.access, exchange.request.headers.authorization, exchange).then((principal) => {
          exchange.principal = principal;
          front.traffic.admit(exchange);
          return answer(registry, front.face, exchange);
        });
    if (answered instanceof Promise) answered.catch((error: unknown) => fail(front.face, exchange, error, log));
  } catch (error) {
    fail(front.face, exchange, error, log);
  }
}

function answer(registry: Registry, face: Face, exchange: Exchange): MaybePromise<void> {
  const route = matchRoute(exchange.path);
  if (route === undefined) throw new RegistryError("NAME_UNKNOWN", "no endpoint of the Distribution API has this path");
  exchange.route = route.kind;
  const method = exchange.request.method ?? "";
  const unsupported = () => {
    throw new RegistryError(
      "UNSUPPORTED",
      `${method} means nothing here: see the Distribution specification's endpoints`,
    );
  };
  if (route.kind === "base") {
    if (method !== "GET" && method !== "HEAD") return unsupported();
    // Clients learn here that they must log in, whatever they go on to ask for.
    if (exchange.principal.kind === "anonymous") throw new RegistryError("UNAUTHORIZED", "log in first");
    return sendJson(exchange, 200, ["Docker-Distribution-Api-Version", "registry/2.0"], "{}");
  }
  const pull = method === "GET" || method === "HEAD";
  if (!pull) return answerChange(registry, face, exchange, route, unsupported);
  return answerRoute(registry, exchange, route, unsupported);
}

async function answerChange(
  registry: Registry,
  face: Face,
  exchange: Exchange,
  route: Exclude<Route, { readonly kind: "base" }>,
  unsupported: () => void,
): Promise<void> {
  await requireWritable(registry);
  const pushes = "name" in route && exchange.request.method !== "DELETE";
  if (pushes && face.templatesOnly !== undefined) {
    await requirePushTarget(registry, exchange, face.templatesOnly(exchange), parseRepositoryName(route.name));
  }
  return answerRoute(registry, exchange, route, unsupported, face.strict);
}

function answerRoute(
  registry: Registry,
  exchange: Exchange,
  route: Exclude<Route, { readonly kind: "base" }>,
  unsupported: () => void,
  strict?: boolean,
): MaybePromise<void> {
  const method = exchange.request.method ?? "";
  const pull = method === "GET" || method === "HEAD";
  if (route.kind === "catalog") return pull ? answerCatalog(registry, exchange) : unsupported();
  const name = parseRepositoryName(route.name);
  switch (route.kind) {
    case "manifest":
      if (pull) return answerManifest(registry, exchange, name, route.reference);
      if (method === "PUT") return putManifest(registry, exchange, name, route.reference, strict);
      return method === "DELETE" ? removeManifest(registry, exchange, name, route.reference) : unsupported();
    case "blob":
      if (pull) return answerBlob(registry, exchange, name, route.digest);
      return method === "DELETE" ? removeBlob(registry, exchange, name, route.digest) : unsupported();
    case "uploads":
      return method === "POST" ? postUpload(registry, exchange, name) : unsupported();
    case "upload":
      return answerUpload(registry, exchange, name, decodeSegment(route.id), unsupported);
    case "tags":
      return pull ? answerTags(registry, exchange, name) : unsupported();
    case "referrers":
      return pull ? answerReferrers(registry, exchange, name, route.digest) : unsupported();
  }
}

function answerManifest(
  registry: Registry,
  exchange: Exchange,
  name: RepositoryName,
  text: string,
): MaybePromise<void> {
  const reference = parseReference(decodeSegment(text));
  if (exchange.request.method === "HEAD") return answerManifestHead(registry, exchange, name, reference);
  // Read before the rows: an answer made of rows that change meanwhile is void at once.
  const generation = registry.metadata.generation(name);
  return andThen(pullManifest(registry, exchange, name, reference), ({ digest, mediaType, bytes, mark }) => {
    if (isUnchanged(exchange, digest)) return sendEmpty(exchange.response, 304, ["ETag", `"${digest}"`]);
    const headers = [...contentHeaders(digest, mediaType), "Content-Length", String(bytes.length)];
    const answer = { repository: name, generation, route: "manifest", headers, body: joinable(bytes), mark };
    notePull(registry, { principal: exchange.principal, repository: name }, mark);
    keepAnswer(registry, exchange, answer);
    sendContent(exchange, 200, headers, answer.body);
  });
}

async function answerManifestHead(
  registry: Registry,
  exchange: Exchange,
  name: RepositoryName,
  reference: Reference,
): Promise<void> {
  const found = await inspectManifest(registry, exchange, name, reference);
  const headers = [...contentHeaders(found.digest, found.mediaType), "Content-Length", String(found.size)];
  exchange.response.writeHead(200, headers);
  exchange.response.end();
}

function contentHeaders(digest: string, mediaType: string): string[] {
  return [
    "Content-Type",
    mediaType,
    "Docker-Content-Digest",
    digest,
    "ETag",
    `"${digest}"`,
    "X-Content-Type-Options",
    "nosniff",
  ];
}

function isUnchanged(exchange: Exchange, digest: string): boolean {
  const condition = exchange.request.headers["if-none-match"];
  if (condition === undefined) return false;
  return (
    condition.trim() === "*" || condition.split(",").some((one) => one.trim().replace(/^W\//, "") === `"${digest}"`)
  );
}

async function answerBlob(registry: Registry, exchange: Exchange, name: RepositoryName, text: string): Promise<void> {
  const { request, response } = exchange;
  const digest = parseDigest(decodeSegment(text));
  const head = request.method === "HEAD";
  const generation = registry.metadata.generation(name);
  const blob = head
    ? await inspectBlob(registry, exchange, name, digest)
    : await findBlob(registry, exchange, name, digest);
  if (isUnchanged(exchange, digest)) return sendEmpty(response, 304, ["ETag", `"${digest}"`]);
  const condition = request.headers["if-range"];
  const header = condition === undefined || condition === `"${digest}"` ? request.headers.range : undefined;
  const range = head ? "whole" : parseByteRange(header, blob.size);
  if (range === "unsatisfiable") {
    const error = new RegistryError(
      "RANGE_NOT_SATISFIABLE",
      `the blob has ${blob.size} bytes: ask for a range inside it`,
    );
    return sendError(exchange, error, distributionErrors.RANGE_NOT_SATISFIABLE, [
      "Content-Range",
      `bytes */${blob.size}`,
    ]);
  }
  const { start, end } = range === "whole" ? { start: 0, end: blob.size - 1 } : range;
  const headers = [
    ...contentHeaders(digest, "application/octet-stream"),
    "Accept-Ranges",
    "bytes",
    "Content-Length",
    String(end - start + 1),
  ];
  if (range !== "whole") headers.push("Content-Range", `bytes ${start}-${end}/${blob.size}`);
  const begin = () => void response.writeHead(range === "whole" ? 200 : 206, headers);
  if (head || blob.size === 0) {
    begin();
    response.end();
    return;
  }
  if (blob.bytes !== null && range === "whole") {
    const answer = { repository: name, generation, route: "blob", headers, body: joinable(blob.bytes) };
    keepAnswer(registry, exchange, answer);
    return sendContent(exchange, 200, headers, answer.body);
  }
  const elsewhere = await findRedirect(registry, blob);
  if (elsewhere !== undefined) {
    const place = ["Location", elsewhere, "Docker-Content-Digest", digest, "Cache-Control", "no-store"];
    return sendEmpty(response, 307, place);
  }
  await sendBlob(registry, blob, { start, end }, begin, (chunk) => sendChunk(exchange, chunk));
  response.end();
}

async function removeBlob(registry: Registry, exchange: Exchange, name: RepositoryName, text: string): Promise<void> {
  await deleteBlob(registry, exchange, name, parseDigest(decodeSegment(text)));
  sendEmpty(exchange.response, 202, []);
}
