import type { Metadata } from "../metadata/index.ts";
import type { PolicyMemory } from "./policies/held-policy.ts";
import type { Standing } from "./principal.ts";
import type { RefusalLog } from "./refusals.ts";
import type { AccessVersion } from "./version.ts";

/** What deciding about rights reads: the rows of the moment, or those of a transaction. */
export interface RightsSource {
  readonly metadata: Pick<Metadata<never>, "read" | "generation" | "alone">;
  /** Moves with every change of accounts, groups, grants, credentials. */
  readonly version: AccessVersion;
  /** Standings by kind and id, good for one version. */
  readonly standings: Map<string, Standing>;
  /** Policies of repositories, good for one version; within a transaction they are read where they are needed. */
  readonly policies?: PolicyMemory;
  /** Takes note of what is refused; within a transaction nobody does. */
  readonly refusals?: RefusalLog;
}
