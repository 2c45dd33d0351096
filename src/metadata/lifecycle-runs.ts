import { sql } from "kysely";
import type { LifecycleImageTable, LifecycleRunTable } from "./schema-lifecycle.ts";
import { statement } from "./statement.ts";

export type LifecycleRunRow = Readonly<LifecycleRunTable>;
export type LifecycleImageRow = Readonly<LifecycleImageTable>;

export const insertLifecycleRun = statement(
  "insertLifecycleRun",
  (
    _db,
    p: { run: number; repositoryId: number; repository: string; by: string; now: number; confirms: number | null },
  ) => sql<never>`
    insert into lifecycle_run (id, repository_id, repository, state, created_by, created_at, confirms, expired, kept,
      bytes, next, deleted, saved, freed)
    values (${p.run}, ${p.repositoryId}, ${p.repository}, 'waiting', ${p.by}, ${p.now}, ${p.confirms}, 0, 0, 0, 0, 0, 0, 0)`,
);

export const findLifecycleRun = statement(
  "findLifecycleRun",
  (_db, p: { run: number }) => sql<LifecycleRunRow>`select * from lifecycle_run where id = ${p.run}`,
);

/** A run, for this transaction alone. */
export const lockLifecycleRun = statement(
  "lockLifecycleRun",
  (_db, p: { run: number }, d) => sql<LifecycleRunRow>`
    select * from lifecycle_run where id = ${p.run} ${d.forUpdate}`,
);

/** The latest first. */
export const listLifecycleRuns = statement(
  "listLifecycleRuns",
  (_db, p: { before: number; limit: number }) => sql<LifecycleRunRow>`
    select * from lifecycle_run where id < ${p.before} order by id desc limit ${p.limit}`,
);

/** The same of one repository. */
export const listRepositoryLifecycleRuns = statement(
  "listRepositoryLifecycleRuns",
  (_db, p: { repository: number; before: number; limit: number }) => sql<LifecycleRunRow>`
    select * from lifecycle_run where repository_id = ${p.repository} and id < ${p.before}
    order by id desc limit ${p.limit}`,
);

/** Images of a plan; each text is the JSON of one, with its `place`. */
export const insertLifecycleImages = statement(
  "insertLifecycleImages",
  (_db, p: { run: number; plans: readonly string[] }, d) =>
    d.name === "sqlite"
      ? sql<never>`insert into lifecycle_image (run_id, place, plan, state)
          select ${p.run}, e.value ->> 'place', e.value, 'waiting' from ${d.each(p.plans, "text")} where true`
      : sql<never>`insert into lifecycle_image (run_id, place, plan, state)
          select ${p.run}::bigint, (e.value::json ->> 'place')::bigint, e.value, 'waiting'
          from ${d.each(p.plans, "text")}`,
);

/** From a place on. */
export const listLifecycleImages = statement(
  "listLifecycleImages",
  (_db, p: { run: number; from: number; limit: number }) => sql<LifecycleImageRow>`
    select * from lifecycle_image where run_id = ${p.run} and place >= ${p.from} order by place limit ${p.limit}`,
);

/** There is a plan, and nothing is deleted yet. */
export const planLifecycleRun = statement(
  "planLifecycleRun",
  (
    _db,
    p: {
      run: number;
      policy: string;
      basis: string;
      place: string;
      plannedAt: number;
      expired: number;
      kept: number;
      bytes: number;
    },
  ) => sql<never>`
    update lifecycle_run set state = 'deleting', policy = ${p.policy}, basis = ${p.basis}, place = ${p.place},
      planned_at = ${p.plannedAt}, expired = ${p.expired}, kept = ${p.kept}, bytes = ${p.bytes}
    where id = ${p.run}`,
);

export const advanceLifecycleRun = statement(
  "advanceLifecycleRun",
  (_db, p: { run: number; next: number; deleted: number; saved: number; freed: number }) => sql<never>`
    update lifecycle_run set next = ${p.next}, deleted = deleted + ${p.deleted}, saved = saved + ${p.saved},
      freed = freed + ${p.freed}
    where id = ${p.run}`,
);

export const endLifecycleRun = statement(
  "endLifecycleRun",
  (_db, p: { run: number; state: string; outcome: string; now: number }) => sql<never>`
    update lifecycle_run set state = ${p.state}, outcome = ${p.outcome}, ended_at = ${p.now} where id = ${p.run}`,
);

export const decideLifecycleImage = statement(
  "decideLifecycleImage",
  (_db, p: { run: number; place: number; state: string; note: string | null }) => sql<never>`
    update lifecycle_image set state = ${p.state}, note = ${p.note} where run_id = ${p.run} and place = ${p.place}`,
);

/** Images that a run archived. */
export const countArchivedImages = statement(
  "countArchivedImages",
  (_db, p: { run: number }) => sql<{ count: number }>`
    select count(*) as count from lifecycle_image where run_id = ${p.run} and state = 'archived'`,
);

/** The first images of a run. */
export const deleteLifecycleImages = statement(
  "deleteLifecycleImages",
  (_db, p: { run: number; limit: number }) => sql<never>`
    delete from lifecycle_image where run_id = ${p.run} and place in (
      select place from lifecycle_image where run_id = ${p.run} order by place limit ${p.limit})`,
);

export const deleteLifecycleRun = statement(
  "deleteLifecycleRun",
  (_db, p: { run: number }) => sql<never>`delete from lifecycle_run where id = ${p.run}`,
);

/** The runs that were made first, and whether the job of each is under way. */
export const listOldestLifecycleRuns = statement(
  "listOldestLifecycleRuns",
  (_db, p: { after: number; limit: number }) => sql<{ id: number; created_at: number; under_way: number }>`
    select r.id, r.created_at, (select count(*) from job j where j.id = r.id and j.ended_at is null) as under_way
    from lifecycle_run r where r.id > ${p.after} order by r.id limit ${p.limit}`,
);

/** Manifests of a repository as they are now, for this transaction alone, in one order for all. */
export const listManifestsNow = statement(
  "listManifestsNow",
  (_db, p: { repository: number; digests: readonly string[] }, d) =>
    d.name === "sqlite"
      ? sql<ManifestNowRow>`
          select m.id, m.digest, m.subject, m.pulled_at, m.pin_until, m.archived_at, m.activated_at
          from ${d.each(p.digests, "text")}
          cross join manifest m on m.repository_id = ${p.repository} and m.digest = e.value`
      : // Any other form may read every manifest of the repository.
        sql<ManifestNowRow>`
          select m.id, m.digest, m.subject, m.pulled_at, m.pin_until, m.archived_at, m.activated_at
          from (select value from ${d.each(p.digests, "text")} order by value) w
          cross join lateral (
            select id, digest, subject, pulled_at, pin_until, archived_at, activated_at from manifest
            where repository_id = ${p.repository} and digest = w.value for update) m`,
);

interface ManifestNowRow {
  readonly id: number;
  readonly digest: string;
  readonly subject: string | null;
  readonly pulled_at: number | null;
  readonly pin_until: number;
  readonly archived_at: number | null;
  readonly activated_at: number | null;
}

/** All tags of these manifests. */
export const listTagsOfEach = statement(
  "listTagsOfEach",
  (_db, p: { manifests: readonly number[] }, d) => sql<{
    manifest_id: number;
    name: string;
    updated_at: number;
    pulled_at: number | null;
  }>`
    select manifest_id, name, updated_at, pulled_at from tag
    where ${d.isOneOf(sql`manifest_id`, p.manifests, "bigint")}`,
);

/** Indexes that list these manifests. */
export const listParentsOfEach = statement(
  "listParentsOfEach",
  (_db, p: { manifests: readonly number[] }, d) => sql<{ child_id: number; parent_id: number }>`
    select child_id, parent_id from manifest_child where ${d.isOneOf(sql`child_id`, p.manifests, "bigint")}`,
);

/** Referrers of one digest that are looked at: PostgreSQL looks them up row by row only where there is a limit. */
const referrers = 10_000;

/** Manifests of a repository whose subject is one of these digests. */
export const listReferrersOfEach = statement(
  "listReferrersOfEach",
  (_db, p: { repository: number; subjects: readonly string[] }, d) =>
    d.name === "sqlite"
      ? sql<{ subject: string; manifest_id: number }>`
          select r.subject, r.manifest_id from ${d.each(p.subjects, "text")}
          cross join referrer r on r.repository_id = ${p.repository} and r.subject = e.value`
      : sql<{ subject: string; manifest_id: number }>`
          select e.value as subject, r.manifest_id from ${d.each(p.subjects, "text")} cross join lateral (
            select manifest_id from referrer where repository_id = ${p.repository} and subject = e.value
            limit ${sql.lit(referrers)}) r`,
);

/** What these tags name, where they are. */
export const listAttachedTo = statement(
  "listAttachedTo",
  (_db, p: { repository: number; names: readonly string[] }, d) =>
    d.name === "sqlite"
      ? sql<{ name: string; manifest_id: number }>`
          select t.name, t.manifest_id from ${d.each(p.names, "text")}
          cross join tag t on t.repository_id = ${p.repository} and t.name = e.value`
      : sql<{ name: string; manifest_id: number }>`
          select e.value as name, t.manifest_id from ${d.each(p.names, "text")} cross join lateral (
            select manifest_id from tag where repository_id = ${p.repository} and name = e.value limit 1) t`,
);

/** Manifests of a repository by their digests, those that are there. */
export const listManifestsOf = statement(
  "listManifestsOf",
  (_db, p: { repository: number; digests: readonly string[] }, d) =>
    d.name === "sqlite"
      ? sql<{ id: number; digest: string }>`
          select m.id, m.digest from ${d.each(p.digests, "text")}
          cross join manifest m on m.repository_id = ${p.repository} and m.digest = e.value`
      : sql<{ id: number; digest: string }>`
          select m.id, e.value as digest from ${d.each(p.digests, "text")} cross join lateral (
            select id from manifest where repository_id = ${p.repository} and digest = e.value limit 1) m`,
);

/** Those of these manifests that are there. */
export const listLivingManifests = statement(
  "listLivingManifests",
  (_db, p: { manifests: readonly number[] }, d) => sql<{ id: number; digest: string }>`
    select id, digest from manifest where ${d.isOneOf(sql`id`, p.manifests, "bigint")}`,
);
