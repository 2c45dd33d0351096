/*
 * Garbage as deletes leave it, written as rows because pushing it takes longer than collecting it: manifests without a tag in
 * one repository, each with a config of its own in its row and a layer that all share, and a review that is due. They are
 * the rows of pushes and of deletes of tags; other tests show that those leave them.
 */

/** The repository that holds them. */
export const garbageRepository = "old/app";
/** Ids above those that a fresh store has given away. */
const base = 1_000_000;

/**
 * SQL that adds `count` manifests, on either database, one statement an element.
 * @param dialect how the database spells it
 * @param options so many of them, the last, have a tag each; `seen`: a pass has seen all of them unused before
 */
export function garbageRows(
  dialect: "sqlite" | "postgres",
  count: number,
  { tagged = 0, seen = false }: { readonly tagged?: number; readonly seen?: boolean },
): string[] {
  const sqlite = dialect === "sqlite";
  const hex = (text: string) => (sqlite ? `printf('%064x', ${text})` : `lpad(to_hex((${text})::bigint), 64, '0')`);
  const bytes = (size: number) => (sqlite ? `zeroblob(${size})` : `decode(repeat('7b', ${size}), 'hex')`);
  const own = sqlite ? "" : "overriding system value ";
  const numbers = `with recursive n (i) as (select 1 union all select i + 1 from n where i < ${count})`;
  const from = (table: string, columns: string, values: string, where = "true") =>
    `insert into ${table} (${columns}) ${columns.startsWith("id,") ? own : ""}${numbers} select ${values} from n where ${where}`;
  const type = "'application/vnd.oci.image.manifest.v1+json'";
  return [
    `insert into repository (id, name, created_at) ${own}values (${base}, '${garbageRepository}', 1)`,
    `insert into blob (id, digest, size, key, pin_until, bad, created_at) ${own}
     values (${base}, 'sha256:f' || substr(${hex("1")}, 2), 400, null, 0, 0, 1)`,
    `insert into blob_content (blob_id, bytes) values (${base}, ${bytes(400)})`,
    from(
      "blob",
      "id, digest, size, key, pin_until, bad, created_at",
      `${base} + i, 'sha256:e' || substr(${hex("i")}, 2), 300, null, 0, 0, 1`,
    ),
    from("blob_content", "blob_id, bytes", `${base} + i, ${bytes(300)}`),
    `insert into repository_blob (repository_id, blob_id, pin_until) values (${base}, ${base}, 0)`,
    from("repository_blob", "repository_id, blob_id, pin_until", `${base}, ${base} + i, 0`),
    from(
      "manifest",
      "id, repository_id, digest, media_type, size, kind, content_size, pin_until, created_at, condemned_at",
      `${base} + i, ${base}, 'sha256:d' || substr(${hex("i")}, 2), ${type}, 500, 'image', 700, 0, 1, ${seen ? "1" : "null"}`,
    ),
    from("manifest_content", "manifest_id, bytes", `${base} + i, ${bytes(500)}`),
    from("manifest_blob", "manifest_id, repository_id, blob_id", `${base} + i, ${base}, ${base} + i`),
    from("manifest_blob", "manifest_id, repository_id, blob_id", `${base} + i, ${base}, ${base}`),
    from(
      "tag",
      "repository_id, name, manifest_id, created_at, updated_at",
      `${base}, 'v' || i, ${base} + i, 1, 1`,
      `i > ${count - tagged}`,
    ),
    from(
      "review",
      "kind, repository_id, target_id, review_after, event",
      `'manifest', ${base}, ${base} + i, 1, 'tag deleted'`,
    ),
  ];
}

/** How many of them are left, as SQL. */
export const countGarbage = `select count(*) as count from manifest where repository_id = ${base}`;

/** More than 0 while any of `count` of them, or of the configs that they hold, is left, as SQL. */
export function countLeft(count: number): string {
  const blobs = `select id from blob where id >= ${base} and id <= ${base + count} limit 1`;
  return `select count(*) as count from (${blobs}) some_left`;
}
