import { sql } from "kysely";
import { statement } from "./statement.ts";

/** An event as it is read. */
export interface EventRow {
  readonly id: number;
  readonly type: string;
  readonly repository: string;
  readonly payload: string;
  readonly at: number;
  /** The repository that had the name when the row was written; null when none had. */
  readonly repository_id: number | null;
  readonly namespace: string | null;
}

export const hasEvents = statement(
  "hasEvents",
  (_db, _p: { readonly [none: string]: never }) => sql<{ id: number }>`select id from event limit 1`,
);

/** In the order of their ids, which for one tag is the order of its changes: each holds the tag's row until its end. */
export const listEvents = statement(
  "listEvents",
  (_db, p: { limit: number }) => sql<EventRow>`
    select id, type, repository, payload, at, repository_id, namespace from event order by id limit ${p.limit}`,
);

export const deleteEvents = statement(
  "deleteEvents",
  (_db, p: { events: readonly number[] }, d) => sql<never>`
    delete from event where ${d.isOneOf(sql`id`, p.events, "bigint")}`,
);
