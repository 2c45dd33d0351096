import type { Metadata } from "../metadata/index.ts";
import type { AccessWrites } from "./writes.ts";
import type { Standing } from "./principal.ts";
import type { AccessVersion } from "./version.ts";

/** Limits and times; durations are milliseconds. */
export interface AccessSettings {
  /** Everybody may do everything: development on loopback. */
  readonly open: boolean;
  /** The longest that a personal token may be good for. */
  readonly tokenAge: number;
  /** How long a robot's secret is good for when nobody says. */
  readonly robotAge: number;
}

/** What deciding about rights works with. */
export interface Access {
  readonly metadata: Metadata<AccessWrites>;
  readonly settings: AccessSettings;
  /** Moves with every change of accounts, groups, grants, credentials. */
  readonly version: AccessVersion;
  /** Standings by kind and id, good for one version. */
  readonly standings: Map<string, Standing>;
  /** Key under which shown credentials are remembered; of this process alone. */
  readonly memoryKey: Uint8Array;
}
