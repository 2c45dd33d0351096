import { boundsOf } from "../../access/index.ts";
import { listBlobsPending, pageBlobsPending, pageUndo, readTime } from "../../metadata/index.ts";
import type { KeepingUndo } from "../../metadata/index.ts";
import { turnTaking } from "../measure-storage.ts";
import type { MeasureOptions, Turn } from "../measure-storage.ts";
import type { Registry } from "../registry.ts";
import { weighManifests } from "../writes/quotas/count-repository.ts";
import type { Keeping } from "../writes/quotas/keep-counts.ts";
import { NumberSet } from "./number-set.ts";

/** Rows of a page. SQLite reads on the thread that answers requests: a page takes it a few milliseconds. */
const undoAtOnce = 200;
const blobsAtOnce = 1_000;

/** What counting came to. */
export interface Trimmed {
  /** Bytes that the deletes which are left keep. */
  readonly pending: number;
  /** How many were given up. */
  readonly givenUp: number;
}

/**
 * Counts what deletes keep below a namespace beside what counts for its quota: the latest delete first, each blob once. From the one on with
 * which it is more than the limit, all are given up. What leaves the quota meanwhile comes on top of what was counted, so that it
 * is never more than is thought (docs/decisions/0040-what-deletes-keep-is-capped.md).
 * @throws MetadataError, what the signal's reason is
 */
export async function trimPending(
  registry: Registry,
  keeping: Keeping,
  options: Pick<MeasureOptions, "signal" | "share">,
): Promise<Trimmed> {
  const { metadata } = registry;
  const walk = new Walk(registry, keeping, turnTaking(options));
  let [pending, givenUp] = [0, 0];
  /** More than the limit, once it was. */
  let found: number | undefined;
  for await (const page of walk.pages()) {
    const undos: number[] = [];
    const blobs = found === undefined ? await walk.listBlobs(page) : noBlobs;
    for (const undo of page) {
      if (found === undefined) {
        const bytes = await walk.weigh(undo, blobs);
        if (pending + bytes <= keeping.limit) pending += bytes;
        else found = pending + bytes;
      }
      if (found !== undefined) undos.push(undo.id);
    }
    if (found === undefined || undos.length === 0) continue;
    const { count } = await metadata.write("giveUpUndo", { ...keeping, undos, found });
    // The limit is higher by now: it is counted anew.
    if (count === undefined) return { pending, givenUp };
    givenUp += count;
  }
  await metadata.write("keepPending", { id: keeping.id, freed: keeping.freed, pending });
  return { pending, givenUp };
}

/** One way from the latest delete to the oldest. */
class Walk {
  readonly #registry: Registry;
  readonly #namespace: number;
  readonly #bounds: ReturnType<typeof boundsOf>;
  readonly #turn: Turn;
  /** Blobs that later deletes keep. */
  readonly #seen = new NumberSet();

  constructor(registry: Registry, { id, path }: Keeping, turn: Turn) {
    this.#registry = registry;
    this.#namespace = id;
    this.#bounds = boundsOf(path);
    this.#turn = turn;
  }

  /** What can be undone below the namespace, page by page. */
  async *pages(): AsyncGenerator<readonly KeepingUndo[]> {
    const { read } = this.#registry.metadata;
    const { now } = (await read.first(readTime, {}))!;
    const { first, before: end } = this.#bounds;
    for (let before = Number.MAX_SAFE_INTEGER; ;) {
      const page = await this.#turn(() => read.all(pageUndo, { before, limit: undoAtOnce }));
      yield page.filter((one) => one.keeps === 1 && one.until_at > now && one.name > first && one.name < end);
      if (page.length < undoAtOnce) return;
      before = page.at(-1)!.id;
    }
  }

  /** Blobs that deleted manifests need and that do not count, by the numbers of the deletes. */
  listBlobs(page: readonly KeepingUndo[]): Promise<BlobsOf> {
    const { read } = this.#registry.metadata;
    return this.#turn(async () => {
      const blobs = new Map<number, readonly Sized[]>();
      for (const { id: undo, kind } of page) {
        if (kind !== "manifest") continue;
        blobs.set(undo, await read.all(listBlobsPending, { undo, namespace: this.#namespace }));
      }
      return blobs;
    });
  }

  /** Bytes that a delete keeps and no later one does. */
  async weigh({ id, kind, size, repository }: KeepingUndo, blobs: BlobsOf): Promise<number> {
    if (kind !== "repository") return (size ?? 0) + this.#add(blobs.get(id) ?? []);
    const { read } = this.#registry.metadata;
    const namespace = this.#namespace;
    let { storage } = await weighManifests(read, repository);
    for (let after = 0; ;) {
      const place = { repository, namespace, after, limit: blobsAtOnce };
      const page = await this.#turn(() => read.all(pageBlobsPending, place));
      storage += this.#add(page.filter(({ counts }) => counts === 0));
      if (page.length < blobsAtOnce) return storage;
      after = page.at(-1)!.id;
    }
  }

  #add(blobs: readonly Sized[]): number {
    return blobs.reduce((sum, { id, size }) => (this.#seen.add(id) ? sum + size : sum), 0);
  }
}

interface Sized {
  readonly id: number;
  readonly size: number;
}

type BlobsOf = ReadonlyMap<number, readonly Sized[]>;

const noBlobs: BlobsOf = new Map();
