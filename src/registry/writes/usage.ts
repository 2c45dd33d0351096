import {
  deleteUsageReport,
  findNamespace,
  findUsageReport,
  insertUsageDigests,
  insertUsageReport,
  listUsageReports,
  recordChange,
} from "../../metadata/index.ts";
import type { Attribution, Reader, Transaction, UsageReportRow } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { describePlace } from "../../policy/index.ts";

/** A digest that runs. */
export interface ReportedUse {
  readonly digest: string;
  /** From which it was pulled; undefined for any. */
  readonly repository?: string | undefined;
  readonly workload: string;
}

interface SourceInput {
  /** Path of the namespace; empty for the root. */
  readonly namespace: string;
  readonly source: string;
  readonly by: Attribution;
  /** May take the place of what another reported. */
  readonly mayReplace: boolean;
}

export interface PutUsageInput extends SourceInput {
  readonly uses: readonly ReportedUse[];
  /** Milliseconds that the report is good for. */
  readonly age: number;
}

/** Sources of one namespace at most. */
const sourceLimit = 100;

/**
 * Keeps what a source runs, in the place of what it reported before. Reports of the namespace that are good no more go.
 * @throws RegistryError NAMESPACE_UNKNOWN, DENIED when another made the earlier report, CONFLICT when there are too many sources
 */
export async function putUsage(tx: Transaction, input: PutUsageInput): Promise<void> {
  const { namespace: path, source, uses, age } = input;
  const { id: namespace } = await getUsageNamespace(tx, path);
  const before = await tx.all(listUsageReports, { namespace });
  const former = before.find((row) => row.source === source);
  if (former !== undefined) refuseForeign(input, former, tx.now);
  const old = before.filter(({ expires_at }) => expires_at <= tx.now);
  const live = before.filter((row) => row !== former && !old.includes(row));
  if (live.length >= sourceLimit) {
    const message = `${describePlace({ namespace: path })} has ${sourceLimit} sources that report: let one of them report for others`;
    throw new RegistryError("CONFLICT", message, { detail: { namespace: path, limit: sourceLimit } });
  }
  for (const { id } of new Set([...old, ...(former === undefined ? [] : [former])])) {
    await tx.run(deleteUsageReport, { report: id });
  }
  const unique = new Map(uses.map((use) => [`${use.digest} ${use.repository ?? ""}`, use]));
  const row = { namespace, source, digests: unique.size, by: input.by.principal, now: tx.now, expiresAt: tx.now + age };
  const { id: report } = (await tx.first(insertUsageReport, row))!;
  const texts = [...unique.values()].map(({ digest, repository, workload }) =>
    JSON.stringify([digest, repository ?? "", workload]),
  );
  if (texts.length > 0) await tx.run(insertUsageDigests, { report, uses: texts });
  await recordUsage(tx, input, "report-usage", { digests: unique.size, expiresAt: tx.now + age });
}

/** Forgets what a source reported. @throws RegistryError NAMESPACE_UNKNOWN, NOT_FOUND, DENIED when another made the report */
export async function deleteUsage(tx: Transaction, input: SourceInput): Promise<void> {
  const row = await getUsage(tx, input);
  refuseForeign(input, row, tx.now);
  await tx.run(deleteUsageReport, { report: row.id });
  await recordUsage(tx, input, "forget-usage", { digests: row.digests });
}

function refuseForeign({ source, by, mayReplace }: SourceInput, former: UsageReportRow, now: number): void {
  if (mayReplace || former.expires_at <= now || former.reported_by === by.principal) return;
  const message = `${source} is what ${former.reported_by} reports as: use a source of your own, or ask a maintainer`;
  throw new RegistryError("DENIED", message, { detail: { source } });
}

async function recordUsage(tx: Transaction, { namespace, source, by }: SourceInput, action: string, facts: object) {
  const target = describePlace({ namespace });
  await recordChange(tx, by, { action, repository: "", target, facts: { source, ...facts } });
}

/** @throws RegistryError NAMESPACE_UNKNOWN */
export async function getUsageNamespace(read: Reader, path: string): Promise<{ readonly id: number }> {
  const row = await read.first(findNamespace, { path });
  if (row !== undefined) return row;
  throw new RegistryError("NAMESPACE_UNKNOWN", `there is no namespace ${path}: make it first`);
}

/** @throws RegistryError NAMESPACE_UNKNOWN, NOT_FOUND */
export async function getUsage(
  read: Reader,
  { namespace: path, source }: Pick<SourceInput, "namespace" | "source">,
): Promise<UsageReportRow> {
  const { id: namespace } = await getUsageNamespace(read, path);
  const row = await read.first(findUsageReport, { namespace, source });
  if (row !== undefined) return row;
  throw new RegistryError("NOT_FOUND", `${source} has reported nothing on ${describePlace({ namespace: path })}`, {
    detail: { namespace: path, source },
  });
}
