import { sql } from "kysely";
import type { UsageRow } from "./quotas.ts";
import { statement } from "./statement.ts";

/** A namespace's count, for this transaction alone. */
export interface QuotaRow extends UsageRow {
  readonly path: string;
  readonly warned_storage: number;
  readonly warned_images: number;
  readonly warned_repositories: number;
  readonly freed: number;
  readonly pending: number | null;
  readonly pending_at: number | null;
}

export const lockQuota = statement(
  "lockQuota",
  (_db, p: { namespace: number }, d) => sql<QuotaRow>`
    select q.storage, q.images, q.repositories, q.warned_storage, q.warned_images, q.warned_repositories,
           q.freed, q.pending, q.pending_at,
           (select path from namespace where id = q.namespace_id) as path
    from quota q where q.namespace_id = ${p.namespace} ${d.forUpdate}`,
);

/** What it uses, and what others were told of. */
export const updateQuota = statement(
  "updateQuota",
  (
    _db,
    p: {
      namespace: number;
      storage: number;
      images: number;
      repositories: number;
      warnedStorage: number;
      warnedImages: number;
      warnedRepositories: number;
      freed: number;
      unseen: number;
    },
  ) => sql<never>`
    update quota set storage = ${p.storage}, images = ${p.images}, repositories = ${p.repositories},
      freed = ${p.freed}, unseen = ${p.unseen},
      warned_storage = ${p.warnedStorage}, warned_images = ${p.warnedImages}, warned_repositories = ${p.warnedRepositories}
    where namespace_id = ${p.namespace}`,
);

/** Begins to count; one that counts is thought of anew. */
export const putQuota = statement(
  "putQuota",
  (_db, p: { namespace: number }) => sql<never>`
    insert into quota (namespace_id, storage, images, repositories, unseen, warned_storage, warned_images, warned_repositories)
    values (${p.namespace}, 0, 0, 0, 1, 0, 0, 0) on conflict (namespace_id) do update set unseen = 1`,
);

export const deleteQuota = statement(
  "deleteQuota",
  (_db, p: { namespace: number }) => sql<never>`delete from quota where namespace_id = ${p.namespace}`,
);

export const deleteQuotaBlobs = statement(
  "deleteQuotaBlobs",
  (_db, p: { namespace: number }) => sql<never>`delete from quota_blob where namespace_id = ${p.namespace}`,
);

/** Blobs that count for a namespace, and their bytes. */
export const sumQuotaBlobs = statement(
  "sumQuotaBlobs",
  (_db, p: { namespace: number }) => sql<{ count: number; bytes: number | null }>`
    select count(*) as count, sum(size) as bytes from quota_blob where namespace_id = ${p.namespace}`,
);
