import type { Metadata } from "../metadata/index.ts";
import type { RightsSource } from "./rights-source.ts";
import type { AccessWrites } from "./writes.ts";
import type { RefusalLog } from "./refusals.ts";
import type { Issuers } from "./issuers.ts";

/** Limits and times; durations are milliseconds. */
export interface AccessSettings {
  /** Everybody may do everything: development on loopback. */
  readonly open: boolean;
  /** The longest that a personal token may be good for. */
  readonly tokenAge: number;
  /** How long a robot's secret is good for when nobody says. */
  readonly robotAge: number;
  /** How far the clocks of issuers of identity tokens may be from ours. */
  readonly clockSkew: number;
}

/** What deciding about rights works with. */
export interface Access extends RightsSource {
  readonly metadata: Metadata<AccessWrites>;
  readonly settings: AccessSettings;
  /** What was refused lately and waits to be written down. */
  readonly refusals: RefusalLog;
  /** What issuers of identity tokens publish. */
  readonly issuers: Issuers;
  /** Key under which shown credentials are remembered; of this process alone. */
  readonly memoryKey: Uint8Array;
}
