import { versionOf } from "../lib/index.ts";
import { findTrustRuleByName, listGrantsOfTrustRule, listTrustRules } from "../metadata/index.ts";
import type { PlacedGrant, TrustRuleRow } from "../metadata/index.ts";
import { RegistryError } from "../oci/index.ts";
import { authorizeNamespace } from "./authorize.ts";
import { findReach } from "./list-visible.ts";
import { boundsOf } from "./paths.ts";
import type { Caller } from "./principal.ts";
import type { RightsSource } from "./rights-source.ts";

/** A rule with what it gives. */
export interface TrustRule {
  readonly row: TrustRuleRow;
  readonly grants: readonly PlacedGrant[];
}

/** Rules after `after` by name of namespaces on which the caller may manage access, at most `limit`. */
export async function listVisibleTrustRules(
  access: RightsSource,
  caller: Caller,
  after: string | undefined,
  limit: number,
): Promise<TrustRule[]> {
  const { read } = access.metadata;
  const { paths } = await findReach(access, caller, "manage-access");
  const rows = new Map<string, TrustRuleRow>();
  for (const own of paths) {
    const found = await read.all(listTrustRules, { own, ...boundsOf(own), after: after ?? "", limit });
    for (const row of found) rows.set(row.name, row);
  }
  const page = [...rows.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1)).slice(0, limit);
  return Promise.all(page.map((row) => withGrants(access, row)));
}

/** @throws RegistryError NOT_FOUND when it is not there or the caller may not see it */
export async function getTrustRule(access: RightsSource, caller: Caller, name: string): Promise<TrustRule> {
  return withGrants(access, await getManagedRule(access, caller, name));
}

/** The rule, where the caller may manage access; what it may not see is not there. @throws RegistryError NOT_FOUND */
export async function getManagedRule(access: RightsSource, caller: Caller, name: string): Promise<TrustRuleRow> {
  const row = await access.metadata.read.first(findTrustRuleByName, { name });
  try {
    if (row !== undefined) {
      await authorizeNamespace(access, caller, "manage-access", row.path);
      return row;
    }
  } catch (error) {
    if (!(error instanceof RegistryError) || error.code !== "DENIED") throw error;
  }
  throw new RegistryError("NOT_FOUND", `there is no trust rule ${name} that you may manage: list them to see yours`);
}

/** For `ETag`. */
export function versionOfTrustRule({ id, revision }: TrustRuleRow): string {
  return versionOf([id, revision]);
}

async function withGrants({ metadata: { read } }: RightsSource, row: TrustRuleRow): Promise<TrustRule> {
  return { row, grants: await read.all(listGrantsOfTrustRule, { trust: row.id }) };
}
