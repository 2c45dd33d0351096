import { crc32 } from "node:zlib";
import { BlobWriter } from "./blob-writer.ts";
import type { SuspendedBlob } from "./blob-writer.ts";
import { BufferPool, bufferSize } from "./buffer-pool.ts";
import { DigestThreads, crcSpan } from "./digester.ts";
import type { Digester, Fingerprint, HashAlgorithm } from "./digester.ts";
import { StorageError } from "./driver.ts";
import type { BlobDriver, ObjectKey, ObjectReader } from "./driver.ts";

/** Limits of the store; bytes. */
export interface BlobStoreOptions {
  readonly inlineBytes: number;
  /** The budget that all uploads share. */
  readonly bufferBytes: number;
}

/** First and last byte, both included. */
export interface ReadRange {
  readonly start: number;
  readonly end: number;
}

/** Running hashes of suspended uploads that are kept at most; the others are worked out again from the object. */
const keptLimit = 1000;
const day = 86_400_000;
/** Checked objects that are remembered; forgetting one costs another check. */
const checkedLimit = 100_000;

/** The portable half of the blob store: what is the same over every driver. */
export class BlobStore {
  readonly driver: BlobDriver;
  readonly #options: BlobStoreOptions;
  readonly #pool: BufferPool;
  readonly #threads = new DigestThreads();
  readonly #kept = new Map<ObjectKey, { readonly digester: Digester; readonly size: number }>();
  readonly #checked = new Map<ObjectKey, number>();
  readonly #readBuffers: Buffer[] = [];

  constructor(driver: BlobDriver, options: BlobStoreOptions) {
    this.driver = driver;
    this.#options = options;
    this.#pool = new BufferPool(options.bufferBytes);
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
    if (key === null || state === null)
      return new BlobWriter(this.#parts(), algorithm, { object: undefined, bytes, digester: undefined });
    const object = await this.driver.resume(key, state);
    const kept = this.#kept.get(key);
    this.#kept.delete(key);
    const fits = kept !== undefined && kept.size === object.size && kept.digester.algorithm === algorithm;
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
    if (digester === undefined || suspended.key === null) return suspended;
    this.#kept.set(suspended.key, { digester, size: suspended.size });
    const [oldest] = this.#kept;
    if (this.#kept.size > keptLimit && oldest !== undefined) {
      this.#kept.delete(oldest[0]);
      oldest[1].digester.drop();
    }
    return suspended;
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

  /**
   * Hands a part of an object to `write` in order, reading ahead while it is sent; the chunk is reused once `write`
   * resolves. Where the object was not checked here today, whole MiB are checked before they are handed on.
   * @throws StorageError `failed` when the bytes are not those that were stored: nothing more may be sent then
   */
  async send(
    reader: ObjectReader,
    object: { readonly key: ObjectKey; readonly size: number; readonly crcs: Uint8Array | null },
    range: ReadRange,
    write: (chunk: Uint8Array) => Promise<void>,
  ): Promise<void> {
    if (reader.size !== object.size) throw truncated(object.key, object.size, reader.size);
    const crcs = this.#isChecked(object.key) ? null : object.crcs;
    let [filling, sending] = [this.#takeReadBuffer(), this.#takeReadBuffer()];
    const fill = async (position: number): Promise<Buffer> => {
      // Reads end where a checked span ends.
      const end = Math.min(range.end + 1, (Math.floor(position / crcSpan) + 1) * crcSpan);
      const bytes = filling.subarray(0, end - position);
      if ((await reader.read(bytes, position)) !== bytes.length) throw truncated(object.key, object.size, position);
      if (crcs !== null) check(object, crcs, position, bytes);
      return bytes;
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

  /** Bytes of the upload budget in use, for metrics. */
  get bufferedBytes(): number {
    return this.#pool.used;
  }

  /** Resolves when the store answers. @throws StorageError */
  async ping(): Promise<void> {
    // An object that is never there: the store must find its folder or bucket to say so.
    if ((await this.driver.findSpace()) === undefined) await this.driver.findSize("o/00/00000000000000000000000000");
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

  #isChecked(key: ObjectKey): boolean {
    return (this.#checked.get(key) ?? 0) > Date.now() - day;
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

function check(
  object: { readonly key: ObjectKey; readonly size: number },
  crcs: Uint8Array,
  position: number,
  bytes: Buffer,
): void {
  if (position % crcSpan !== 0) return;
  const at = (position / crcSpan) * 4;
  const whole = bytes.length === crcSpan || position + bytes.length === object.size;
  if (!whole || at + 4 > crcs.length) return;
  const expected = Buffer.from(crcs.buffer, crcs.byteOffset, crcs.length).readUInt32BE(at);
  if (crc32(bytes) === expected) return;
  throw new StorageError("failed", `${object.key} is corrupt: the MiB at byte ${position} is not what was stored`);
}

function truncated(key: ObjectKey, expected: number, found: number): StorageError {
  return new StorageError("failed", `${key} is corrupt: ${expected} bytes were stored, ${found} are there`);
}
