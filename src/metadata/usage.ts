import { sql } from "kysely";
import { statement } from "./statement.ts";

/** What one source says that it runs. Times are milliseconds since 1970. */
export interface UsageReportRow {
  readonly id: number;
  readonly source: string;
  /** How many it names. */
  readonly digests: number;
  readonly reported_by: string;
  readonly reported_at: number;
  readonly expires_at: number;
}

/** A digest that runs, by one report. */
export interface UseRow {
  readonly report_id: number;
  readonly digest: string;
  readonly workload: string;
}

export const listUsageReports = statement(
  "listUsageReports",
  (_db, p: { namespace: number }) => sql<UsageReportRow>`
    select id, source, digests, reported_by, reported_at, expires_at from usage_report
    where namespace_id = ${p.namespace} order by source`,
);

export const findUsageReport = statement(
  "findUsageReport",
  (_db, p: { namespace: number; source: string }) => sql<UsageReportRow>`
    select id, source, digests, reported_by, reported_at, expires_at from usage_report
    where namespace_id = ${p.namespace} and source = ${p.source}`,
);

/** Takes what the report named before with it. */
export const deleteUsageReport = statement(
  "deleteUsageReport",
  (_db, p: { report: number }) => sql<never>`delete from usage_report where id = ${p.report}`,
);

export const insertUsageReport = statement(
  "insertUsageReport",
  (_db, p: { namespace: number; source: string; digests: number; by: string; now: number; expiresAt: number }) => sql<{
    id: number;
  }>`
    insert into usage_report (namespace_id, source, digests, reported_by, reported_at, expires_at)
    values (${p.namespace}, ${p.source}, ${p.digests}, ${p.by}, ${p.now}, ${p.expiresAt}) returning id`,
);

/** @param p each of `uses` is JSON: digest, repository, workload */
export const insertUsageDigests = statement(
  "insertUsageDigests",
  (_db, p: { report: number; uses: readonly string[] }, d) =>
    d.name === "sqlite"
      ? sql<never>`
          insert into usage_digest (report_id, digest, repository, workload)
          select ${p.report}, json_extract(e.value, '$[0]'), json_extract(e.value, '$[1]'), json_extract(e.value, '$[2]')
          from ${d.each(p.uses, "text")}`
      : sql<never>`
          insert into usage_digest (report_id, digest, repository, workload)
          select ${p.report}::bigint, e.value::json ->> 0, e.value::json ->> 1, e.value::json ->> 2
          from ${d.each(p.uses, "text")}`,
);

/** Reports on these namespaces that are good still; in no order. */
export const listLiveReports = statement(
  "listLiveReports",
  (_db, p: { namespaces: readonly number[]; now: number }, d) => sql<UsageReportRow>`
    select id, source, digests, reported_by, reported_at, expires_at from usage_report
    where ${d.isOneOf(sql`namespace_id`, p.namespaces, "bigint")} and expires_at > ${p.now}`,
);

/** Who runs one of these digests by these reports, from a repository of this name or any. */
export const listUses = statement(
  "listUses",
  (_db, p: { reports: readonly number[]; digests: readonly string[]; repository: string }, d) => sql<UseRow>`
    select report_id, digest, workload from usage_digest
    where ${d.isOneOf(sql`report_id`, p.reports, "bigint")} and ${d.isOneOf(sql`digest`, p.digests, "text")}
      and repository in ('', ${p.repository})`,
);

/** One of the digests of a repository that run by these reports. */
export const findUseOfRepository = statement(
  "findUseOfRepository",
  (_db, p: { reports: readonly number[]; id: number; repository: string }, d) => sql<UseRow>`
    select u.report_id, u.digest, u.workload
    from usage_digest u join manifest m on m.repository_id = ${p.id} and m.digest = u.digest
    where ${d.isOneOf(sql`u.report_id`, p.reports, "bigint")} and u.repository in ('', ${p.repository}) limit 1`,
);

/** What indexes list, by ids. */
export const listMembersOf = statement(
  "listMembersOf",
  (_db, p: { manifests: readonly number[] }, d) => sql<{ id: number }>`
    select child_id as id from manifest_child where ${d.isOneOf(sql`parent_id`, p.manifests, "bigint")}`,
);

export const listDigestsOf = statement(
  "listDigestsOf",
  (_db, p: { manifests: readonly number[] }, d) => sql<{ digest: string }>`
    select digest from manifest where ${d.isOneOf(sql`id`, p.manifests, "bigint")}`,
);
