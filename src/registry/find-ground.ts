import { setTimeout as sleep } from "node:timers/promises";
import { checkEpoch } from "./check-epoch.ts";
import { describePause, findPause } from "./collection-pause.ts";
import { findReadOnly } from "./read-only.ts";
import type { Registry } from "./registry.ts";
import type { SteadyClock } from "./steady-clock.ts";

/** What a pass looks at before it begins. */
export interface GroundOptions {
  /** Undefined for a command, which has not watched the clock long enough to know. */
  readonly clock: SteadyClock | undefined;
  /** Compare the marks of database and store first, and raise the turn. */
  readonly checkMark: boolean;
}

/** What a pass may stand on. */
export interface Ground {
  /** Why nothing may be collected now; a sentence for the operator. */
  readonly off: string | undefined;
  /** An operator wanted it so. */
  readonly wished: boolean;
  /** For how long the database's clock has not jumped, in milliseconds. */
  readonly steady: number;
}

/** Why an operator wants nothing to be removed at the moment; undefined where none does. @throws MetadataError */
export async function findWish(registry: Registry): Promise<string | undefined> {
  const readOnly = await findReadOnly(registry);
  if (readOnly !== undefined) return `the registry is read-only (${readOnly.reason})`;
  const pause = await findPause(registry);
  return pause === undefined ? undefined : describePause(pause);
}

/** Long enough for a living process to speak again, in milliseconds. */
const listening = 2_500;

/**
 * Looks whether database and store belong together and whether the clock may be trusted. A command has not watched the
 * clock itself: where servers are at work, what they say of it counts; where none is, nobody holds pins that it could
 * cheat.
 * @throws MetadataError, StorageError
 */
export async function findGround(registry: Registry, { clock, checkMark }: GroundOptions): Promise<Ground> {
  const wish = await findWish(registry);
  if (wish !== undefined) return { off: wish, wished: true, steady: 0 };
  const off = checkMark ? await checkEpoch(registry, true) : undefined;
  if (off !== undefined) return { off, wished: false, steady: 0 };
  if (clock === undefined) return registry.metadata.alone ? trusted : askServers(registry);
  const { now } = await registry.metadata.write("readMark", {});
  const { steady, jumped, offFor } = clock.observe(now, registry.settings.pin);
  if (jumped !== undefined) {
    registry.alarm("the clock jumped, collection waits until all pins have run out", { byMs: Math.round(jumped) });
  }
  return { off: explainJump(offFor), wished: false, steady };
}

const trusted: Ground = { off: undefined, wished: false, steady: Number.MAX_SAFE_INTEGER };

/** Rows of killed servers stay for a day: the living are those that speak. */
async function askServers({ metadata }: Registry): Promise<Ground> {
  const before = await metadata.write("readNodes", {});
  if (Object.keys(before.nodes).length === 0) return trusted;
  await sleep(listening);
  const { nodes, clock } = await metadata.write("readNodes", {});
  if (Object.entries(nodes).every(([node, seenAt]) => before.nodes[node] === seenAt)) return trusted;
  if (clock !== null) return { off: explainJump(clock.offFor), wished: false, steady: clock.steady };
  const off = "servers work on this database, and none has said yet that its clock is steady: try again in a minute";
  return { off, wished: false, steady: 0 };
}

function explainJump(offFor: number): string | undefined {
  return offFor > 0 ? `the clock jumped, ${Math.ceil(offFor / 1000)} s are left to wait` : undefined;
}
