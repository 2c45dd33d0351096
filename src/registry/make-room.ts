import { randomUUID } from "node:crypto";
import { pageOldUndo, readTime, weighBlobsOfDeleted, weighBlobsOfUndo } from "../metadata/index.ts";
import type { OldUndo } from "../metadata/index.ts";
import { floorOf } from "../policy/index.ts";
import { countRoom, fateOf } from "./count-room.ts";
import type { CountedRoom } from "./count-room.ts";
import { turnTaking } from "./measure-storage.ts";
import type { MeasureOptions, Turn } from "./measure-storage.ts";
import type { Registry } from "./registry.ts";

/** Bytes of the file system that the store is on. */
export interface StoreSpace {
  readonly free: number;
  readonly total: number;
  /** How much is to stay free. */
  readonly floor: number;
}

/** What making room came to; bytes. */
export interface MadeRoom {
  /** Deletes that were given up, with what needed them. */
  readonly givenUp: number;
  /** What comes free by them. */
  readonly bytes: number;
  /** What is short still, after all that is on its way out: nothing that can be given up would help. */
  readonly missing: number;
}

/** Deletes that one go gives up at most; the next one goes on. */
const most = 1_000;
/** Of them in one transaction. */
const batch = 25;
const undoAtOnce = 200;
const blobsAtOnce = 500;
/** A process that has not been heard of for so long does not count any more, in milliseconds. */
const lease = 120_000;
/** It is heard of so often. */
const renewEvery = 30_000;
/** A count that took this long (milliseconds) is not made again for a while, four times as long; at most ten minutes. */
const longCount = 1_000;
const longestRest = 600_000;

/** Free space of the store and how much is to stay; undefined where the store cannot say, as S3 cannot, or nothing is to be given up. */
export async function findStoreSpace({
  store,
  settings,
}: Pick<Registry, "store" | "settings">): Promise<StoreSpace | undefined> {
  const { spaceFloor } = settings;
  const space = await store.driver.findSpace().catch(() => undefined);
  if (space === undefined || spaceFloor === undefined) return undefined;
  return { ...space, floor: floorOf(spaceFloor, space.total) };
}

/**
 * Gives up the oldest deletes while the file system of the store has less free space than `spaceFloor` and what is on its way out does not make up for
 * it: as many as it takes, one process at a time, those in repositories that are held and of what runs left out. Killed at any point
 * it is simply begun again: what was given up before counts as on its way out (docs/decisions/0041-the-oldest-deletes-make-room.md).
 * @returns undefined where there is room, or another process is at it
 * @throws MetadataError, what the signal's reason is
 */
export async function makeRoom(registry: Registry, { asked, ...options }: RoomOptions): Promise<MadeRoom | undefined> {
  const before = await findStoreSpace(registry);
  if (before === undefined || before.free >= before.floor) return undefined;
  const { metadata } = registry;
  const token = randomUUID();
  if (!(await metadata.write("claimRoom", { token, lease, asked }))) return undefined;
  const began = performance.now();
  let rest = 0;
  try {
    const turn = turnTaking(options);
    const counted = await countRoom(registry, turn, renewing(registry, token));
    const took = performance.now() - began;
    if (took > longCount) rest = Math.min(longestRest, Math.round(4 * took));
    // Asked for after the count: what left meanwhile is in both, never in none.
    const space = await findStoreSpace(registry);
    if (space === undefined) return undefined;
    const needed = space.floor - space.free - counted.leaving;
    const made = needed <= 0 ? nothing : await new Giving(registry, turn, token, counted).giveUp(needed);
    const { leaving } = counted;
    await metadata.write("noteRoom", { leaving, missing: made.missing });
    tell(registry, space, leaving, made);
    return made;
  } finally {
    // Should this fail, the lease ends by itself.
    await metadata.write("leaveRoom", { token, rest }).catch(() => undefined);
  }
}

/** How room is made. */
export interface RoomOptions extends Pick<MeasureOptions, "signal" | "share"> {
  /** Somebody wants it now, however long the last count took. */
  readonly asked: boolean;
}

const nothing: MadeRoom = { givenUp: 0, bytes: 0, missing: 0 };

/** Says now and then that this process is still at it. */
function renewing({ metadata }: Registry, token: string): () => Promise<void> {
  let said = performance.now();
  return async () => {
    if (performance.now() - said < renewEvery) return;
    said = performance.now();
    await metadata.write("claimRoom", { token, lease, asked: true });
  };
}

function tell(
  registry: Registry,
  { free, total, floor }: StoreSpace,
  leaving: number,
  { givenUp, bytes, missing }: MadeRoom,
): void {
  const facts = { free, total, floor, leaving };
  if (givenUp > 0) {
    registry.alarm("the store is short of space: the oldest deletes were given up, and cannot be undone any more", {
      deletes: givenUp,
      bytes,
      ...facts,
    });
  }
  if (missing > 0) {
    registry.alarm("the store is short of space, and nothing that can be undone would make room", {
      missing,
      ...facts,
    });
  }
}

/** One go. */
class Giving {
  readonly #registry: Registry;
  readonly #turn: Turn;
  readonly #token: string;
  readonly #counted: CountedRoom;

  constructor(registry: Registry, turn: Turn, token: string, counted: CountedRoom) {
    this.#registry = registry;
    this.#turn = turn;
    this.#token = token;
    this.#counted = counted;
  }

  /** @param needed bytes */
  async giveUp(needed: number): Promise<MadeRoom> {
    const { gains, staying } = this.#counted;
    let [last, gained] = [0, 0];
    for (const [undo, bytes] of gains) {
      if (gained >= needed) break;
      [last, gained] = [undo, gained + bytes];
    }
    const stays = new Set(staying);
    let [givenUp, chosen, bytes] = [0, 0, 0];
    let undos: number[] = [];
    const end = async () => {
      if (undos.length === 0) return true;
      const freed = undos.reduce((sum, undo) => sum + (gains.get(undo) ?? 0), 0);
      const input = { token: this.#token, lease, undos, bytes: freed };
      undos = [];
      const { count } = await this.#registry.metadata.write("giveUpForRoom", input);
      givenUp += count ?? 0;
      if (count !== undefined) bytes += freed;
      return count !== undefined;
    };
    for await (const undo of this.#upTo(last)) {
      if (stays.has(undo.id) || !(await this.#keepsWhatGoes(undo, last))) continue;
      undos.push(undo.id);
      chosen++;
      if (chosen === most) break;
      // Another process counts by now.
      if (undos.length === batch && !(await end())) return { givenUp, bytes, missing: 0 };
    }
    await end();
    return { givenUp, bytes, missing: Math.max(0, needed - gained) };
  }

  /** Deletes of images and repositories, the oldest first, up to one. */
  async *#upTo(last: number): AsyncGenerator<OldUndo> {
    const { read } = this.#registry.metadata;
    const { now } = (await read.first(readTime, {}))!;
    for (let after = 0; after < last;) {
      const page = await this.#turn(() => read.all(pageOldUndo, { after, limit: undoAtOnce, now }));
      for (const undo of page) if (undo.counts === 1 && undo.id <= last) yield undo;
      if (page.length < undoAtOnce) return;
      after = page.at(-1)!.id;
    }
  }

  /** Whether a delete keeps something that no later one than `last` does, nor anything else. */
  async #keepsWhatGoes({ id: undo, kind, repository }: OldUndo, last: number): Promise<boolean> {
    const { read } = this.#registry.metadata;
    const { now } = (await read.first(readTime, {}))!;
    for (let after = 0; ;) {
      const place = { after, limit: blobsAtOnce, now, staying: this.#counted.staying };
      const page = await this.#turn(() =>
        kind === "repository"
          ? read.all(weighBlobsOfDeleted, { ...place, repository })
          : read.all(weighBlobsOfUndo, { ...place, undo }),
      );
      for (const blob of page) {
        const fate = fateOf(blob, now);
        if (typeof fate === "number" && fate <= last) return true;
      }
      if (page.length < blobsAtOnce) return false;
      after = page.at(-1)!.id;
    }
  }
}
