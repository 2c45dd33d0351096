import { randomUUID } from "node:crypto";
import { crc32 } from "node:zlib";
import { BlobWriter } from "./blob-writer.ts";
import type { SuspendedBlob } from "./blob-writer.ts";
import { bufferSize } from "./buffer-pool.ts";
import type { BufferPool } from "./buffer-pool.ts";
import { DigestThreads, crcSpan } from "./digester.ts";
import type { Digester, Fingerprint, HashAlgorithm } from "./digester.ts";
import { StorageError } from "./driver.ts";
import { newObjectKey } from "./object-key.ts";
import type { BlobDriver, ObjectKey, ObjectReader, ReadRange } from "./driver.ts";

/** Sizes in bytes. */
export interface BlobStoreOptions {
  /** Content up to this many bytes lives in its row. */
  readonly inlineBytes: number;
  /** The budget that all uploads share, with the driver if it collects parts. */
  readonly buffers: BufferPool;
  /** Bytes that {@link BlobStore.ensureSpace} leaves free; none when left out. */
  readonly freeSpace?: number;
}

/** What a row says of an object. */
export interface StoredObject {
  readonly key: ObjectKey;
  /** Bytes. */
  readonly size: number;
  /** CRC-32 of each MiB, four bytes each, big-endian. */
  readonly crcs: Uint8Array | null;
}

/** Running hashes of suspended uploads that are kept at most; the others are worked out again from the object. */
const keptLimit = 1000;
const day = 86_400_000;
/** Checked objects that are remembered; forgetting one costs another check. */
const checkedLimit = 100_000;
/** How long an answer about free space counts where there is plenty, in milliseconds. */
const spaceAge = 1_000;
/** More than all pushes together can take in that time (bytes). */
const plenty = 4 * 1024 ** 3;

/** The portable half of the blob store: what is the same over every driver. */
export class BlobStore {
  readonly driver: BlobDriver;
  readonly #options: BlobStoreOptions;
  readonly #pool: BufferPool;
  readonly #threads = new DigestThreads();
  readonly #kept = new Map<ObjectKey, { readonly digester: Digester; readonly size: number; readonly mark: string }>();
  readonly #checked = new Map<ObjectKey, number>();
  readonly #readBuffers: Buffer[] = [];
  #spaceHoldsUntil = -Infinity;

  constructor(driver: BlobDriver, options: BlobStoreOptions) {
    this.driver = driver;
    this.#options = options;
    this.#pool = options.buffers;
  }

  /**
   * Refuses what would take space while there is too little of it. A store that cannot say counts as having enough:
   * the write itself will tell.
   * @throws StorageError `full`
   */
  async ensureSpace(): Promise<void> {
    const { freeSpace = 0 } = this.#options;
    if (freeSpace === 0) return;
    const now = performance.now();
    if (now < this.#spaceHoldsUntil) return;
    const space = await this.driver.findSpace().catch(() => undefined);
    const free = space?.free ?? Infinity;
    if (free >= freeSpace + plenty) this.#spaceHoldsUntil = now + spaceAge;
    if (free >= freeSpace) return;
    const message = `the store has ${free} bytes free, less than the ${freeSpace} that are kept back: free some, or lower \`uploads.freeSpace\``;
    throw new StorageError("full", message);
  }

  /** Begins an upload. */
  begin(algorithm: HashAlgorithm): BlobWriter {
    return new BlobWriter(this.#parts(), algorithm);
  }

  /**
   * Goes on with an upload that was suspended, here or elsewhere. After a power loss the writer's size may be smaller
   * than it was.
   * @throws StorageError
   */
  async resume(algorithm: HashAlgorithm, suspended: SuspendedBlob): Promise<BlobWriter> {
    const { key, state, bytes } = suspended;
    if (key === null || state === null) {
      return new BlobWriter(this.#parts(), algorithm, { object: undefined, bytes, digester: undefined });
    }
    const kept = this.#kept.get(key);
    this.#kept.delete(key);
    const object = await this.driver.resume(key, state).catch((error: unknown) => {
      kept?.digester.drop();
      throw error;
    });
    // Only the hash of just these bytes: another node may have gone on, and a power loss may have taken some.
    const same = kept !== undefined && kept.mark === state["mark"] && kept.size === object.size;
    const fits = same && kept.digester.algorithm === algorithm && !kept.digester.lost;
    if (!fits) kept?.digester.drop();
    return new BlobWriter(this.#parts(), algorithm, {
      object,
      bytes: null,
      digester: fits ? kept.digester : undefined,
    });
  }

  /** Suspends an upload and keeps its running hash for the next request. @throws StorageError */
  async suspend(writer: BlobWriter): Promise<SuspendedBlob> {
    const { suspended, digester } = await writer.suspend();
    if (digester === undefined || suspended.key === null || suspended.state === null) return suspended;
    const mark = randomUUID();
    this.#kept.get(suspended.key)?.digester.drop();
    this.#kept.set(suspended.key, { digester, size: suspended.size, mark });
    const [oldest] = this.#kept;
    if (this.#kept.size > keptLimit && oldest !== undefined) {
      this.#kept.delete(oldest[0]);
      oldest[1].digester.drop();
    }
    return { ...suspended, state: { ...suspended.state, mark } };
  }

  /** Removes what a suspended upload left. @throws StorageError */
  async discard(key: ObjectKey, state: SuspendedBlob["state"]): Promise<void> {
    this.#kept.get(key)?.digester.drop();
    this.#kept.delete(key);
    await this.driver.discard(key, state ?? undefined);
  }

  /** A whole small object. @throws StorageError */
  async readWhole(key: ObjectKey, size: number): Promise<Uint8Array> {
    const reader = await this.driver.read(key);
    try {
      const bytes = Buffer.alloc(size);
      const read = await reader.read(bytes, 0);
      if (read !== size || reader.size !== size) throw truncated(key, size, reader.size);
      return bytes;
    } finally {
      await reader.close();
    }
  }

  /** Opens an object of which `send` will hand on a part. The caller closes it. @throws StorageError */
  open(object: StoredObject, range: ReadRange): Promise<ObjectReader> {
    if (this.#crcsOf(object) === null) return this.driver.read(object.key, range);
    const start = spanStart(range.start);
    const end = Math.min(object.size, spanStart(range.end) + crcSpan) - 1;
    return this.driver.read(object.key, { start, end });
  }

  /**
   * Hands a part of an object to `write` in order, reading ahead while it is sent; the chunk is reused once `write`
   * resolves. Where the object was not checked here today, and always when it comes over a network, whole MiB are read
   * and checked before what was asked of them is handed on.
   * @throws StorageError `corrupt` when the bytes are not those that were stored: nothing more may be sent then
   */
  async send(
    reader: ObjectReader,
    object: StoredObject,
    range: ReadRange,
    write: (chunk: Uint8Array) => Promise<void>,
  ): Promise<void> {
    if (reader.size !== object.size) await this.#explainSize(object, reader.size);
    const crcs = this.#crcsOf(object);
    let [filling, sending] = [this.#takeReadBuffer(), this.#takeReadBuffer()];
    // Reads end where a span ends.
    const fill = async (position: number): Promise<Buffer> => {
      const span = spanStart(position);
      const end = Math.min(range.end + 1, span + crcSpan);
      const from = crcs === null ? position : span;
      const to = crcs === null ? end : Math.min(object.size, span + crcSpan);
      const bytes = filling.subarray(0, to - from);
      await readSpan(reader, object, crcs, bytes, from);
      return bytes.subarray(position - from, end - from);
    };
    let sent: Promise<void> = Promise.resolve();
    try {
      for (let position = range.start; position <= range.end;) {
        const bytes = await fill(position);
        await sent;
        [filling, sending] = [sending, filling];
        position += bytes.length;
        sent = write(bytes);
        sent.catch(() => undefined);
      }
      await sent;
    } finally {
      await sent.catch(() => undefined);
      if (this.#readBuffers.length < 64) this.#readBuffers.push(filling, sending);
    }
    if (crcs !== null && range.start === 0 && range.end === object.size - 1) this.#remember(object.key);
  }

  /** What an object's bytes are. @throws StorageError */
  async rehash(key: ObjectKey, algorithm: HashAlgorithm): Promise<Fingerprint & { readonly size: number }> {
    const reader = await this.driver.read(key);
    const digester = this.#threads.begin(algorithm);
    const buffer = await this.#pool.wait();
    try {
      let position = 0;
      for (;;) {
        const read = await reader.read(buffer.subarray(0, bufferSize), position);
        if (read > 0) await digester.update(buffer, read);
        position += read;
        if (read < bufferSize) break;
      }
      return { ...(await digester.finish()), size: position };
    } catch (error) {
      digester.drop();
      throw error;
    } finally {
      this.#pool.give(buffer);
      await reader.close();
    }
  }

  /**
   * Makes an object of a file of this machine without copying it, and hashes it. Nobody may change the file afterwards.
   * @throws StorageError `failed` where the store keeps no files
   */
  async takeFile(
    path: string,
    algorithm: HashAlgorithm,
  ): Promise<Fingerprint & { readonly key: ObjectKey; readonly size: number }> {
    const { driver } = this;
    if (driver.linkFile === undefined) {
      throw new StorageError("failed", `a store of the kind ${driver.name} cannot take files as they are: copy them`);
    }
    const key = newObjectKey();
    await driver.linkFile(key, path);
    try {
      return { key, ...(await this.rehash(key, algorithm)) };
    } catch (error) {
      await driver.remove([key]).catch(() => undefined);
      throw error;
    }
  }

  /** Bytes of the upload budget in use, for metrics. */
  get bufferedBytes(): number {
    return this.#pool.used;
  }

  /** Resolves when the store answers. @throws StorageError */
  async ping(): Promise<void> {
    // An object that is never there: the store must find its folder or bucket to say so.
    await this.driver.findSize("o/00/00000000000000000000000000");
  }

  /** Uploads that are being written here, for metrics. */
  get openUploads(): number {
    return this.#pool.holders;
  }

  async close(): Promise<void> {
    await this.#threads.close();
    await this.driver.close();
  }

  #parts() {
    return {
      driver: this.driver,
      pool: this.#pool,
      threads: this.#threads,
      inlineBytes: this.#options.inlineBytes,
      rehash: (key: ObjectKey, algorithm: HashAlgorithm) => this.rehash(key, algorithm),
    };
  }

  /** CRCs to read by, null when the object need not be checked. */
  #crcsOf(object: StoredObject): Uint8Array | null {
    const checked = (this.#checked.get(object.key) ?? 0) > Date.now() - day;
    return checked && !this.driver.remote ? null : object.crcs;
  }

  /** An open object has another size than its row says: a store that changes its mind is in trouble, the object is not. */
  async #explainSize(object: StoredObject, found: number): Promise<never> {
    if ((await this.driver.findSize(object.key)) !== object.size) throw truncated(object.key, object.size, found);
    throw new StorageError("unavailable", `${object.key} was said to have ${found} bytes, it has ${object.size}`);
  }

  #remember(key: ObjectKey): void {
    this.#checked.set(key, Date.now());
    const [oldest] = this.#checked.keys();
    if (this.#checked.size > checkedLimit && oldest !== undefined) this.#checked.delete(oldest);
  }

  #takeReadBuffer(): Buffer {
    return this.#readBuffers.pop() ?? Buffer.allocUnsafeSlow(crcSpan);
  }
}

function spanStart(position: number): number {
  return Math.floor(position / crcSpan) * crcSpan;
}

/** Fills `bytes` from `from`, which is where a span begins if there are CRCs. @throws StorageError `corrupt` */
async function readSpan(
  reader: ObjectReader,
  object: StoredObject,
  crcs: Uint8Array | null,
  bytes: Buffer,
  from: number,
): Promise<void> {
  // What was changed on its way is right the second time.
  for (let attempt = 1; attempt <= 2; attempt++) {
    const read = await reader.read(bytes, from);
    if (read !== bytes.length) throw truncated(object.key, object.size, from + read);
    if (crcs === null || isRight(crcs, bytes, (from / crcSpan) * 4)) return;
  }
  throw new StorageError("corrupt", `${object.key} is corrupt: the MiB at byte ${from} is not what was stored`);
}

function isRight(crcs: Uint8Array, bytes: Buffer, at: number): boolean {
  return Buffer.from(crcs.buffer, crcs.byteOffset, crcs.length).readUInt32BE(at) === crc32(bytes);
}

function truncated(key: ObjectKey, expected: number, found: number): StorageError {
  return new StorageError("corrupt", `${key} is corrupt: ${expected} bytes were stored, ${found} are there`);
}
