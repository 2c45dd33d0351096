import { authorizeNamespace } from "../access/index.ts";
import type { Caller } from "../access/index.ts";
import { findUsageReport, listUsageReports } from "../metadata/index.ts";
import type { UsageReportRow } from "../metadata/index.ts";
import type { Registry } from "./registry.ts";
import { getUsage, getUsageNamespace } from "./writes/usage.ts";
import type { ReportedUse } from "./writes/usage.ts";

/** Who reports, and for the repositories below which namespace. */
export interface UsageSource {
  /** Path; empty for the root. */
  readonly namespace: string;
  readonly source: string;
}

/** Reports on a namespace by source, those that are good no more among them. @throws RegistryError NAMESPACE_UNKNOWN, and as `authorizeNamespace` does for report-usage */
export async function listUsage(
  { access, metadata: { read } }: Registry,
  caller: Caller,
  namespace: string,
): Promise<readonly UsageReportRow[]> {
  await authorizeNamespace(access, caller, "report-usage", namespace);
  const { id } = await getUsageNamespace(read, namespace);
  return read.all(listUsageReports, { namespace: id });
}

/**
 * Says which digests a source runs; what it said before is gone. They are in use in the repositories below the namespace.
 * @param age milliseconds after which nobody believes it any more
 * @throws RegistryError NAMESPACE_UNKNOWN, CONFLICT, DENIED for another's source unless the caller has manage-settings, and as
 * `authorizeNamespace` does for report-usage
 */
export async function reportUsage(
  registry: Registry,
  caller: Caller,
  of: UsageSource,
  uses: readonly ReportedUse[],
  age: number,
): Promise<UsageReportRow> {
  const { access, metadata } = registry;
  const by = await authorizeNamespace(access, caller, "report-usage", of.namespace);
  await metadata.write("putUsage", { ...of, by, uses, age, mayReplace: await mayReplace(registry, caller, of) });
  return getUsage(metadata.read, of);
}

/** Forgets what a source reported. @throws RegistryError NAMESPACE_UNKNOWN, NOT_FOUND, and as `reportUsage` does */
export async function forgetUsage(registry: Registry, caller: Caller, of: UsageSource): Promise<void> {
  const by = await authorizeNamespace(registry.access, caller, "report-usage", of.namespace);
  await registry.metadata.write("deleteUsage", { ...of, by, mayReplace: await mayReplace(registry, caller, of) });
}

/** @throws RegistryError DENIED for another's source */
async function mayReplace(
  { access, metadata: { read } }: Registry,
  caller: Caller,
  { namespace, source }: UsageSource,
): Promise<boolean> {
  const { id } = await getUsageNamespace(read, namespace);
  const former = await read.first(findUsageReport, { namespace: id, source });
  if (former === undefined || former.reported_by === caller.principal.name) return false;
  await authorizeNamespace(access, caller, "manage-settings", namespace);
  return true;
}
