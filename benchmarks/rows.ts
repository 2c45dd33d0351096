import { createHash } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { manifestType } from "./clients/images.ts";

/*
 * Large data sets are written as rows, with Berth stopped, because pushing them takes longer than measuring. They are
 * the rows that pushes would have left; the tests of the registry, not these, show that pushes work.
 */

function open(folder: string): DatabaseSync {
  const database = new DatabaseSync(join(folder, "berth.db"));
  database.exec("pragma synchronous = off; pragma foreign_keys = on; begin immediate");
  return database;
}

function finish(database: DatabaseSync): void {
  database.exec("commit; pragma wal_checkpoint(truncate)");
  database.close();
}

/** Name of the n-th tag; byte order is the order of the numbers. */
export function tagName(number: number): string {
  return `t${String(number).padStart(7, "0")}`;
}

/** Adds a repository with tags that each name a manifest of their own, of about 500 bytes. */
export function addTaggedManifests(folder: string, repository: string, count: number): void {
  const database = open(folder);
  const now = Date.now();
  const id = addRepository(database, repository, now);
  const manifest = database.prepare(
    `insert into manifest (repository_id, digest, media_type, size, kind, content_size, pin_until, created_at)
     values (?, ?, ?, ?, 'image', 0, 0, ?)`,
  );
  const content = database.prepare("insert into manifest_content (manifest_id, bytes) values (?, ?)");
  const tag = database.prepare(
    "insert into tag (repository_id, name, manifest_id, created_at, updated_at) values (?, ?, ?, ?, ?)",
  );
  const empty = { mediaType: "application/vnd.oci.empty.v1+json", digest: `sha256:${"0".repeat(64)}`, size: 2 };
  for (let number = 0; number < count; number++) {
    const bytes = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: manifestType,
        config: empty,
        layers: [empty],
        annotations: { number: String(number) },
      }),
    );
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    const { lastInsertRowid } = manifest.run(id, digest, manifestType, bytes.length, now);
    content.run(lastInsertRowid, bytes);
    tag.run(id, tagName(number), lastInsertRowid, now, now);
  }
  finish(database);
}

/** Adds tags to repositories that have a manifest: each of them names the newest one. */
export function addTags(folder: string, repository: string, count: number): void {
  const database = open(folder);
  const row = database
    .prepare(
      `select r.id as repository, max(m.id) as manifest from repository r join manifest m on m.repository_id = r.id
       where r.name = ?`,
    )
    .get(repository)!;
  database
    .prepare(
      `with recursive n (i) as (select 0 union all select i + 1 from n where i + 1 < ?)
       insert into tag (repository_id, name, manifest_id, created_at, updated_at)
       select ?, 't' || printf('%07d', i), ?, ?, ? from n`,
    )
    .run(count, row["repository"]!, row["manifest"]!, Date.now(), Date.now());
  finish(database);
}

/**
 * Adds images with a tag and a layer each to a repository that is there; they were pushed at times spread over so many milliseconds
 * before now.
 */
export function addAgedImages(folder: string, repository: string, count: number, span: number): void {
  const database = open(folder);
  const { id } = database.prepare("select id from repository where name = ?").get(repository) as { id: number };
  const now = Date.now();
  const hex = "printf('%064x', i)";
  const rows = (text: string) =>
    database.exec(
      `with recursive n (i) as (select 1 union all select i + 1 from n where i < ${count}) insert into ${text} from n`,
    );
  rows(`manifest (id, repository_id, digest, media_type, size, kind, content_size, pin_until, created_at, labels)
    select 1000 + i, ${id}, 'sha256:' || ${hex}, '${manifestType}', 900, 'image', 5000, 0,
      ${now} - (i * 7919 % 1000) * ${Math.floor(span / 1000)} - i, '{"org.opencontainers.image.version":"1.' || i || '"}'`);
  rows(`manifest_content (manifest_id, bytes) select 1000 + i, zeroblob(900)`);
  rows(`blob (id, digest, size, key, pin_until, bad, created_at)
    select 1000 + i, 'sha256:f' || substr(${hex}, 2), i, 'o/' || i, 0, 0, ${now}`);
  rows(`repository_blob (repository_id, blob_id, pin_until) select ${id}, 1000 + i, 0`);
  rows(`manifest_blob (manifest_id, repository_id, blob_id) select 1000 + i, ${id}, 1000 + i`);
  rows(`tag (repository_id, name, manifest_id, created_at, updated_at)
    select ${id}, 'v1.' || (i % 97) || '.' || i, 1000 + i, ${now - span},
      ${now} - (i * 31 % 1000) * ${Math.floor(span / 1000)}`);
  finish(database);
}

/** Adds empty repositories `r/0000000` and on. */
export function addRepositories(folder: string, count: number): void {
  const database = open(folder);
  database
    .prepare(
      `with recursive n (i) as (select 0 union all select i + 1 from n where i + 1 < ?)
       insert into repository (name, created_at) select 'r/' || printf('%07d', i), ? from n`,
    )
    .run(count, Date.now());
  finish(database);
}

function addRepository(database: DatabaseSync, name: string, now: number): number | bigint {
  return database.prepare("insert into repository (name, created_at) values (?, ?)").run(name, now).lastInsertRowid;
}
