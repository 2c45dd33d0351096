import type { Generated } from "kysely";
import type {
  EcrRepositoryTable,
  EcrSettingTable,
  EcrTemplateTable,
  RegistryPolicyTable,
  RepositoryPolicyTable,
} from "./schema-ecr.ts";
import type { DeliveryTable, JobTable, ScheduleTable, WebhookTable } from "./schema-jobs.ts";
import type { QuotaBlobTable, QuotaDeltaTable, QuotaTable } from "./schema-quotas.ts";
import type {
  LifecycleImageTable,
  LifecyclePreviewPageTable,
  LifecyclePreviewTable,
  LifecycleRunTable,
} from "./schema-lifecycle.ts";
import type { UndoBlobTable, UndoChildTable, UndoGrantTable, UndoManifestTable, UndoTable } from "./schema-undo.ts";
import type { AccessTables } from "./schema-access.ts";

/*
 * The rows, the same on SQLite and PostgreSQL. Times are milliseconds since 1970. Names, tags and digests compare byte by
 * byte. A row that is named by another cannot be removed (RESTRICT) unless the reference is part of it (CASCADE).
 *
 *   repository ──< repository_blob >── blob ── blob_content          bytes of small blobs live in their row
 *        │               ^ RESTRICT
 *        ├──< manifest ──┴< manifest_blob
 *        │       ├── manifest_content                                bytes, apart from the facts
 *        │       ├──< manifest_child >── manifest                    RESTRICT on the child
 *        │       └──< referrer                                       ready descriptors by subject
 *        ├──< tag >── manifest                                       RESTRICT
 *        ├──< hold >── manifest                                      RESTRICT on both; none for the whole repository
 *        ├──< upload                                                 only what must outlive a request
 *        └── ecr_repository                                          what only ECR's clients set
 *
 *   namespace ──< robot ──< robot_secret                            who may do what (`access` owns these)
 *   account ──< token · membership >── account_group · trust_rule · signing_key · refresh_token
 *   access_key: of one of token, robot_secret
 *   access_grant: one of account, group, robot, trust_rule on one of namespace, repository
 *
 *   webhook ──< delivery (`jobs` owns these) · on one of namespace, repository
 *   job · schedule · lifecycle_run ──< lifecycle_image · lifecycle_preview ──< lifecycle_preview_page
 *
 *   quota (of a namespace) ──< quota_blob, quota_delta              what it uses
 *
 *   undo ──< undo_manifest · undo_blob >── blob · undo_child >── manifest · undo_grant    drawn in `schema-undo.ts`
 *
 *   review (append-only queue of collection) · dead_object · orphan · collection_pass · node · event (outbox) · audit · installation ·
 *   request_key · device_login · provider_login (of an account) · setting (of a namespace or a repository) · template · usage_report ──< usage_digest (of a namespace) ·
 *   ecr_setting · ecr_template (of a namespace)
 */

/** A repository's name; made by the first push to it. */
export interface RepositoryTable {
  id: Generated<number>;
  /** 1–255 characters, unique. */
  name: string;
  created_at: number;
  /** 1 when anybody may pull: what `visibility` says, else what its namespace says. */
  public: Generated<number>;
  /** `public` or `private`; null follows the namespace. */
  visibility: Generated<string | null>;
  /** When it was deleted; its name is `~<id>` since, which no client can say, and it is emptied once it cannot be brought back. */
  deleted_at: Generated<number | null>;
  /** What a deleted repository was called. */
  former_name: Generated<string | null>;
}

/** Content by digest, whichever repositories have it. */
export interface BlobTable {
  id: Generated<number>;
  /** `sha256:…` or `sha512:…`, unique. */
  digest: string;
  /** Bytes. */
  size: number;
  /** Where the bytes lie; null when they are in `blob_content`. Unique, never reused. */
  key: string | null;
  /** Four bytes (CRC-32, big-endian) for each MiB, from the upload. Null for bytes in a row. */
  crcs: Uint8Array | null;
  /** Not collected before. */
  pin_until: number;
  /** 1 when its bytes were seen corrupt or gone; the next push of the digest replaces them. */
  bad: number;
  /** When it was first pushed. */
  created_at: number;
  /** First of the two looks that found it unused. */
  condemned_at: number | null;
}

/** Bytes of a small blob. */
export interface BlobContentTable {
  blob_id: number;
  /** Whole, as pushed. */
  bytes: Uint8Array;
}

/** That a repository has a blob. */
export interface RepositoryBlobTable {
  repository_id: number;
  blob_id: number;
  /** Not collected before. */
  pin_until: number;
  /** First of the two looks that found it unused. */
  condemned_at: number | null;
}

/** A manifest or index of a repository, with the facts read from it and from its config. */
export interface ManifestTable {
  id: Generated<number>;
  repository_id: number;
  /** `sha256:…` or `sha512:…`, unique in the repository. */
  digest: string;
  /** Served verbatim as Content-Type. */
  media_type: string;
  /** Bytes of the manifest itself. */
  size: number;
  /** `image` or `index`. */
  kind: string;
  /** As the referrers API says it: the manifest's own, else its config's media type; null for an index without one. */
  artifact_type: string | null;
  /** Digest of the subject, present or not. */
  subject: string | null;
  /** Sum of the sizes that its descriptors state. */
  content_size: number;
  /** Platform, as in the image config; null where it says none, and for an index. */
  os: string | null;
  architecture: string | null;
  variant: string | null;
  /** As in the image config, RFC 3339. */
  image_created: string | null;
  /** JSON object of the image config's labels. */
  labels: string | null;
  /** Not collected before. */
  pin_until: number;
  /** When it was first pushed here. */
  created_at: number;
  /** First of the two looks that found it unused. */
  condemned_at: number | null;
  /** When it was last pulled, to the minute; null for never. */
  pulled_at: Generated<number | null>;
  /** JSON object of its annotations; null for none, and for more than 64 KiB of them. */
  annotations: Generated<string | null>;
  /** 1 while it is kept and not served. */
  archived: Generated<number>;
  /** When it was last archived, and when it was last brought back; null for never. */
  archived_at: Generated<number | null>;
  activated_at: Generated<number | null>;
}

/** Bytes of a manifest. */
export interface ManifestContentTable {
  manifest_id: number;
  /** Whole, exactly as pushed: up to 4 MiB. */
  bytes: Uint8Array;
}

/** That a manifest needs a blob; its repository must have it. */
export interface ManifestBlobTable {
  manifest_id: number;
  repository_id: number;
  blob_id: number;
}

/** That an index lists a manifest. */
export interface ManifestChildTable {
  /** The index. */
  parent_id: number;
  child_id: number;
}

/** A manifest with a subject, as it is listed. */
export interface ReferrerTable {
  repository_id: number;
  /** Digest of the subject. */
  subject: string;
  /** Digest of the referrer. */
  digest: string;
  manifest_id: number;
  artifact_type: string | null;
  /** JSON of the descriptor that the referrers API lists. */
  descriptor: string;
}

/** A name for a manifest. */
export interface TagTable {
  repository_id: number;
  /** 1–128 characters, unique in the repository. */
  name: string;
  manifest_id: number;
  created_at: number;
  /** When it was last moved. */
  updated_at: number;
  /** When something was last pulled by it, to the minute; null for never. */
  pulled_at: Generated<number | null>;
}

/** An upload that must outlive a request. */
export interface UploadTable {
  /** The signed id that the client holds. */
  id: string;
  repository_id: number;
  /** The object being written; null while its bytes are in `bytes`. */
  key: string | null;
  /** JSON of the driver's `WriterState`; null before the first. */
  state: string | null;
  /** Bytes of an upload too small for an object of its own; null otherwise. */
  bytes: Uint8Array | null;
  /** Bytes accepted. */
  size: number;
  /** Raised by every claim; a write with an older number is refused. */
  fence: number;
  /** Until when the present writer is alone. 0 when nobody writes. */
  lease_until: number;
  /** The node whose process the present writer runs in; a lease ends with its node. Null on SQLite. */
  holder: string | null;
  /** 1 when cancelled; kept so that the id stays unknown. */
  cancelled: number;
  /** When its first request came. */
  created_at: number;
  /** It ends then, unless bytes come; a cancelled one is forgotten. */
  expires_at: number;
}

/** Something that may have become unused. */
export interface ReviewTable {
  id: Generated<number>;
  /** `manifest`, `link` (repository_blob) or `blob`. */
  kind: string;
  /** 0 for `blob`. */
  repository_id: number;
  /** Id of the manifest or blob. */
  target_id: number;
  /** Not looked at before. */
  review_after: number;
  /** What led to it, for people. */
  event: string;
}

/** An object to be removed. */
export interface DeadObjectTable {
  key: string;
  /** The object may be removed from this time on. */
  not_before: number;
  /** Raised when its removal is begun, and again when that failed. */
  attempts: number;
  /** Bytes; null where nobody knew. */
  size: number | null;
}

/** The latest pass of collection by a process. */
export interface CollectionPassTable {
  /** `host:pid` */
  node: string;
  began_at: number;
  /** When it was last heard of. */
  seen_at: number;
  /** Null while it is under way. */
  ended_at: number | null;
  /** JSON: what it did until then. */
  figures: string;
}

/** An object that no row names. */
export interface OrphanTable {
  key: string;
  /** When the sweep first saw an object that no row names. */
  first_seen: number;
  /** The latest sweep that saw it. */
  last_seen: number;
}

/** A running process, where several share the database. */
export interface NodeTable {
  id: string;
  /** Its last heartbeat. */
  seen_at: number;
}

/** Something that happened, written with it. */
export interface EventTable {
  id: Generated<number>;
  /** `image.pushed`, `tag.moved`, … */
  type: string;
  /** Repository's name; empty for what concerns none. */
  repository: string;
  /** JSON. */
  payload: string;
  at: number;
  /** The repository that has the name, when the row is written; null when none has. */
  repository_id: number | null;
  /** Path of the namespace that it concerns, where that is no repository. */
  namespace: string | null;
}

/** Who did or tried what: a change, written with it, or refusals of one kind, written together. Only `seal` ever changes. */
export interface AuditTable {
  id: Generated<number>;
  /** When; of several refusals the last. */
  at: number;
  /** Who: `anonymous` in open mode. */
  principal: string;
  /** `push`, `tag`, `delete-tag`, … */
  action: string;
  repository: string;
  /** Tag or digest. */
  target: string;
  /** JSON, or null. */
  detail: string | null;
  /** By which credential: `password`, `token:12`, … */
  credential: string | null;
  /** Network address of the caller. */
  address: string | null;
  /** Id of the request. */
  request: string | null;
  /** `allowed` or `refused`; null for what the system does by itself. */
  decision: string | null;
  /** Why: the grant, or what was missing. */
  reason: string | null;
  /** Of several refusals the first; null for one alone. */
  first_at: number | null;
  /** How often it was refused; 1 for changes. */
  times: Generated<number>;
  /** The seal over it; null until the next is made. */
  seal: number | null;
}

/** A link of the chain over audit rows; `src/access/seal.ts` draws what is hashed. */
export interface AuditSealTable {
  /** 1, 2, 3, … without a gap. */
  number: number;
  /** Hash of the seal before; empty for the first. Hashes are SHA-256 in hex. */
  previous: string;
  /** Rows under it, removed ones too. */
  row_count: number;
  rows_hash: string;
  /** Names the row that does not fit; empty once the rows are removed. */
  marks: Uint8Array;
  /** JSON: how many rows by action and decision. */
  summary: string;
  /** Over all of the above but the marks. */
  hash: string;
  /** Earliest time of a row under it. */
  first_at: number;
  /** Latest time of a row under it. */
  last_at: number;
  sealed_at: number;
  /** When retention removed its rows; null while they are there. */
  removed_at: number | null;
}

/** A request of the management API that is done once, however often it comes. */
export interface RequestKeyTable {
  /** SHA-256 in hex of who asks, the route with its names, and `Idempotency-Key`. */
  key: string;
  /** SHA-256 in hex of its body. */
  body: string;
  /** JSON of what its write gave, without secrets; null while it runs. */
  result: string | null;
  expires_at: number;
}

/** What a namespace or a repository is told to do; one of both is named. */
export interface SettingTable {
  id: Generated<number>;
  namespace_id: number | null;
  repository_id: number | null;
  /** One of `policy/settings.ts`. */
  key: string;
  /** JSON. */
  value: string;
  /** 1 when namespaces and repositories below may only be stricter. Of `visibility` there is a row only then. */
  enforced: number;
  changed_at: number;
}

/** What repositories begin with that are made below a namespace, by patterns of their names. */
export interface TemplateTable {
  id: Generated<number>;
  namespace_id: number;
  /** Unique in its namespace. */
  name: string;
  /** Of names below the namespace, without its path. */
  pattern: string;
  /** JSON: values of settings by key. */
  settings: string;
  changed_at: number;
}

/** That nothing deletes an image, or anything in a repository, until it is released. */
export interface HoldTable {
  id: Generated<number>;
  repository_id: number;
  /** Null where the whole repository is held. */
  manifest_id: number | null;
  reason: string;
  /** Who set it: `user:alice`. */
  set_by: string;
  set_at: number;
}

/** What one source says that it runs; its next report takes the place of this one. */
export interface UsageReportTable {
  id: Generated<number>;
  /** For the repositories below it. */
  namespace_id: number;
  /** Unique on its namespace. */
  source: string;
  digests: number;
  /** Who reported it: `robot:robot_team_cluster`. */
  reported_by: string;
  reported_at: number;
  /** Nobody believes it from then on. */
  expires_at: number;
}

/** A digest that runs, by one report. */
export interface UsageDigestTable {
  report_id: number;
  digest: string;
  /** Name of the repository from which it was pulled; empty for any. */
  repository: string;
  workload: string;
}

/** What all processes share. */
export interface InstallationTable {
  /** `upload-key`, `epoch`, `turn`, `swept-at`, `untagged`, `access-version`, `settings-version`, `audit-head`, `collection-pause`, … */
  name: string;
  value: string;
}

/** All tables by name; `docs/storage-layout.md` lists them. */
export interface Schema extends AccessTables {
  repository: RepositoryTable;
  blob: BlobTable;
  blob_content: BlobContentTable;
  repository_blob: RepositoryBlobTable;
  manifest: ManifestTable;
  manifest_content: ManifestContentTable;
  manifest_blob: ManifestBlobTable;
  manifest_child: ManifestChildTable;
  referrer: ReferrerTable;
  tag: TagTable;
  upload: UploadTable;
  review: ReviewTable;
  dead_object: DeadObjectTable;
  orphan: OrphanTable;
  collection_pass: CollectionPassTable;
  node: NodeTable;
  event: EventTable;
  audit: AuditTable;
  audit_seal: AuditSealTable;
  installation: InstallationTable;
  request_key: RequestKeyTable;
  setting: SettingTable;
  template: TemplateTable;
  hold: HoldTable;
  usage_report: UsageReportTable;
  usage_digest: UsageDigestTable;
  job: JobTable;
  schedule: ScheduleTable;
  webhook: WebhookTable;
  delivery: DeliveryTable;
  quota: QuotaTable;
  quota_blob: QuotaBlobTable;
  quota_delta: QuotaDeltaTable;
  lifecycle_run: LifecycleRunTable;
  lifecycle_image: LifecycleImageTable;
  lifecycle_preview: LifecyclePreviewTable;
  lifecycle_preview_page: LifecyclePreviewPageTable;
  undo: UndoTable;
  undo_manifest: UndoManifestTable;
  undo_blob: UndoBlobTable;
  undo_child: UndoChildTable;
  undo_grant: UndoGrantTable;
  ecr_repository: EcrRepositoryTable;
  ecr_setting: EcrSettingTable;
  ecr_template: EcrTemplateTable;
  repository_policy: RepositoryPolicyTable;
  registry_policy: RegistryPolicyTable;
}
