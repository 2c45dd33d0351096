/** What a lifecycle policy does to one repository, once. */
export interface LifecycleRunTable {
  /** Of the job that does it. */
  id: number;
  repository_id: number;
  /** What the repository was called. */
  repository: string;
  /** `waiting`, `deleting`, `done`, `unconfirmed`, `stopped`. */
  state: string;
  /** `user:alice`, `schedule:lifecycle`. */
  created_by: string;
  created_at: number;
  /** The run whose list was confirmed by who asked for this one. */
  confirms: number | null;
  /** JSON of the policy. */
  policy: string | null;
  /** JSON of the settings that the plan was made by: others stop the run. */
  basis: string | null;
  /** Where the policy comes from, in words. */
  place: string | null;
  /** The time that was judged at; null until there is a plan. */
  planned_at: number | null;
  /** Images that go by the plan, and those that stay. */
  expired: number;
  kept: number;
  /** Freed by the plan. */
  bytes: number;
  /** Place of the image whose turn it is. */
  next: number;
  deleted: number;
  saved: number;
  freed: number;
  /** A sentence, once it has ended. */
  outcome: string | null;
  ended_at: number | null;
}

/** An image that goes by the plan of a run. */
export interface LifecycleImageTable {
  run_id: number;
  /** Its turn, from 0. */
  place: number;
  /** JSON: what goes, why, and what it looked like when it was judged. */
  plan: string;
  /** `waiting`, `deleted`, `saved`; `gone` when another deleted it. */
  state: string;
  /** Why it was saved. */
  note: string | null;
}
