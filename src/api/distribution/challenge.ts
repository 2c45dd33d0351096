import { queryOf } from "../http/index.ts";
import type { Exchange } from "../http/index.ts";
import type { RegistryError } from "../../oci/index.ts";
import { matchRoute } from "./route.ts";

/** What a refused request would have needed. */
export interface Need {
  /** Scopes of the token protocol: `repository:team/app:pull,push`. */
  readonly scopes: readonly string[];
  /** What was wrong with the token that was shown (RFC 6750, 3.1). */
  readonly error: "invalid_token" | "insufficient_scope" | undefined;
}

/** A refusal in a face's own words. */
export interface Told {
  readonly status: number;
  readonly code: string;
  /** The error's own when undefined. */
  readonly message?: string;
  /** The whole body as plain text, in the place of the specification's document. */
  readonly plain?: string;
}

/** How one of the registry's faces asks for a login, and what else is its own. */
export interface Face {
  /** Value of `WWW-Authenticate`. */
  readonly challenge: (exchange: Exchange, need: Need) => string;
  /** How a refusal is told; undefined where it is told as elsewhere. */
  readonly tell?: (exchange: Exchange, error: RegistryError) => Told | undefined;
  /** Looks at a request before it is answered: names of repositories may mean others here. */
  readonly enter?: (exchange: Exchange) => void;
  /** Tags that do not move are refused as Amazon ECR refuses them. */
  readonly strict?: boolean;
  /** Path of the namespace whose templates of ECR alone make repositories by a push; undefined where each push may. */
  readonly templatesOnly?: (exchange: Exchange) => string;
}

/** Sends clients to the token endpoint. Basic is taken without it, too. */
export const bearerFace: Face = {
  challenge({ outside }, { scopes, error }) {
    const pairs = [
      ["realm", `${outside.scheme}://${outside.host}/token`],
      ["service", outside.host],
      ...(scopes.length === 0 ? [] : [["scope", scopes.join(" ")]]),
      ...(error === undefined ? [] : [["error", error]]),
    ];
    return `Bearer ${pairs.map(([name, value]) => `${name}="${value}"`).join(",")}`;
  },
};

/** Headers of a refusal: how to log in, and for what, on every 401. */
export function challengeHeaders(face: Face, exchange: Exchange, error: RegistryError): string[] {
  if (error.code !== "UNAUTHORIZED") return [];
  return [
    "WWW-Authenticate",
    face.challenge(exchange, { scopes: scopesOf(exchange, error), error: errorOf(exchange) }),
  ];
}

function errorOf({ request, principal }: Exchange): Need["error"] {
  if (!/^Bearer /i.test(request.headers.authorization ?? "")) return undefined;
  return principal.limits.some(({ lacking }) => lacking === "challenge") ? "insufficient_scope" : "invalid_token";
}

/** A name that is none is not repeated. */
const namePattern = /^[a-z0-9._/-]{1,255}$/;

function scopesOf(exchange: Exchange, error: RegistryError): string[] {
  const route = matchRoute(exchange.path);
  if (route === undefined || route.kind === "base") return [];
  if (route.kind === "catalog") return ["registry:catalog:*"];
  if (!namePattern.test(route.name)) return [];
  const { method } = exchange.request;
  const deletes = method === "DELETE" && route.kind !== "upload";
  // To ask how far an upload is takes what the upload takes.
  const reads = (method === "GET" || method === "HEAD") && route.kind !== "upload";
  const scopes = [`repository:${route.name}:${reads ? "pull" : deletes ? "delete" : "pull,push"}`];
  const from = route.kind === "uploads" ? (queryOf(exchange).get("from") ?? sourceOf(error)) : undefined;
  if (from !== undefined && namePattern.test(from)) scopes.push(`repository:${from}:pull`);
  return scopes;
}

/** Where a mount would find its blob, if the token were for it, too. */
function sourceOf({ detail }: RegistryError): string | undefined {
  return (detail as { readonly source?: string } | undefined)?.source;
}
