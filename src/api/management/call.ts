import type { Caller, Once, Permit } from "../../access/index.ts";
import type { AnswerOf, BodyOf, Endpoint, Endpoints, ParametersOf, QueryOf } from "../../contract/index.ts";
import type { Jobs, Webhooks } from "../../jobs/index.ts";
import type { Attribution } from "../../metadata/index.ts";
import type { Registry } from "../../registry/index.ts";

/** What the endpoints work with. */
export interface Management {
  readonly registry: Registry;
  readonly jobs: Jobs;
  readonly webhooks: Webhooks;
  /** Digits of the accounts that a namespace is for clients of ECR. */
  readonly ecrAccountsOf: (namespace: string) => readonly string[];
  /** Called when a user's password was changed, with the user's name. */
  readonly passwordChanged: (user: string) => Promise<void>;
}

/** A request to one endpoint: everything was read and checked, and what the table asks for is allowed. */
export interface Call<E extends Endpoint> {
  readonly management: Management;
  readonly caller: Caller;
  /** Who asks, with the reason why it is allowed. */
  readonly by: Attribution;
  /** For endpoints whose place is a repository. */
  readonly permit: Permit | undefined;
  readonly parameters: ParametersOf<E>;
  readonly query: QueryOf<E>;
  readonly body: BodyOf<E>;
  /** What `If-Match` names; undefined for any. */
  readonly versions: readonly string[] | undefined;
  /** For the write, so that the same request changes nothing when it comes again. */
  readonly once: Once | undefined;
}

/** The answer of an endpoint. A list's `next` becomes a `Link`, too. */
export interface Reply<E extends Endpoint> {
  readonly body: AnswerOf<E>;
  /** For `ETag`. */
  readonly version?: string;
  /** Path of what was made, below `/api/v1`. */
  readonly location?: string;
  /** Whether it was answered before. */
  readonly replayed?: boolean;
  /** What the caller should know although it was done; each is a `Warning`. */
  readonly warnings?: readonly string[];
}

export type Handler<E extends Endpoint> = (call: Call<E>) => Promise<Reply<E>>;

export type HandlersOf<T extends Endpoints> = { readonly [K in keyof T]: Handler<T[K]> };
