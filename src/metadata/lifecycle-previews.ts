import { sql } from "kysely";
import type { LifecyclePreviewPageTable, LifecyclePreviewTable } from "./schema-lifecycle.ts";
import { statement } from "./statement.ts";

export type LifecyclePreviewRow = Readonly<LifecyclePreviewTable>;
type LifecyclePreviewPageRow = Readonly<LifecyclePreviewPageTable>;

export const insertLifecyclePreview = statement(
  "insertLifecyclePreview",
  (
    _db,
    p: {
      preview: number;
      repositoryId: number;
      repository: string;
      by: string;
      now: number;
      expiresAt: number;
      policy: string | null;
      at: number | null;
    },
  ) => sql<never>`
    insert into lifecycle_preview (id, repository_id, repository, state, created_by, created_at, expires_at, policy, at,
      expired, kept, bytes)
    values (${p.preview}, ${p.repositoryId}, ${p.repository}, 'waiting', ${p.by}, ${p.now}, ${p.expiresAt}, ${p.policy},
      ${p.at}, 0, 0, 0)`,
);

export const findLifecyclePreview = statement(
  "findLifecyclePreview",
  (_db, p: { preview: number }) => sql<LifecyclePreviewRow>`select * from lifecycle_preview where id = ${p.preview}`,
);

/** A preview, for this transaction alone. */
export const lockLifecyclePreview = statement(
  "lockLifecyclePreview",
  (_db, p: { preview: number }, d) => sql<LifecyclePreviewRow>`
    select * from lifecycle_preview where id = ${p.preview} ${d.forUpdate}`,
);

/** Those of a repository that are there at a time, the latest first. */
export const listLifecyclePreviews = statement(
  "listLifecyclePreviews",
  (_db, p: { repository: number; before: number; now: number; limit: number }) => sql<LifecyclePreviewRow>`
    select * from lifecycle_preview
    where repository_id = ${p.repository} and id < ${p.before} and expires_at > ${p.now}
    order by id desc limit ${p.limit}`,
);

/** How many that somebody started are not done, up to a limit. */
export const countWaitingPreviews = statement(
  "countWaitingPreviews",
  (_db, p: { by: string; now: number; limit: number }) => sql<{ count: number }>`
    select count(*) as count from (
      select id from lifecycle_preview
      where created_by = ${p.by} and state = 'waiting' and expires_at > ${p.now} limit ${p.limit}) page`,
);

/** What is kept of previews that somebody started, the latest first. */
export const listKeptPreviews = statement(
  "listKeptPreviews",
  (_db, p: { by: string; now: number; limit: number }) => sql<{ id: number; repository: string; images: number }>`
    select id, repository, expired + kept as images from lifecycle_preview
    where created_by = ${p.by} and state = 'done' and expires_at > ${p.now} order by id desc limit ${p.limit}`,
);

export const insertLifecyclePreviewPage = statement(
  "insertLifecyclePreviewPage",
  (_db, p: { preview: number; first: number; images: string }) => sql<never>`
    insert into lifecycle_preview_page (preview_id, first, images) values (${p.preview}, ${p.first}, ${p.images})`,
);

/** From the page on that begins with that image. */
export const listLifecyclePreviewPages = statement(
  "listLifecyclePreviewPages",
  (_db, p: { preview: number; first: number; limit: number }) => sql<LifecyclePreviewPageRow>`
    select * from lifecycle_preview_page where preview_id = ${p.preview} and first >= ${p.first}
    order by first limit ${p.limit}`,
);

/** The first pages of a preview. */
export const deleteLifecyclePreviewPages = statement(
  "deleteLifecyclePreviewPages",
  (_db, p: { preview: number; limit: number }) => sql<never>`
    delete from lifecycle_preview_page where preview_id = ${p.preview} and first in (
      select first from lifecycle_preview_page where preview_id = ${p.preview} order by first limit ${p.limit})`,
);

/** It is done, with all its pages. */
export const settleLifecyclePreview = statement(
  "settleLifecyclePreview",
  (
    _db,
    p: {
      preview: number;
      grammar: string;
      place: string;
      judgedAt: number;
      expired: number;
      kept: number;
      bytes: number;
      confirm: string | null;
      goes: number | null;
      stays: number | null;
      difference: number | null;
      now: number;
      expiresAt: number;
    },
  ) => sql<never>`
    update lifecycle_preview set state = 'done', grammar = ${p.grammar}, place = ${p.place}, judged_at = ${p.judgedAt},
      expired = ${p.expired}, kept = ${p.kept}, bytes = ${p.bytes}, confirm = ${p.confirm}, goes = ${p.goes},
      stays = ${p.stays}, difference = ${p.difference}, ended_at = ${p.now}, expires_at = ${p.expiresAt}
    where id = ${p.preview}`,
);

/** It ends without a result. */
export const endLifecyclePreview = statement(
  "endLifecyclePreview",
  (_db, p: { preview: number; state: string; outcome: string; now: number; expiresAt: number }) => sql<never>`
    update lifecycle_preview set state = ${p.state}, outcome = ${p.outcome}, ended_at = ${p.now},
      expires_at = ${p.expiresAt}
    where id = ${p.preview}`,
);

/** The one that ended first of those that are no longer there at a time. */
export const findExpiredLifecyclePreview = statement(
  "findExpiredLifecyclePreview",
  (_db, p: { now: number }) => sql<{ id: number }>`
    select id from lifecycle_preview where expires_at <= ${p.now} order by expires_at limit 1`,
);

export const deleteLifecyclePreview = statement(
  "deleteLifecyclePreview",
  (_db, p: { preview: number }) => sql<never>`delete from lifecycle_preview where id = ${p.preview}`,
);
