import type { Access } from "../access/index.ts";
import type { GuardedFetch } from "../lib/index.ts";
import type { Metadata } from "../metadata/index.ts";
import type { PauseRule } from "./pause.ts";
import type { EcrPlace } from "./told-event.ts";
import type { JobWrites } from "./writes.ts";

/** Times in milliseconds. */
export interface DeliveryOptions {
  /** Between two looks. */
  readonly look: number;
  /** After so long without a word, another process delivers. Longer than an attempt may take. */
  readonly lease: number;
  /** Failures of one event until it is dead. */
  readonly attempts: number;
  readonly pause: PauseRule;
  /** Failures in a row that open the breaker, and for how long it stays open. */
  readonly threshold: number;
  readonly rest: PauseRule;
  /** A receiver that has failed for this long is given up. */
  readonly giveUp: number;
  /** Events for one webhook at once, webhooks at once. */
  readonly atOnce: number;
  readonly webhooksAtOnce: number;
  /** Deliveries that may wait for one webhook. */
  readonly waiting: number;
  readonly alarm: (what: string, facts: object) => void;
}

/** What delivering works with. */
export interface Delivering {
  readonly metadata: Metadata<JobWrites>;
  readonly access: Access;
  readonly fetch: GuardedFetch;
  readonly source: string;
  /** Where clients of ECR find a repository. */
  readonly ecrPlaceOf: (repository: string) => EcrPlace;
}
