/** What a namespace with a quota uses, with all below it; there while one of its settings limits something. */
export interface QuotaTable {
  namespace_id: number;
  /** Bytes, but for those of `quota_delta`. */
  storage: number;
  /** Manifests without a parent and a subject, but for those of `quota_delta`. */
  images: number;
  /** But for those of `quota_delta`. */
  repositories: number;
  /** 1 when warnings were not thought of since the last change. */
  unseen: number;
  /** Highest threshold, in percent, that others were told of; 0 for none. */
  warned_storage: number;
  warned_images: number;
  warned_repositories: number;
  /** Bytes that left `storage` since `pending` was counted, but for those of `quota_delta`: so much more is pending at most. */
  freed: number;
  /** Bytes that deletes kept when they were counted last; null when they must be counted. */
  pending: number | null;
  /** When that was. */
  pending_at: number | null;
  /** Deletes that were given up before their time, and when the last was. */
  given_up: number;
  given_up_at: number | null;
}

/** That a blob counts for a namespace with a quota: some repository in it has the blob. */
export interface QuotaBlobTable {
  /** No foreign key: a lock on its row would be one that all pushes share. */
  namespace_id: number;
  blob_id: number;
  /** Bytes, as in `blob`. */
  size: number;
}

/** A change of what a namespace uses, until it is added to `quota`. PostgreSQL only: SQLite has one writer, which adds at once. */
export interface QuotaDeltaTable {
  namespace_id: number;
  storage: number;
  images: number;
  repositories: number;
}
