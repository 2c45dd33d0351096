import type { Generated } from "kysely";

/** Something that is done later, in the background of any process. */
export interface JobTable {
  id: Generated<number>;
  /** Names what does it. */
  kind: string;
  /** Of several with the same text one is unfinished at a time; null for any number. */
  single: string | null;
  /** What it is about, for people. */
  about: string;
  /** JSON. */
  input: string;
  /** `waiting`, `running`, `done`, `dead`. */
  state: string;
  /** Runs that failed. */
  attempts: number;
  /** Waiting: not run before. Running: its lease ends. */
  due_at: number;
  /** Its window ends; null for none. */
  deadline: number | null;
  /** Moves with each claim: what an older one says is refused. */
  fence: number;
  /** Who runs it, or ran it last. */
  node: string | null;
  /** JSON, of the last run: the next goes on from it. */
  progress: string | null;
  /** JSON, once it is done. */
  result: string | null;
  /** Why the last run failed: a sentence. */
  error: string | null;
  created_by: string;
  created_at: number;
  /** First run. */
  started_at: number | null;
  ended_at: number | null;
}

/** When jobs of a kind begin by themselves. */
export interface ScheduleTable {
  name: string;
  /** Of its jobs, as `about` and `input`. */
  kind: string;
  about: string;
  input: string;
  /** Five fields, in `zone`. */
  cron: string;
  zone: string;
  /** Milliseconds by which a time is put off at most, each by another. */
  jitter: number;
  /** The window: milliseconds from a time in which its job may begin and run; null for any. */
  span: number | null;
  /** The time that comes next, without jitter. */
  next_at: number;
  /** The time that came last. */
  fired_at: number | null;
}

/** Who is told of events. */
export interface WebhookTable {
  id: Generated<number>;
  /** Of the root for the whole server; null when it is a repository's. */
  namespace_id: number | null;
  repository_id: number | null;
  /** May hold a secret: shown to those who manage it alone. */
  url: string;
  /** `cloudevents`, `cloudevents-batch`, `cloudevents-binary`, `distribution`, `eventbridge`, `harbor`. */
  format: string;
  /** JSON list of types; null for all but `image.pulled`. */
  events: string | null;
  /** JSON list of patterns; null for all. */
  repositories: string | null;
  /** JSON list of patterns; null for all. */
  tags: string | null;
  description: string | null;
  disabled: number;
  /** Sealed, as `former_secret`. */
  secret: string;
  former_secret: string | null;
  /** Signed with as well until then. */
  former_until: number | null;
  /** JSON of who answers for it, as `access` has principals. */
  principal: string;
  revision: number;
  created_at: number;
  created_by: string;
  changed_at: number;
  changed_by: string;
  /** Moves with each claim. */
  fence: number;
  /** A process delivers until then. */
  lease_until: number;
  /** Failed in a row. */
  failures: number;
  failing_since: number | null;
  /** The breaker is open: nothing is sent before. */
  rest_until: number;
  /** Why nothing is sent though it is not disabled: a sentence. */
  trouble: string | null;
}

/** One event for one webhook. */
export interface DeliveryTable {
  id: Generated<number>;
  webhook_id: number;
  /** `webhook-id`: the same each time the event is sent. */
  event: string;
  type: string;
  /** Repository's name, or path of a namespace. */
  repository: string;
  /** As the event has it. */
  payload: string;
  /** When the event happened. */
  happened_at: number;
  /** `waiting`, `delivered`, `dead`. */
  state: string;
  attempts: number;
  due_at: number;
  /** Of the last answer. */
  status: number | null;
  /** Why the last attempt failed. */
  error: string | null;
  /** Milliseconds of the last attempt. */
  took: number | null;
  tried_at: number | null;
  ended_at: number | null;
}
