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
  /** Images that go or are archived by the plan, and those that stay as they are. */
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
  /** `waiting`, `deleted`, `archived`, `saved`; `gone` when another deleted it. */
  state: string;
  /** Why it was saved. */
  note: string | null;
}

/** What a lifecycle policy would do to one repository, as a job worked it out. */
export interface LifecyclePreviewTable {
  /** Of the job that does it. */
  id: number;
  repository_id: number;
  /** What the repository was called. */
  repository: string;
  /** `waiting`, `done`, `stopped`, `cancelled`. */
  state: string;
  /** `user:alice`. */
  created_by: string;
  created_at: number;
  /** From then on it is not there for anybody, and its rows are removed. */
  expires_at: number;
  /** JSON of the policy that was given; null for the one that holds when it is judged. */
  policy: string | null;
  /** The time to judge at that was given; null for when it is judged. */
  at: number | null;
  /** `berth`, `ecr`, `harbor`; this and what follows once it is done. */
  grammar: string | null;
  /** Where the policy comes from, in words. */
  place: string | null;
  judged_at: number | null;
  expired: number;
  kept: number;
  /** Freed in all. */
  bytes: number;
  /** Why a run would have to be confirmed. */
  confirm: string | null;
  /** Images that go, and that stay, by the policy that was given only; null where none was, or none holds. */
  goes: number | null;
  stays: number | null;
  /** Bytes that the policy that was given frees more; negative for fewer. */
  difference: number | null;
  /** Why it was stopped. */
  outcome: string | null;
  ended_at: number | null;
}

/** Some hundred images of a preview. */
export interface LifecyclePreviewPageTable {
  preview_id: number;
  /** Place of its first image. */
  first: number;
  /** JSON: a list of what becomes of each image, and why. */
  images: string;
}
