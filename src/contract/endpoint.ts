import type { z } from "zod";
import type { RegistryErrorCode } from "../oci/index.ts";

/**
 * What a caller must be allowed to do before an endpoint looks at anything, by place:
 *
 * - `none`: anybody, also who has shown nothing; the answer holds only what the caller may see.
 * - `known`: whoever has logged in; the endpoint itself sees to the rest.
 * - `self`: the user that the path names as `user`, by a credential without a scope, or who may do `action` on the root
 *   namespace.
 * - `root`, `namespace`, `repository`: who may do `action` on the root namespace, on the namespace that the path names as
 *   `path`, on the repository that it names as `name`.
 * - `parent`: who may do `action` on the namespace above the one that the body names as `path`.
 */
export type Auth =
  | { readonly place: "none" | "known" }
  | { readonly place: "self" | "root" | "namespace" | "repository" | "parent"; readonly action: string };

/** A route of the management API with all that it takes and gives. */
export interface Endpoint {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /**
   * Below `/api/v1`. `{user}` is one segment; `{name+}` one or more, since names contain slashes, and `{path*}` any number:
   * where more follows, a segment `-` ends them, which no name has, and it stands for the root namespace alone.
   */
  readonly path: string;
  /** The part of the documentation that it belongs to. */
  readonly tag: string;
  /** One line, in the imperative. */
  readonly summary: string;
  /** What else there is to know. */
  readonly about?: string;
  readonly auth: Auth;
  /** Parameters of the path; all of them. */
  readonly parameters?: z.ZodObject;
  /** Parameters of the query; others are refused. */
  readonly query?: z.ZodObject;
  /** A JSON object; fields that are not listed are refused. Each POST has one. */
  readonly body?: z.ZodObject;
  /** Bytes; 64 KiB when it does not say. */
  readonly bodyLimit?: number;
  /** The answer's JSON; without it the answer is empty. What is not listed is left out. */
  readonly answer?: z.ZodType;
  readonly status: 200 | 201 | 202 | 204;
  /** What can go wrong beside what can go wrong everywhere. */
  readonly errors: readonly RegistryErrorCode[];
  /** Goes on while the registry is read-only: it changes no content, or lets people in or out. */
  readonly whenReadOnly?: true;
  /** Takes `Idempotency-Key`: repeated within a day, it answers as it did and changes nothing. */
  readonly once?: true;
  /** Takes `If-Match` with the ETag of what is to be changed. */
  readonly conditional?: true;
}

export type Endpoints = { readonly [id: string]: Endpoint };

export type ParametersOf<E> = E extends { readonly parameters: z.ZodType<infer P> } ? P : undefined;
export type QueryOf<E> = E extends { readonly query: z.ZodType<infer Q> } ? Q : undefined;
export type BodyOf<E> = E extends { readonly body: z.ZodType<infer B> } ? B : undefined;
export type AnswerOf<E> = E extends { readonly answer: z.ZodType<infer A> } ? A : undefined;
