import { setTimeout as sleep } from "node:timers/promises";
import { boundsOf, pathsAbove } from "../access/index.ts";
import type { MaybePromise } from "../lib/index.ts";
import {
  listQuotasBelow,
  readTime,
  weighBlobs,
  weighDeadObjects,
  weighManifests,
  weighUndo,
} from "../metadata/index.ts";
import type { Reader, WeighedBlob, WeighedManifests } from "../metadata/index.ts";
import type { Registry } from "./registry.ts";
import { findCollectionFigures } from "./writes/collection-status.ts";

/** How many, and how many bytes. */
export interface Weighed {
  readonly blobs: number;
  readonly manifests: number;
  /** Of both. */
  readonly bytes: number;
}

/** What comes free at one time. */
export interface PendingDay {
  /** The end of the day on which it can no longer be undone, milliseconds since 1970; null for later than all others. */
  readonly until: number | null;
  readonly bytes: number;
}

/** What the store was found to hold; times are milliseconds since 1970. */
export interface StorageFigures {
  /** When counting began: what happened since may be in or not. */
  readonly asOf: number;
  /** How long counting took, in milliseconds. */
  readonly took: number;
  /** What manifests name, and the manifests; images that only a former place of a tag holds are among them. */
  readonly live: Weighed;
  /** What nothing but deletes that can be undone keeps. */
  readonly undo: Weighed & {
    /** When the first of it comes free; null for none. */
    readonly from: number | null;
    /** When the last does. */
    readonly until: number | null;
    readonly days: readonly PendingDay[];
  };
  /** What nothing uses yet, and pushes were told of: until then they may name it. */
  readonly pinned: Weighed & { readonly until: number | null };
  /** What nothing uses in repositories that are held. */
  readonly held: Weighed;
  /** What nothing uses or keeps: the next passes remove it, once both looks were taken. */
  readonly reclaimable: Weighed;
  /**
   * Of what deletes keep, what comes free for namespaces with a quota. What deletes of several repositories keep counts for the
   * latest; of namespaces the first ten thousand are looked at.
   */
  readonly pendingIn: readonly { readonly namespace: number; readonly bytes: number; readonly until: number }[];
  /** Objects without a row that wait for their removal. */
  readonly dead: {
    readonly objects: number;
    /** Of those whose size is known. */
    readonly bytes: number;
    /** Objects of unknown size. */
    readonly unknown: number;
    /** Those that may go now; the others wait for those who read them. */
    readonly due: number;
    /** When the last may go; null for none. */
    readonly until: number | null;
  };
}

/** Rows of a page. SQLite reads on the thread that answers requests: a page takes it a few milliseconds. */
const blobsAtOnce = 500;
const rowsAtOnce = 2_000;
/** Namespaces with a quota. */
const quotasAtMost = 10_000;
/** Days that are told apart; the rest is one. */
const daysApart = 14;
const day = 86_400_000;

/** What a count is told. */
export interface MeasureOptions {
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Part of the time that it may take of the thread, 0 to 1. */
  readonly share: number;
  /** Told after each page how many rows were read. */
  readonly progress?: (rows: number) => Promise<void> | void;
}

/**
 * Counts what is live, pending, pinned, held, reclaimable and dead, page by page along primary keys: it takes no lock, holds
 * nothing up, and its memory does not grow with the store. What changes meanwhile may be counted or not.
 * @throws MetadataError, what the signal's reason is
 */
export async function measureStorage({ metadata }: Registry, options: MeasureOptions): Promise<StorageFigures> {
  const { read } = metadata;
  const asOf = (await read.first(readTime, {}))!.now;
  const count = new Count(asOf, await listQuotas(read));
  let rows = 0;
  const turn = turnTaking(options);
  for await (const page of pagesOfBlobs(read, turn)) {
    for (const blob of page) count.addBlob(blob);
    await options.progress?.((rows += page.length));
  }
  for (let after = 0; ;) {
    const page = await turn(() => read.all(weighManifests, { after, limit: rowsAtOnce }));
    let counted = 0;
    for (const sums of page) {
      count.addManifests(sums);
      counted += Number(sums.count);
      after = Math.max(after, Number(sums.last));
    }
    await options.progress?.((rows += counted));
    if (counted < rowsAtOnce) break;
  }
  for (let after = 0; ;) {
    const page = await turn(() => read.all(weighUndo, { after, limit: rowsAtOnce }));
    for (const manifest of page) count.addUndone(manifest);
    await options.progress?.((rows += page.length));
    if (page.length < rowsAtOnce) break;
    after = page.at(-1)!.id;
  }
  for (let after = ""; ;) {
    const page = (await turn(() => read.first(weighDeadObjects, { after, limit: rowsAtOnce, now: asOf })))!;
    count.addDead(page);
    if (Number(page.count) < rowsAtOnce) break;
    after = page.last!;
  }
  const { now } = (await read.first(readTime, {}))!;
  return count.figures(now - asOf);
}

/** Namespaces with a quota by their paths. */
async function listQuotas(read: Reader): Promise<ReadonlyMap<string, number>> {
  const rows = await read.all(listQuotasBelow, { path: "", ...boundsOf(""), after: 0, limit: quotasAtMost });
  return new Map(rows.map(({ id, path }) => [path, id]));
}

/** The figures of the last count; undefined before the first. @throws MetadataError */
export async function findFigures(read: Reader): Promise<StorageFigures | undefined> {
  const text = await findCollectionFigures(read);
  // What an earlier version counted lacks what came later.
  return text === undefined ? undefined : { pendingIn: [], ...(JSON.parse(text) as Omit<StorageFigures, "pendingIn">) };
}

/** Reads in its turn. */
export type Turn = <T>(read: () => MaybePromise<T>) => Promise<T>;

/** Reads, then leaves the thread to others for as long as `share` says. */
export function turnTaking({ signal, share }: Pick<MeasureOptions, "signal" | "share">): Turn {
  return async (read) => {
    signal.throwIfAborted();
    const began = performance.now();
    const found = await read();
    const took = performance.now() - began;
    await sleep(share >= 1 ? 0 : (took * (1 - share)) / share, undefined, { signal });
    return found;
  };
}

async function* pagesOfBlobs(read: Reader, turn: Turn): AsyncGenerator<WeighedBlob[]> {
  for (let after = 0; ;) {
    const page = await turn(() => read.all(weighBlobs, { after, limit: blobsAtOnce }));
    yield page;
    if (page.length < blobsAtOnce) return;
    after = page.at(-1)!.id;
  }
}

type Sum = { -readonly [K in keyof Weighed]: Weighed[K] };

const nothing = (): Sum => ({ blobs: 0, manifests: 0, bytes: 0 });

/** Adds up; numbers of PostgreSQL's sums come as text. */
class Count {
  readonly #now: number;
  readonly #live = nothing();
  readonly #undo = { ...nothing(), from: null as number | null, until: null as number | null };
  readonly #pinned = { ...nothing(), until: null as number | null };
  readonly #held = nothing();
  readonly #reclaimable = nothing();
  readonly #dead = { objects: 0, bytes: 0, unknown: 0, due: 0, until: null as number | null };
  /** Bytes by how many days from now; the last is all later ones. */
  readonly #days = new Array<number>(daysApart + 1).fill(0);

  readonly #quotas: ReadonlyMap<string, number>;
  readonly #pendingIn = new Map<number, { bytes: number; until: number }>();

  constructor(now: number, quotas: ReadonlyMap<string, number>) {
    this.#now = now;
    this.#quotas = quotas;
  }

  addBlob({ size, used, undo_until: undo, undo_in: where, pin_until: pin, held }: WeighedBlob): void {
    const place =
      used !== null
        ? this.#live
        : undo !== null && undo > this.#now
          ? this.#undo
          : held !== null
            ? this.#held
            : (pin ?? 0) > this.#now
              ? this.#pinned
              : this.#reclaimable;
    place.blobs++;
    place.bytes += size;
    if (place === this.#undo) this.#addPending(undo!, size, where!);
    if (place === this.#pinned) this.#pinned.until = latest(this.#pinned.until, pin);
  }

  addManifests(sums: WeighedManifests): void {
    const [count, bytes] = [Number(sums.count), Number(sums.bytes)];
    const until = sums.undo_until;
    if (until !== null && until > this.#now) {
      this.#undo.manifests += count;
      this.#undo.bytes += bytes;
      this.#addPending(until, bytes, sums.repository);
      return;
    }
    // A repository that is being emptied has nothing that is used.
    const unused = sums.deleted === 1 ? count : Number(sums.unused);
    const unusedBytes = sums.deleted === 1 ? bytes : Number(sums.unused_bytes);
    this.#live.manifests += count - unused;
    this.#live.bytes += bytes - unusedBytes;
    this.#reclaimable.manifests += unused;
    this.#reclaimable.bytes += unusedBytes;
  }

  addUndone({
    size,
    until_at: until,
    undo_in: where,
  }: {
    readonly size: number;
    readonly until_at: number;
    readonly undo_in: string;
  }): void {
    const place = until > this.#now ? this.#undo : this.#reclaimable;
    place.manifests++;
    place.bytes += size;
    if (place === this.#undo) this.#addPending(until, size, where);
  }

  addDead(page: {
    readonly count: number;
    readonly bytes: number | null;
    readonly unknown: number | null;
    readonly due: number | null;
    readonly latest: number | null;
  }): void {
    this.#dead.objects += Number(page.count);
    this.#dead.bytes += Number(page.bytes ?? 0);
    this.#dead.unknown += Number(page.unknown ?? 0);
    this.#dead.due += Number(page.due ?? 0);
    this.#dead.until = latest(this.#dead.until, page.latest);
  }

  #addPending(until: number, bytes: number, where: string): void {
    for (const path of pathsAbove(where)) {
      const namespace = this.#quotas.get(path);
      if (namespace === undefined) continue;
      const before = this.#pendingIn.get(namespace) ?? { bytes: 0, until: 0 };
      this.#pendingIn.set(namespace, { bytes: before.bytes + bytes, until: Math.max(before.until, until) });
    }
    const days = Math.floor(until / day) - Math.floor(this.#now / day);
    this.#days[Math.min(days, daysApart)]! += bytes;
    if (this.#undo.from === null || until < this.#undo.from) this.#undo.from = until;
    this.#undo.until = latest(this.#undo.until, until);
  }

  figures(took: number): StorageFigures {
    const today = Math.floor(this.#now / day);
    const days = this.#days.flatMap((bytes, index) => {
      if (bytes === 0) return [];
      return [{ until: index === daysApart ? null : (today + index + 1) * day, bytes }];
    });
    return {
      asOf: this.#now,
      took,
      live: this.#live,
      undo: { ...this.#undo, days },
      pinned: this.#pinned,
      held: this.#held,
      reclaimable: this.#reclaimable,
      pendingIn: [...this.#pendingIn].map(([namespace, pending]) => ({ namespace, ...pending })),
      dead: this.#dead,
    };
  }
}

function latest(one: number | null, other: number | null): number | null {
  if (one === null) return other;
  return other === null ? one : Math.max(one, other);
}
