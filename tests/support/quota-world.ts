import { sql } from "kysely";
import { statement } from "../../src/metadata/statement.ts";
import { changeSettings } from "../../src/registry/index.ts";
import type { Registry } from "../../src/registry/index.ts";
import { settleAll } from "../../src/registry/quotas/keep-quotas.ts";
import { caller } from "./open-registry.ts";
import { makeNamespace } from "./open-rights.ts";

export { makeNamespace };

/** What a namespace uses by the tables of content alone, in one statement that the product does not have. */
const plainUsage = statement(
  "plainUsage",
  (_db, p: { first: string; before: string }) => sql<{ storage: number; images: number; repositories: number }>`
    with inside as (select id from repository where name > ${p.first} and name < ${p.before})
    select coalesce((select sum(size) from blob where id in (
             select blob_id from repository_blob where repository_id in (select id from inside))), 0)
           + coalesce((select sum(size) from manifest where repository_id in (select id from inside)), 0) as storage,
           (select count(*) from manifest m where repository_id in (select id from inside) and subject is null
             and not exists (select 1 from manifest_child c where c.child_id = m.id)) as images,
           (select count(*) from inside) as repositories`,
);

const countedUsage = statement(
  "countedUsage",
  (_db, p: { path: string }) => sql<{ storage: number; images: number; repositories: number; waiting: number }>`
    select q.storage, q.images, q.repositories,
           (select count(*) from quota_delta x where x.namespace_id = q.namespace_id) as waiting
    from quota q join namespace n on n.id = q.namespace_id where n.path = ${p.path}`,
);

export interface Numbers {
  readonly storage: number;
  readonly images: number;
  readonly repositories: number;
}

/** What is there, whatever was counted. */
export async function plainUsageOf({ metadata: { read } }: Registry, path: string): Promise<Numbers> {
  const bounds = path === "" ? { first: "", before: "{" } : { first: `${path}/`, before: `${path}0` };
  const { storage, images, repositories } = (await read.first(plainUsage, bounds))!;
  return { storage: Number(storage), images: Number(images), repositories: Number(repositories) };
}

/** What was counted, once all changes are added up; undefined where nothing is counted. */
export async function countedUsageOf(registry: Registry, path: string): Promise<Numbers | undefined> {
  await settleAll(registry);
  const row = await registry.metadata.read.first(countedUsage, { path });
  if (row === undefined) return undefined;
  if (Number(row.waiting) !== 0) throw new Error("changes were left over");
  return { storage: Number(row.storage), images: Number(row.images), repositories: Number(row.repositories) };
}

/** Bytes that deletes keep below a namespace and no repository there has, by the rows alone, in one statement that the product does not have. */
const plainPending = statement(
  "plainPending",
  (_db, p: { first: string; before: string; now: number }) => sql<{ bytes: number }>`
    with live as (select id from repository where deleted_at is null and name > ${p.first} and name < ${p.before}),
    kept as (
      select u.id, u.kind, u.repository_id from undo u join repository r on r.id = u.repository_id
      where u.until_at > ${p.now} and coalesce(r.former_name, r.name) > ${p.first}
        and coalesce(r.former_name, r.name) < ${p.before})
    select coalesce((select sum(size) from blob where id in (
             select blob_id from undo_blob where undo_id in (select id from kept)
             union select blob_id from repository_blob where repository_id in (
               select repository_id from kept where kind = 'repository'))
           and id not in (select blob_id from repository_blob where repository_id in (select id from live))), 0)
         + coalesce((select sum(size) from undo_manifest where undo_id in (select id from kept)), 0)
         + coalesce((select sum(size) from manifest where repository_id in (
             select repository_id from kept where kind = 'repository')), 0) as bytes`,
);

/** The same of the namespace `team`. */
export async function pendingBytesOf({ metadata }: Registry): Promise<number> {
  const { now } = await metadata.write("readMark", {});
  return Number((await metadata.read.first(plainPending, { first: "team/", before: "team0", now }))!.bytes);
}

/** Sets settings of a namespace. */
export async function setQuota(registry: Registry, path: string, set: object): Promise<void> {
  const change = { set: set as Record<string, unknown>, unset: [], enforce: [], relax: [] };
  await changeSettings(registry, caller, { namespace: path }, change as never, undefined);
}
