import { findNextCollection, listCollectionPasses, readTime } from "../metadata/index.ts";
import type { CollectionPassRow } from "../metadata/index.ts";
import type { Collected } from "./collect-garbage.ts";
import { findPause } from "./collection-pause.ts";
import type { CollectionPause } from "./collection-pause.ts";
import { findWish } from "./find-ground.ts";
import { findFigures } from "./measure-storage.ts";
import type { StorageFigures } from "./measure-storage.ts";
import { findStoreSpace } from "./make-room.ts";
import type { StoreSpace } from "./make-room.ts";
import { isIdle } from "./note-pass.ts";
import type { Registry } from "./registry.ts";
import { findRoom } from "./writes/give-up-for-room.ts";
import type { GivenUpForRoom, RoomLook } from "./writes/give-up-for-room.ts";

/** What one pass did, or has done until now; times are milliseconds since 1970. */
export interface InspectedPass {
  /** `host:pid` */
  readonly node: string;
  readonly beganAt: number;
  /** Null while it is under way. */
  readonly endedAt: number | null;
  readonly did: Omit<Collected, "off" | "wished">;
  /** Rows that it looked at in a second. */
  readonly rowsPerSecond: number;
}

/** How collection is. */
export interface CollectionStatus {
  /**
   * `paused`: an owner said so; `off`: `reason` says why nothing is collected; `running`: a pass is under way; `waiting`: for the
   * next one.
   */
  readonly state: "running" | "waiting" | "paused" | "off";
  readonly reason: string | null;
  readonly pause: CollectionPause | null;
  /** The pass under way that was heard of last. */
  readonly running: InspectedPass | null;
  /** The last that ended, of those that did something if one did within a day. */
  readonly last: InspectedPass | null;
  /** When the next row is looked at, and the next delete can no longer be undone; milliseconds since 1970, null for none. */
  readonly nextReview: number | null;
  readonly nextUndo: number | null;
  /** Rows and objects a second at most, on all nodes together; 0 for any number. */
  readonly rowRate: number;
  readonly objectRate: number;
  /** Null before the first count. */
  readonly figures: StorageFigures | null;
  /** Null where the store says nothing of free space, as S3, or deletes are never given up for want of it. */
  readonly space: InspectedSpace | null;
}

/** How much room there is, and what was given up for it; bytes. */
export interface InspectedSpace extends StoreSpace {
  /** What came of the last look at a disk with too little room. */
  readonly look: RoomLook | null;
  /** Deletes that were given up since the installation was made; null for none. */
  readonly givenUp: GivenUpForRoom | null;
}

/** A pass that has not been heard of for so long is over: its process was lost. Milliseconds. */
const silence = 15_000;
/** Processes whose passes are looked at. */
const passes = 100;

/**
 * Says how collection is, by rows that are found by key: what the store holds was counted before (`asOf`).
 * @param figures those that were counted just now
 * @throws MetadataError
 */
export async function inspectCollection(registry: Registry, figures?: StorageFigures): Promise<CollectionStatus> {
  const { metadata, settings } = registry;
  const { read } = metadata;
  const { now } = (await read.first(readTime, {}))!;
  const rows = await read.all(listCollectionPasses, { limit: passes });
  const noted = rows.map(showPass);
  const running = noted.find(({ pass, seenAt }) => pass.endedAt === null && now - seenAt < silence)?.pass ?? null;
  const ended = noted.filter(({ pass }) => pass.endedAt !== null);
  const last = ended.find(({ idle }) => !idle) ?? ended[0];
  const pause = (await findPause(registry)) ?? null;
  const off = (await findWish(registry)) ?? (running === null ? (ended[0]?.off ?? undefined) : undefined);
  const next = (await read.first(findNextCollection, {}))!;
  return {
    state: pause !== null ? "paused" : off !== undefined ? "off" : running !== null ? "running" : "waiting",
    reason: off ?? null,
    pause,
    running,
    last: last?.pass ?? null,
    nextReview: next.review === null ? null : Number(next.review),
    nextUndo: next.undo === null ? null : Number(next.undo),
    rowRate: settings.rowRate ?? 0,
    objectRate: settings.objectRate ?? 0,
    figures: figures ?? (await findFigures(read)) ?? null,
    space: await inspectSpace(registry),
  };
}

async function inspectSpace(registry: Registry): Promise<InspectedSpace | null> {
  const space = await findStoreSpace(registry);
  if (space === undefined || space.floor === 0) return null;
  const { look, givenUp } = await findRoom(registry.metadata.read);
  return { ...space, look: look ?? null, givenUp: givenUp ?? null };
}

function showPass(row: CollectionPassRow) {
  const { off, wished: _, ...did } = JSON.parse(row.figures) as Collected & { readonly off: string | null };
  const seconds = Math.max(0.001, (row.seen_at - row.began_at) / 1_000);
  const pass: InspectedPass = {
    node: row.node,
    beganAt: row.began_at,
    endedAt: row.ended_at,
    did,
    rowsPerSecond: Math.round(did.looked / seconds),
  };
  return { pass, seenAt: row.seen_at, off: off ?? undefined, idle: isIdle({ ...did, off: undefined, wished: false }) };
}
