import { sql } from "kysely";
import { statement } from "./statement.ts";

/** That nothing deletes an image, or anything in a repository. */
export interface HoldRow {
  readonly id: number;
  readonly repository: string;
  /** Of the image; null where the whole repository is held. */
  readonly digest: string | null;
  readonly reason: string;
  /** Who set it. */
  readonly set_by: string;
  /** Milliseconds since 1970. */
  readonly set_at: number;
}

/** Holds of one repository after a number. */
export const listHolds = statement(
  "listHolds",
  (_db, p: { repository: number; after: number; limit: number }) => sql<HoldRow>`
    select h.id, r.name as repository, m.digest, h.reason, h.set_by, h.set_at
    from hold h join repository r on r.id = h.repository_id left join manifest m on m.id = h.manifest_id
    where h.repository_id = ${p.repository} and h.id > ${p.after} order by h.id limit ${p.limit}`,
);

/** Holds of repositories between two names, after a number. */
export const listHoldsBelow = statement(
  "listHoldsBelow",
  (_db, p: { first: string; before: string; after: number; limit: number }) => sql<HoldRow>`
    select h.id, r.name as repository, m.digest, h.reason, h.set_by, h.set_at
    from hold h join repository r on r.id = h.repository_id left join manifest m on m.id = h.manifest_id
    where h.id > ${p.after} and r.name > ${p.first} and r.name < ${p.before} order by h.id limit ${p.limit}`,
);

/** Whether anything in a repository is held. */
export const findAnyHold = statement(
  "findAnyHold",
  (_db, p: { repository: number }) => sql<FoundHold>`
    select id, set_by, set_at from hold where repository_id = ${p.repository} order by id limit 1`,
);

/** A hold, as a refusal tells of it. */
export interface FoundHold {
  readonly id: number;
  readonly set_by: string;
  readonly set_at: number;
}

/** A hold on the whole repository. */
export const findWholeHold = statement(
  "findWholeHold",
  (_db, p: { repository: number }) => sql<FoundHold>`
    select id, set_by, set_at from hold where repository_id = ${p.repository} and manifest_id is null limit 1`,
);

/** A hold on one of these manifests. */
export const findHoldOn = statement(
  "findHoldOn",
  (_db, p: { manifests: readonly number[] }, d) => sql<FoundHold>`
    select id, set_by, set_at from hold where ${d.isOneOf(sql`manifest_id`, p.manifests, "bigint")}`,
);

/** What manifests live by: indexes that list them, and what they refer to; some twice. */
export const listOwnersOf = statement(
  "listOwnersOf",
  (_db, p: { manifests: readonly number[] }, d) => sql<{ id: number }>`
    select c.parent_id as id from manifest_child c where ${d.isOneOf(sql`c.child_id`, p.manifests, "bigint")}
    union all
    select s.id from manifest m join manifest s on s.repository_id = m.repository_id and s.digest = m.subject
    where ${d.isOneOf(sql`m.id`, p.manifests, "bigint")}`,
);

/** Tags of these manifests that name a digest, as attachments do. */
export const listAttachmentTags = statement(
  "listAttachmentTags",
  (_db, p: { manifests: readonly number[] }, d) => sql<{ name: string }>`
    select name from tag where ${d.isOneOf(sql`manifest_id`, p.manifests, "bigint")} and name like 'sha%-%'`,
);

export const insertHold = statement(
  "insertHold",
  (_db, p: { repository: number; manifest: number | null; reason: string; by: string; now: number }) => sql<{
    id: number;
  }>`
    insert into hold (repository_id, manifest_id, reason, set_by, set_at)
    values (${p.repository}, ${p.manifest}, ${p.reason}, ${p.by}, ${p.now}) returning id`,
);

export const findHold = statement(
  "findHold",
  (_db, p: { repository: number; hold: number }) => sql<{
    id: number;
    manifest_id: number | null;
    reason: string;
    digest: string | null;
  }>`
    select h.id, h.manifest_id, h.reason, (select digest from manifest m where m.id = h.manifest_id) as digest
    from hold h where h.id = ${p.hold} and h.repository_id = ${p.repository}`,
);

export const deleteHold = statement(
  "deleteHold",
  (_db, p: { hold: number }) => sql<never>`delete from hold where id = ${p.hold}`,
);

/** What was put off while something in a repository was held is looked at now, too. */
export const hastenReviews = statement(
  "hastenReviews",
  (_db, p: { repository: number; now: number }) => sql<never>`
    insert into review (kind, repository_id, target_id, review_after, event)
    select distinct kind, repository_id, target_id, cast(${p.now} as bigint), 'hold released' from review
    where kind in ('manifest', 'link') and repository_id = ${p.repository} and review_after > ${p.now}`,
);

/**
 * A repository that gets no hold until this transaction ends; no row when somebody has it for a transaction of its own. What
 * is held in it is seen by the statements after this one.
 */
export const claimUnheld = statement("claimUnheld", (_db, p: { repository: number }, d) =>
  d.name === "postgres"
    ? sql<{ id: number }>`select id from repository where id = ${p.repository} for key share skip locked`
    : sql<{ id: number }>`select id from repository where id = ${p.repository}`,
);
