import type { DialectName } from "../statement.ts";

/**
 * Rows of a busy registry: repository 1 holds half of everything, blob 1 is in every repository, and manifest 2
 * has hundreds of referrers.
 */
export const loadedRows = { repositories: 20_000, blobs: 6_000, manifests: 5_000, tags: 20_000 } as const;

/**
 * SQL that fills every table, the same rows on both databases and in every run, so that plans are made for tables that
 * are large.
 */
export function sampleDigest(row: { readonly blob: number } | { readonly manifest: number }): string {
  const number = "blob" in row ? row.blob : loadedRows.blobs + row.manifest;
  return `sha256:${number.toString(16).padStart(64, "0")}`;
}

export function loadTables(dialect: DialectName): string[] {
  const hex = (number: string) =>
    dialect === "sqlite" ? `printf('%064x', ${number})` : `lpad(to_hex((${number})::bigint), 64, '0')`;
  const padded = (number: string) =>
    dialect === "sqlite" ? `printf('%06d', ${number})` : `lpad((${number})::text, 6, '0')`;
  const bytes = dialect === "sqlite" ? `zeroblob(400)` : `decode(repeat('7b', 400), 'hex')`;
  const own = dialect === "sqlite" ? "" : "overriding system value";
  const fill = (table: string, columns: string, count: number, values: string) =>
    `with recursive n (i) as (select 1 union all select i + 1 from n where i < ${count})
     insert into ${table} (${columns}) ${columns.startsWith("id,") && !values.startsWith("'") ? own : ""} select ${values} from n`;
  const { repositories, blobs, manifests, tags } = loadedRows;
  // Half of all go to the first repository.
  const repositoryOf = (i: string) => `case when ${i} % 2 = 0 then 1 else 1 + ${i} % ${repositories} end`;
  return [
    fill("repository", "id, name, created_at", repositories, `i, 'team/app-' || ${padded("i")}, i`),
    fill(
      "blob",
      "id, digest, size, key, pin_until, bad, created_at",
      blobs,
      `i, 'sha256:' || ${hex("i")}, 1000 + i, 'o/' || ${padded("i")}, i, 0, i`,
    ),
    `insert into blob_content (blob_id, bytes) select id, ${bytes} from blob where id % 3 = 0`,
    `insert into repository_blob (repository_id, blob_id, pin_until)
     select distinct ${repositoryOf("m.id")}, b.id, b.id
     from blob m join blob b on b.id in (m.id, 1 + m.id * 7 % ${blobs}, 1 + m.id * 11 % ${blobs}) where m.id <= ${manifests}`,
    // A layer that every repository shares.
    `insert into repository_blob (repository_id, blob_id, pin_until)
     select id, 1, 0 from repository where id not in (select repository_id from repository_blob where blob_id = 1)`,
    fill(
      "manifest",
      "id, repository_id, digest, media_type, size, kind, artifact_type, subject, content_size, pin_until, created_at",
      manifests,
      `i, ${repositoryOf("i")}, 'sha256:' || ${hex(`${blobs} + i`)}, 'application/vnd.oci.image.manifest.v1+json', 400, 'image',
       case i % 8 when 0 then 'application/vnd.example.note' when 4 then 'application/vnd.example.rare' end,
       case when i % 4 = 0 then 'sha256:' || ${hex(`${blobs} + case when i % 8 = 0 or i % 100 = 4 then 2 else i - 2 end`)} end, 5000, i, i`,
    ),
    `insert into manifest_content (manifest_id, bytes) select id, ${bytes} from manifest`,
    `insert into manifest_blob (manifest_id, repository_id, blob_id)
     select distinct m.id, m.repository_id, b.id
     from manifest m join blob b on b.id in (m.id, 1 + m.id * 7 % ${blobs}, 1 + m.id * 11 % ${blobs})`,
    `insert into manifest_child (parent_id, child_id)
     select p.id, c.id from manifest p join manifest c on c.id in (p.id + 2, p.id + 4) where p.id % 2 = 0`,
    `insert into referrer (repository_id, subject, digest, manifest_id, artifact_type, descriptor)
     select repository_id, subject, digest, id, artifact_type, '{}' from manifest where subject is not null`,
    fill(
      "tag",
      "repository_id, name, manifest_id, created_at, updated_at",
      tags,
      `${repositoryOf("i")}, 'v' || ${padded("i")}, 1 + i % ${manifests}, i, i`,
    ),
    fill(
      "upload",
      "id, repository_id, key, size, fence, lease_until, cancelled, created_at, expires_at",
      1000,
      `'u' || ${padded("i")}, ${repositoryOf("i")}, 'u/' || ${padded("i")}, i, 1, i, 0, i, i`,
    ),
    fill(
      "review",
      "id, kind, repository_id, target_id, review_after, event",
      6000,
      `i, case i % 3 when 0 then 'manifest' when 1 then 'link' else 'blob' end, ${repositoryOf("i")}, i, i, 'pushed'`,
    ),
    fill("dead_object", "key, not_before, attempts, size", 2000, `'d/' || ${padded("i")}, i, 0, i`),
    fill("collection_pass", "node, began_at, seen_at, ended_at, figures", 20, `'n/' || ${padded("i")}, i, i, i, '{}'`),
    fill("orphan", "key, first_seen", 2000, `'x/' || ${padded("i")}, i`),
    fill("node", "id, seen_at", 10, `'node-' || i, i`),
    fill("event", "id, type, repository, payload, at", 5000, `i, 'image.pushed', 'team/app-000001', '{}', i`),
    fill(
      "audit",
      "id, at, principal, action, repository, target, seal",
      5000,
      `i, i, 'anonymous', 'push', 'team/app-000001', 'v' || i, case when i <= 4900 then 1 + i / 10 end`,
    ),
    fill(
      "audit_seal",
      "number, previous, row_count, rows_hash, marks, summary, hash, first_at, last_at, sealed_at, removed_at",
      491,
      `i, ${hex("i")}, 10, ${hex("i")}, ${bytes}, '[]', ${hex("i + 1")}, i, i, i, case when i < 100 then i end`,
    ),
    fill("installation", "name, value", 10, `'setting-' || i, 'value'`),
    fill("namespace", "id, path, public, created_at", 2000, `1 + i, 'team-' || ${padded("i")}, i % 2, i`),
    fill(
      "setting",
      "id, namespace_id, repository_id, key, value, enforced, changed_at",
      5000,
      `i, case when i % 2 = 0 and i <= 2000 then 1 + i end, case when i % 2 = 1 or i > 2000 then i end,
       case i % 3 when 0 then 'visibility' when 1 then 'description' else 'labels' end, '"x"', i % 2, i`,
    ),
    fill(
      "template",
      "id, namespace_id, name, pattern, settings, changed_at",
      5000,
      `i, 1 + i % 2000, 'template-' || i, '*-' || i, '{"description":"x"}', i`,
    ),
    fill(
      "hold",
      "id, repository_id, manifest_id, reason, set_by, set_at",
      5000,
      `i, ${repositoryOf("i")}, case when i % 10 > 0 then i end, 'case ' || i, 'user:admin', i`,
    ),
    fill(
      "usage_report",
      "id, namespace_id, source, digests, reported_by, reported_at, expires_at",
      2000,
      `i, 1 + i, 'cluster', 5, 'user:admin', i, i`,
    ),
    fill(
      "usage_digest",
      "report_id, digest, repository, workload",
      10000,
      `1 + i % 2000, 'sha256:' || ${hex(`${blobs} + i`)}, 'team/app-' || ${padded("i")}, 'prod/deployment/web'`,
    ),
    fill(
      "account",
      "id, name, source, disabled, created_at, changed_at",
      5000,
      `i, 'user-' || ${padded("i")}, 'local', 0, i, i`,
    ),
    fill("account_group", "id, name, source, created_at", 500, `i, 'group-' || ${padded("i")}, 'local', i`),
    fill("membership", "account_id, group_id, source", 5000, `i, 1 + i % 500, 'local'`),
    fill(
      "token",
      "id, account_id, name, hash, created_at, expires_at, made_with, login_id",
      5000,
      `i, i, 'laptop', ${hex("i")}, i, i, case when i % 2 = 0 then 'token:' || (i - 1) end,
       case when i % 4 = 0 then ${hex("i")} end`,
    ),
    fill("token_repository", "token_id, name", 2000, `i, 'team/app-' || ${padded("i")}`),
    fill(
      "robot",
      "id, namespace_id, name, login, sponsor_account, disabled, created_at, expires_at",
      2000,
      `i, 1 + i, 'ci', 'robot_' || ${padded("i")}, i, 0, i, i`,
    ),
    fill(
      "robot_secret",
      "id, robot_id, hash, created_at, expires_at, made_with",
      2000,
      `i, i, ${hex("i")}, i, i, case when i % 2 = 0 then 'token:' || i end`,
    ),
    fill(
      "access_key",
      "id, token_id, secret_id, sealed_secret, created_at",
      4000,
      `'AKIA' || ${padded("i")}, case when i > 2000 then i end, case when i <= 2000 then i end, 'sealed', i`,
    ),
    fill(
      "trust_rule",
      "id, name, issuer, audience, conditions, disabled, created_at, created_by, sponsor_account, made_with",
      500,
      `i, 'rule-' || i, 'https://issuer-' || i, 'berth', '[]', 0, i, 'user:admin', i, 'token:' || i`,
    ),
    fill(
      "access_grant",
      "id, account_id, group_id, robot_id, trust_id, namespace_id, role, created_at, created_by",
      5000,
      `i, case when i % 4 = 0 then i end, case when i % 4 = 1 then 1 + i % 500 end,
       case when i % 4 = 2 then 1 + i % 2000 end, case when i % 4 = 3 then 1 + i % 500 end,
       1 + i % 2000, 'writer', i, 'user:admin'`,
    ),
    fill(
      "signing_key",
      "id, algorithm, public_key, sealed_key, created_at, signs_until, trusted_until",
      10,
      `'key-' || i, 'EdDSA', '{}', 'sealed', i, i, i`,
    ),
    fill("request_key", "key, body, expires_at", 2000, `${hex("i")}, ${hex("i")}, i`),
    fill(
      "refresh_token",
      "id, hash, holder, credential, client, created_at, expires_at",
      5000,
      `i, ${hex("i")}, 'account:' || i % 1000, 'password', 'docker', i, i`,
    ),
    fill(
      "job",
      "id, kind, about, input, state, attempts, due_at, fence, created_by, created_at, ended_at",
      5000,
      `i, 'kind-' || i % 7, 'team', '{}', case when i % 50 = 0 then 'waiting' else 'done' end, 0, i, 1, 'user:admin', i,
       case when i % 50 = 0 then null else i end`,
    ),
    fill(
      "schedule",
      "name, kind, about, input, cron, zone, jitter, next_at",
      500,
      `'schedule-' || ${padded("i")}, 'kind', 'team', '{}', '0 3 * * *', 'UTC', 0, i`,
    ),
    fill(
      "lifecycle_run",
      "id, repository_id, repository, state, created_by, created_at, expired, kept, bytes, next, deleted, saved, freed",
      5000,
      `i, ${repositoryOf("i")}, 'team/app-000001', 'done', 'user:admin', i, 4, 0, 0, 0, 0, 0, 0`,
    ),
    fill("lifecycle_image", "run_id, place, plan, state", 20000, `1 + i % 5000, i / 5000, '{}', 'deleted'`),
    fill(
      "lifecycle_preview",
      "id, repository_id, repository, state, created_by, created_at, expires_at, expired, kept, bytes",
      5000,
      `i, ${repositoryOf("i")}, 'team/app-000001', 'done', 'user:' || (i % 50), i, i, 4, 0, 0`,
    ),
    fill("lifecycle_preview_page", "preview_id, first, images", 20000, `1 + i % 5000, i / 5000 * 250, '[]'`),
    fill(
      "webhook",
      "id, namespace_id, url, format, disabled, secret, principal, revision, created_at, created_by, changed_at, changed_by, fence, lease_until, failures, rest_until",
      2000,
      `i, i, 'https://hooks.example/' || i, 'cloudevents', 0, 'sealed', '{}', 1, i, 'user:admin', i, 'user:admin', 0, 0, 0, 0`,
    ),
    fill(
      "delivery",
      "id, webhook_id, event, type, repository, payload, happened_at, state, attempts, due_at, ended_at",
      20000,
      `i, 1 + i % 2000, 'evt_' || i, 'image.pushed', 'team/app-000001', '{}', i,
       case when i % 50 = 0 then 'waiting' else 'delivered' end, 0, i, case when i % 50 = 0 then null else i end`,
    ),
    fill(
      "device_login",
      "id, device_hash, user_hash, client, address, network, created_at, expires_at, wait",
      5000,
      `i, ${hex("i")}, ${hex("i")}, 'laptop', '10.0.0.1', '10.0.0.' || i % 250, i, i, 5000`,
    ),
    fill(
      "provider_login",
      "account_id, id, provider, sealed, seen_at, created_at, expires_at",
      5000,
      `i, ${hex("i")}, 'okta', 'sealed', i, i, i`,
    ),
    fill(
      "quota",
      "namespace_id, storage, images, repositories, unseen, warned_storage, warned_images, warned_repositories",
      1000,
      `1 + i, i, i, i, case when i % 100 = 0 then 1 else 0 end, 0, 0, 0`,
    ),
    `insert into quota_blob (namespace_id, blob_id, size)
     select n.id, b.id, b.size from namespace n join blob b on (n.id + b.id) % 500 = 0 where n.id <= 1000`,
    fill("quota_delta", "namespace_id, storage, images, repositories", 3000, `2 + i / 30, i, 1, 0`),
    fill(
      "undo",
      "id, repository_id, kind, target, digest, manifest_id, part_of, principal, run, at, until_at",
      10000,
      `i, ${repositoryOf("i")}, case i % 2 when 0 then 'tag' else 'manifest' end, 'v' || ${padded("i")},
       'sha256:' || ${hex("i")}, case i % 4 when 0 then 1 + i % ${manifests} end, case i % 4 when 2 then i - 1 end,
       'user:admin', case i % 50 when 0 then i % 10 end, i, i`,
    ),
    `insert into undo (id, repository_id, kind, target, principal, at, until_at) ${own}
     select 10000 + id, id, 'repository', 'team-' || id % 100 || '/app' || id, 'user:admin', id, id
     from repository where id % 20 = 0`,
    `insert into undo_grant (undo_id, account_id, role, created_at, created_by)
     select u.id, a.id, 'writer', 1, 'user:admin' from undo u join account a on a.id % 50 = u.id % 50
     where u.kind = 'repository'`,
    `insert into undo_manifest (undo_id, repository_id, digest, media_type, size, kind, content_size, created_at, bytes)
     select id, repository_id, digest, 'application/vnd.oci.image.manifest.v1+json', 400, 'image', 5000, id, ${bytes}
     from undo where kind = 'manifest'`,
    `insert into undo_blob (undo_id, blob_id)
     select distinct u.undo_id, b.id from undo_manifest u
     join blob b on b.id in (1 + u.undo_id % ${blobs}, 1 + u.undo_id * 7 % ${blobs})`,
    `insert into undo_child (undo_id, digest, child_id)
     select u.undo_id, m.digest, m.id from undo_manifest u join manifest m on m.id = 1 + u.undo_id % ${manifests}`,
    fill("ecr_repository", "repository_id, scan_on_push, encryption, tags", 5000, `i, 1, 'AES256', '[]'`),
    fill("ecr_setting", "account, name, value, changed_at", 3000, `'000000000000', 'SETTING_' || i, 'V1', i`),
    fill(
      "ecr_template",
      "namespace_id, prefix, document, created_at, changed_at",
      4000,
      `1 + i % 2000, 'prefix-' || i, '{"lifecyclePolicy":"${" ".repeat(1000)}"}', i, i`,
    ),
    fill(
      "repository_policy",
      "repository_id, account, policy, bound, revision, changed_at",
      2000,
      `i * 3, '000000000000', '{"Statement":[]}', '{}', 'r' || i, i`,
    ),
    fill(
      "registry_policy",
      "namespace_id, account, scope, policy, bound, revision, changed_at",
      1000,
      `i * 2, '000000000000', 'V2', '{"Statement":[]}', '{}', 'r' || i, i`,
    ),
    "analyze",
  ];
}
