import type { Access } from "./access.ts";
import { explainRights } from "./authorize.ts";
import { findHolder } from "./find-holder.ts";
import { holderOf } from "./holder.ts";
import { findStanding } from "./find-standing.ts";
import type { PlacedFact, Principal, ScopeEntry } from "./principal.ts";

/** Who asks, by what, until when, and with which roles. */
export interface DescribedCaller {
  /** When the credential ends by itself; milliseconds since 1970, undefined for never. */
  readonly until: number | undefined;
  /** What the credential was narrowed to; undefined for all that its owner may do. */
  readonly scope: readonly ScopeEntry[] | undefined;
  /** Whose rights are the caller's limit, as people read it: of a robot. */
  readonly sponsor: string | undefined;
  readonly grants: readonly PlacedFact[];
  /** Whether it may manage access on the root namespace. */
  readonly serverOwner: boolean;
}

/** What the rows say about the caller. @throws MetadataError */
export async function describeCaller(access: Access, principal: Principal): Promise<DescribedCaller> {
  if (principal.kind === "operator" || principal.kind === "system") {
    return { until: undefined, scope: undefined, sponsor: undefined, grants: [], serverOwner: true };
  }
  const held = await findHolder(access, holderOf(principal));
  const standing = await findStanding(access, principal);
  const rights = await explainRights(access, principal, { kind: "namespace", path: "" });
  const { limits } = principal;
  return {
    until: held === undefined || !Number.isFinite(held.until) ? undefined : held.until,
    scope: limits.length === 0 ? undefined : limits.flatMap(({ entries }) => entries),
    sponsor: standing.within?.name,
    grants: standing.active ? standing.grants : [],
    serverOwner: rights["manage-access"].allowed,
  };
}
