/**
 * The port to the bytes. An object is written once, under a key of its own, and never changed afterwards.
 * A key names nothing but bytes: which blob they are is said by a row that is committed after them.
 *
 * ```
 * o/<2 hex>/<ULID>      an object            (2 hex: random, spreads directories and S3 partitions)
 * o/<2 hex>/<ULID>.t<n> the tail of an upload (S3 only: what is shorter than a part's minimum)
 * ```
 */

/** Key of an object: `o/<2 hex>/<ULID>`. Made by `newObjectKey`, never reused. */
export type ObjectKey = string;

/** Plain JSON that lets any node go on with an object that another began. Kept in the upload's row. */
export type WriterState = { readonly [name: string]: unknown } & { readonly size: number };

/** An object being written. One writer at a time; calls are not concurrent. */
export interface ObjectWriter {
  readonly key: ObjectKey;
  /** Bytes taken so far, those of earlier writers included. */
  readonly size: number;
  /**
   * Takes bytes. The chunk may be reused by the caller once the promise resolves.
   * @throws StorageError `full`, `unavailable`, `failed`
   */
  write(chunk: Uint8Array): Promise<void>;
  /** Makes what was written survive this process (not power loss) and lets go of it. The writer is closed. */
  suspend(): Promise<WriterState>;
  /** Makes the object survive power loss, checks its size against what was written, and closes the writer. */
  finish(): Promise<void>;
  /**
   * Closes after a failure and keeps what an earlier `suspend` left, so that the upload can go on from there. Bytes that
   * cannot be trusted any more (a sync failed) are removed instead. Never throws.
   */
  release(): Promise<void>;
  /** Forgets the object: removes what was written, closes. Never throws. */
  abort(): Promise<void>;
}

/** An open object. The caller closes it. Survives a concurrent `remove` where the store can promise that. */
export interface ObjectReader {
  readonly size: number;
  /**
   * Fills `buffer` from `position`; resolves with the bytes read, fewer only at the end of the object.
   * Positions need not ascend, but drivers are fastest when they do.
   * @throws StorageError `missing`, `unavailable`, `failed`
   */
  read(buffer: Uint8Array, position: number): Promise<number>;
  close(): Promise<void>;
}

/** What {@link BlobDriver.list} tells of an object. */
export interface ObjectEntry {
  readonly key: ObjectKey;
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since 1970, by the store's clock. */
  readonly modifiedAt: number;
}

/** First and last byte, both included. */
export interface ReadRange {
  readonly start: number;
  readonly end: number;
}

/** A store of objects. Its methods fail with {@link StorageError} unless they say that they never do. */
export interface BlobDriver {
  /** For messages and metrics: `filesystem`, `s3`, `memory`. */
  readonly name: string;
  /** Bytes come over a network, so each of them is checked on each read. */
  readonly remote: boolean;
  /**
   * Makes ready (directories, bucket check). Idempotent.
   * @param mayMake asked where no store is yet: false when there must be one, as when rows name objects in it
   * @throws StorageError `unavailable`, also when there is no store and none may be made
   */
  open(mayMake?: () => Promise<boolean>): Promise<void>;
  /** Begins a new object. @throws StorageError `exists` when the key was used before (where the store can tell) */
  create(key: ObjectKey): Promise<ObjectWriter>;
  /**
   * Goes on with an object that `suspend` left. When fewer bytes are left than the state says (power loss), the
   * writer's `size` says how many; bytes beyond the state's size are cut off.
   * @throws StorageError `missing` when nothing is left
   */
  resume(key: ObjectKey, state: WriterState): Promise<ObjectWriter>;
  /**
   * Opens a finished object.
   * @param range first and last byte that will be asked for, so that a store over the network sends no more; others may
   *   be read all the same
   * @throws StorageError `missing`
   */
  read(key: ObjectKey, range?: ReadRange): Promise<ObjectReader>;
  /**
   * Gives a file of this machine a second name as an object, and syncs it; nothing is copied. Only where the driver keeps
   * objects as files, on the same file system.
   * @throws StorageError
   */
  linkFile?(key: ObjectKey, path: string): Promise<void>;
  /** Size of a finished object in bytes, or undefined. An unreadable store throws; it never reads as missing. */
  findSize(key: ObjectKey): Promise<number | undefined>;
  /** Removes objects; what is not there counts as removed. */
  remove(keys: readonly ObjectKey[]): Promise<void>;
  /** Removes what a suspended upload left (parts, tail, file). Idempotent. */
  discard(key: ObjectKey, state: WriterState | undefined): Promise<void>;
  /** Every stored object in any order, for fsck and the orphan sweep only. */
  list(): AsyncIterable<ObjectEntry>;
  /**
   * Ends unfinished multipart uploads begun before `before` (ms) whose key `isKnown` denies, and tails that belong to no
   * upload any more; removes what a mark that was never put in place left; resolves with how many. `before` lies further back than an upload may last: the key of an upload
   * that has not been suspended yet is known to nobody.
   */
  sweepUnfinished(
    before: number,
    isKnown: (keys: readonly ObjectKey[]) => Promise<ReadonlySet<ObjectKey>>,
  ): Promise<number>;
  /** The store's mark, a short text that `putMark` left; undefined when there is none. @throws StorageError `unavailable` */
  findMark(): Promise<string | undefined>;
  /** Replaces the mark, whole or not at all; it survives power loss. @throws StorageError */
  putMark(mark: string): Promise<void>;
  /** Free and total bytes, where the store knows. */
  findSpace(): Promise<{ readonly free: number; readonly total: number } | undefined>;
  /** A URL that serves the object for `seconds`, where the store can; used when redirects are switched on. */
  findRedirect(key: ObjectKey, seconds: number): Promise<string | undefined>;
  close(): Promise<void>;
}

/**
 * Why the store failed. `corrupt`: the bytes are not those that were stored; `full`: no space or quota; `unavailable`: try
 * again later; `failed`: anything else.
 */
export type StorageErrorReason = "missing" | "exists" | "corrupt" | "full" | "unavailable" | "failed";

/** The storage folder's own error; `registry` translates it. */
export class StorageError extends Error {
  override readonly name = "StorageError";
  readonly reason: StorageErrorReason;
  constructor(reason: StorageErrorReason, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.reason = reason;
  }
}

/** Where there must be a store there is none. */
export function noStore(where: string, marker: string): StorageError {
  return new StorageError(
    "unavailable",
    `${where} is not a store (it has no ${marker}), but the database names objects in one: mount it, or let \`storage\` (BERTH_STORAGE) name the right one; to go on without those objects put {"format":1} into a new ${marker}`,
  );
}
