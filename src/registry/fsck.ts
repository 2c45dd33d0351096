import { findBlobById, listBlobs, listManifests, listReferences, readBlobContent } from "../metadata/index.ts";
import { digestAlgorithm, parseDigest, parseManifest, parseMediaType, RegistryError } from "../oci/index.ts";
import { StorageError } from "../storage/index.ts";
import { findUnnamed, inBatches } from "./find-unnamed.ts";
import { isWhole } from "./is-whole.ts";
import type { Registry } from "./registry.ts";
import type { SeenBlob } from "./writes/repair.ts";

/** What `fsck` counts; all are 0 in a sound registry. */
export const fsckNumbers = [
  "referencesWithoutRow",
  "rowsWithoutObject",
  "objectsWithoutRow",
  "digestMismatches",
] as const;
export type FsckNumber = (typeof fsckNumbers)[number];

/** One thing that is wrong. */
export interface Problem {
  readonly number: FsckNumber;
  /** A sentence for people. */
  readonly message: string;
  /** Row of the blob whose bytes are wrong or gone. */
  readonly blob?: SeenBlob;
  /** Object without a row. */
  readonly key?: string;
}

/** How thorough the check is, and who is told. */
export interface FsckOptions {
  /** Read every byte and compare digests. */
  readonly verify: boolean;
  /** Bytes read in a second at most, for `verify`; 0 is without limit. */
  readonly rate: number;
  /** Objects younger than this may belong to a push under way; milliseconds. */
  readonly grace: number;
  /** Told of each thing that is wrong, and waited for. */
  readonly report: (problem: Problem) => Promise<void> | void;
  /** Told now and then how far the check is. */
  readonly progress: (step: "manifests" | "blobs" | "objects", done: number) => void;
}

export type FsckResult = { readonly [N in FsckNumber]: number } & {
  readonly manifests: number;
  readonly blobs: number;
  readonly objects: number;
};

/** Rows, or keys, in one page. */
const page = 200;
/** Manifests in one page: they come with their bytes, up to 4 MiB each. */
const manifestPage = 16;
/** Looks at the store at once. */
const abreast = 16;

/**
 * Compares rows with rows and rows with objects, page by page, so that it can run beside a server. What changes while it
 * is looked at is looked at again before it counts.
 * @throws MetadataError, StorageError when the database cannot be read, or the store does not answer: then nothing is known
 */
export async function fsck(registry: Registry, options: FsckOptions): Promise<FsckResult> {
  const counts = { referencesWithoutRow: 0, rowsWithoutObject: 0, objectsWithoutRow: 0, digestMismatches: 0 };
  const found = async (problem: Problem) => {
    counts[problem.number]++;
    await options.report(problem);
  };
  const manifests = await checkManifests(registry, options, found);
  const blobs = await checkBlobs(registry, options, found);
  const objects = await checkObjects(registry, options, found);
  return { ...counts, manifests, blobs, objects };
}

type Found = (problem: Problem) => Promise<void>;

async function checkManifests({ metadata }: Registry, options: FsckOptions, found: Found): Promise<number> {
  let done = 0;
  for (let after = 0; ;) {
    const rows = await metadata.read.all(listManifests, { after, limit: manifestPage });
    for (const row of rows) {
      const name = `manifest ${row.digest} of ${row.repository}`;
      if (row.bytes === null) {
        await found({ number: "referencesWithoutRow", message: `${name} has no content` });
        continue;
      }
      if (!isWhole(row.digest, row.bytes)) {
        await found({
          number: "digestMismatches",
          message: `${name} has other bytes than its digest says: push it again`,
        });
        continue;
      }
      const needed = findNeeded(row.bytes, row.media_type);
      if (needed === undefined) {
        await found({ number: "referencesWithoutRow", message: `${name} cannot be read by this version` });
        continue;
      }
      const there = new Set(
        (await metadata.read.all(listReferences, { manifest: row.id })).map((reference) => reference.digest),
      );
      const missing = needed.filter((one) => !there.has(one));
      // A manifest that was deleted since the page was read refers to nothing.
      if (missing.length > 0 && !(await isThere(metadata.read, row.id))) continue;
      for (const one of missing) {
        const message = `${name} refers to ${one}, which has no row there: push it again`;
        await found({ number: "referencesWithoutRow", message });
      }
    }
    done += rows.length;
    options.progress("manifests", done);
    if (rows.length < manifestPage) return done;
    after = rows.at(-1)!.id;
  }
}

/** What a manifest refers to, or undefined when it cannot be read. */
function findNeeded(bytes: Uint8Array, mediaType: string): string[] | undefined {
  try {
    const { blobs, children } = parseManifest(bytes, parseMediaType(mediaType));
    return [...new Set([...blobs, ...children].map((descriptor) => descriptor.digest))];
  } catch (error) {
    if (error instanceof RegistryError) return undefined;
    throw error;
  }
}

async function isThere(read: Registry["metadata"]["read"], manifest: number): Promise<boolean> {
  const [row] = await read.all(listManifests, { after: manifest - 1, limit: 1 });
  return row?.id === manifest;
}

interface BlobRow {
  readonly id: number;
  readonly digest: string;
  readonly size: number;
  readonly key: string | null;
  readonly bad: number;
  readonly inline_size: number | null;
}

async function checkBlobs(registry: Registry, options: FsckOptions, found: Found): Promise<number> {
  const brake = new Brake(options.rate);
  let done = 0;
  for (let after = 0; ;) {
    const rows = await registry.metadata.read.all(listBlobs, { after, limit: page });
    for (let start = 0; start < rows.length; start += abreast) {
      const some = rows.slice(start, start + abreast);
      const problems = await Promise.all(some.map((row) => unlessUnreadable(row, findBlobProblem(registry, row))));
      for (const [index, row] of some.entries()) {
        const verified = () => unlessUnreadable(row, verifyBlob(registry, row, brake));
        const problem = problems[index] ?? (options.verify ? await verified() : undefined);
        if (problem !== undefined && (await isStill(registry, row))) await found(problem);
      }
    }
    done += rows.length;
    options.progress("blobs", done);
    if (rows.length < page) return done;
    after = rows.at(-1)!.id;
  }
}

/** Whether the row says what it said: not collected, not healed. */
async function isStill({ metadata }: Registry, row: BlobRow): Promise<boolean> {
  const now = await metadata.read.first(findBlobById, { blob: row.id });
  return now !== undefined && now.key === row.key;
}

/**
 * What a look at a blob came to. One that the store has and does not give out, as a bad sector does, is told without its row: a disk that fails as a
 * whole must not have every blob marked.
 */
async function unlessUnreadable(
  { id, key, digest }: BlobRow,
  look: Promise<Omit<Problem, "blob"> | undefined>,
): Promise<Problem | undefined> {
  try {
    const problem = await look;
    return problem && { ...problem, blob: { id, key } };
  } catch (error) {
    if (!(error instanceof StorageError) || error.reason !== "failed") throw error;
    const message = `blob ${digest} cannot be read (${error.message}): look at the disk; where it is sound otherwise, remove the file, check again with --repair, and push it again`;
    return { number: "digestMismatches", message };
  }
}

async function findBlobProblem({ store }: Registry, row: BlobRow): Promise<Omit<Problem, "blob"> | undefined> {
  const size = row.key === null ? (row.inline_size ?? undefined) : await store.driver.findSize(row.key);
  const where = row.key ?? "its row";
  if (size === undefined) {
    const message = `blob ${row.digest} has no bytes (${where}): push it again`;
    return { number: "rowsWithoutObject", message };
  }
  if (size !== row.size) {
    const message = `blob ${row.digest} has ${size} bytes in ${where}, ${row.size} were stored: push it again`;
    return { number: "digestMismatches", message };
  }
  if (row.bad === 0) return undefined;
  const message = `blob ${row.digest} was seen corrupt or gone (${where}): push it again`;
  return { number: "digestMismatches", message };
}

async function verifyBlob(
  { store, metadata }: Registry,
  row: BlobRow,
  brake: Brake,
): Promise<Omit<Problem, "blob"> | undefined> {
  const digest = parseDigest(row.digest);
  await brake.take(row.size);
  try {
    if (row.key === null) {
      const content = await metadata.read.first(readBlobContent, { blob: row.id });
      if (content === undefined || isWhole(digest, content.bytes)) return undefined;
    } else if ((await store.rehash(row.key, digestAlgorithm(digest))).digest === digest) return undefined;
  } catch (error) {
    if (!(error instanceof StorageError) || error.reason !== "missing") throw error;
    return { number: "rowsWithoutObject", message: `blob ${digest} has no bytes (${row.key}): push it again` };
  }
  const message = `blob ${digest} has other bytes than its digest says (${row.key ?? "its row"}): push it again`;
  return { number: "digestMismatches", message };
}

async function checkObjects({ store, metadata }: Registry, options: FsckOptions, found: Found): Promise<number> {
  let done = 0;
  for await (const entries of inBatches(store.driver.list(), page)) {
    for (const key of await findUnnamed(metadata.read, entries, options.grace)) {
      // A sweep or the reaper may have removed it since it was listed.
      if ((await store.driver.findSize(key)) === undefined) continue;
      await found({ number: "objectsWithoutRow", message: `the object ${key} belongs to no row`, key });
    }
    done += entries.length;
    options.progress("objects", done);
  }
  return done;
}

/** Keeps reading below a rate. */
class Brake {
  readonly #rate: number;
  #freeAt = 0;

  /** @param rate bytes a second; 0 is without limit */
  constructor(rate: number) {
    this.#rate = rate;
  }

  async take(bytes: number): Promise<void> {
    if (this.#rate === 0) return;
    const now = performance.now();
    const start = Math.max(now, this.#freeAt);
    this.#freeAt = start + (bytes / this.#rate) * 1000;
    if (start > now) await new Promise((resolve) => setTimeout(resolve, start - now));
  }
}
