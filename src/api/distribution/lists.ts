import { decodeSegment } from "./route.ts";
import { keepAnswer } from "./answer-cache.ts";
import { queryOf, sendContent, sendJson, warningHeaders } from "../http/index.ts";
import type { Exchange } from "../http/index.ts";
import { andThen } from "../../lib/index.ts";
import type { MaybePromise } from "../../lib/index.ts";
import { mediaTypes, parseDigest, RegistryError } from "../../oci/index.ts";
import type { RepositoryName } from "../../oci/index.ts";
import { listReferrers, listRepositories, listTags } from "../../registry/index.ts";
import type { Registry } from "../../registry/index.ts";

/** Entries of a list where the client does not say. */
const defaultPage = 100;
const pageLimit = 10_000;

interface Asked {
  readonly after: string;
  readonly limit: number;
  readonly warnings: readonly string[];
}

function pageOf(exchange: Exchange): Asked {
  const query = queryOf(exchange);
  const n = query.get("n");
  if (n !== null && !/^\d+$/.test(n)) {
    throw new RegistryError("PAGINATION_INVALID", "n is a number of entries: 0 or more", {
      detail: { n: n.slice(0, 40) },
    });
  }
  const limit = n === null ? defaultPage : Math.min(Number(n), pageLimit);
  const lowered = n !== null && limit < Number(n);
  const warnings = lowered ? [`a page has at most ${pageLimit} entries: follow the Link header for the others`] : [];
  return { after: findText(query, "last") ?? "", limit, warnings };
}

/** A parameter that is compared with rows as it is. @throws RegistryError REQUEST_INVALID for a NUL, which PostgreSQL takes in no text */
function findText(query: URLSearchParams, name: string): string | undefined {
  const text = query.get(name) ?? undefined;
  if (text?.includes("\0")) {
    throw new RegistryError("REQUEST_INVALID", `${name} has a NUL character, which no name has: leave it out`);
  }
  return text;
}

function nextLink(
  exchange: Exchange,
  limit: number,
  page: { readonly items: readonly string[]; readonly more: boolean },
): string[] {
  const last = page.items.at(-1);
  if (!page.more || last === undefined) return [];
  return ["Link", `<${exchange.path}?n=${limit}&last=${encodeURIComponent(last)}>; rel="next"`];
}

/** Tags of a repository, a page (end-8a, end-8b). */
export function answerTags(registry: Registry, exchange: Exchange, name: RepositoryName): MaybePromise<void> {
  const { after, limit, warnings } = pageOf(exchange);
  const generation = registry.metadata.generation(name);
  return andThen(listTags(registry, exchange, name, after, limit), (page) => {
    // Neither names nor tags have characters of more than one byte.
    const body = JSON.stringify({ name, tags: page.items });
    const headers = ["Content-Type", "application/json", ...nextLink(exchange, limit, page)];
    headers.push(...warningHeaders(warnings), "Content-Length", String(body.length));
    keepAnswer(registry, exchange, { repository: name, generation, route: "tags", headers, body });
    sendContent(exchange, 200, headers, body);
  });
}

/** Names of repositories, a page (`_catalog`). */
export function answerCatalog(registry: Registry, exchange: Exchange): MaybePromise<void> {
  const { principal } = exchange;
  // A client that has a login shows it only when it is asked to, and would take the public part for the whole.
  if (principal.kind === "anonymous" && principal.limits.length === 0) {
    throw new RegistryError("UNAUTHORIZED", "log in to list repositories, or fetch a token for the public ones");
  }
  const { after, limit, warnings } = pageOf(exchange);
  return andThen(listRepositories(registry, exchange, after, limit), (page) => {
    const headers = [...nextLink(exchange, limit, page), ...warningHeaders(warnings)];
    sendJson(exchange, 200, headers, JSON.stringify({ repositories: page.items }));
  });
}

/** Manifests whose subject is the digest, a page (end-12a, end-12b). */
export async function answerReferrers(
  registry: Registry,
  exchange: Exchange,
  name: RepositoryName,
  text: string,
): Promise<void> {
  const subject = parseDigest(decodeSegment(text));
  const query = queryOf(exchange);
  const artifactType = findText(query, "artifactType");
  const types = artifactType === undefined ? [] : [artifactType];
  const wanted = { subject, types, after: findText(query, "last") ?? "" };
  const { descriptors, next } = await listReferrers(registry, exchange, name, wanted).catch(emptyIfUnknown);
  const headers: string[] = [];
  if (artifactType !== undefined) headers.push("OCI-Filters-Applied", "artifactType");
  if (next !== undefined) {
    const filter = artifactType === undefined ? "" : `&artifactType=${encodeURIComponent(artifactType)}`;
    headers.push("Link", `<${exchange.path}?last=${encodeURIComponent(next)}${filter}>; rel="next"`);
  }
  const document = `{"schemaVersion":2,"mediaType":"${mediaTypes.ociIndex}","manifests":[${descriptors.join(",")}]}`;
  sendJson(exchange, 200, headers, document, mediaTypes.ociIndex);
}

/** A repository that is not there has no referrers (end-12: 200 with an empty list). */
function emptyIfUnknown(error: unknown): { readonly descriptors: readonly string[]; readonly next: undefined } {
  if (error instanceof RegistryError && error.code === "NAME_UNKNOWN") return { descriptors: [], next: undefined };
  throw error;
}
