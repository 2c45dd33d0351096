import type { Generated } from "kysely";

/*
 * What can be undone, until its window ends:
 *
 *   undo ── repository                          RESTRICT
 *     ├── manifest                              RESTRICT: what a tag was at
 *     ├── undo_manifest                         a deleted manifest with its bytes
 *     ├──< undo_blob ── blob                    RESTRICT
 *     ├──< undo_child ── manifest               RESTRICT
 *     └──< undo_grant ── account, …             CASCADE (`access` owns these)
 */

/** A tag that was moved or deleted, a manifest or a repository that was deleted. Ids are never used again. */
export interface UndoTable {
  id: Generated<number>;
  repository_id: number;
  /** `tag`, `manifest` or `repository`; `archive` of a manifest that a lifecycle run archived. */
  kind: string;
  /** Tag, digest, or the repository's name. */
  target: string;
  /** Of the manifest that it was, or that a tag was at; null for a repository. */
  digest: string | null;
  /** What a tag was at, held back from collection; null once that is deleted itself. */
  manifest_id: number | null;
  /** Digest of what a tag was moved to; null when it was deleted. */
  moved_to: string | null;
  /** The deletion of a manifest that took the tag along. */
  part_of: number | null;
  /** Who did it. */
  principal: string;
  /** The lifecycle run that did it. */
  run: number | null;
  /** Why a lifecycle run did it. */
  reason: string | null;
  at: number;
  /** It can be undone before. */
  until_at: number;
  /** When a tag's was undone; the row stays as its history. */
  applied_at: number | null;
  /** When it was given up before its time, since there was too much of it. */
  given_up_at: number | null;
}

/** A deleted manifest: the columns of `manifest`, its descriptor as a referrer, its bytes. */
export interface UndoManifestTable {
  undo_id: number;
  repository_id: number;
  digest: string;
  media_type: string;
  size: number;
  kind: string;
  artifact_type: string | null;
  subject: string | null;
  content_size: number;
  os: string | null;
  architecture: string | null;
  variant: string | null;
  image_created: string | null;
  labels: string | null;
  annotations: string | null;
  created_at: number;
  pulled_at: number | null;
  archived: number;
  archived_at: number | null;
  activated_at: number | null;
  descriptor: string | null;
  bytes: Uint8Array;
}

/** A blob that a deleted manifest needs, held back from collection. */
export interface UndoBlobTable {
  undo_id: number;
  blob_id: number;
}

/** A manifest that a deleted index listed. */
export interface UndoChildTable {
  undo_id: number;
  digest: string;
  /** Held back from collection; null once it is deleted itself. */
  child_id: number | null;
}

/** What was granted on a deleted repository; the columns of `access_grant`. */
export interface UndoGrantTable {
  id: Generated<number>;
  undo_id: number;
  account_id: number | null;
  group_id: number | null;
  robot_id: number | null;
  trust_id: number | null;
  role: string | null;
  actions: string | null;
  tags: string | null;
  created_at: number;
  created_by: string;
}
