import type { BlobDriver, ObjectKey, ObjectWriter, WriterState } from "./driver.ts";
import { bufferSize } from "./buffer-pool.ts";
import type { BufferPool } from "./buffer-pool.ts";
import { digestOf, fingerprint } from "./digester.ts";
import type { Digester, DigestThreads, Fingerprint, HashAlgorithm } from "./digester.ts";
import { newObjectKey } from "./object-key.ts";

/** Content that is durable (an object) or small enough to live in a row. One of `key` and `bytes` is null. */
export interface WrittenBlob {
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  readonly key: ObjectKey | null;
  readonly bytes: Uint8Array | null;
  readonly crcs: Uint8Array | null;
}

/** What must be remembered of an upload to go on with it. One of `key` and `bytes` is null. */
export interface SuspendedBlob {
  readonly key: ObjectKey | null;
  readonly state: WriterState | null;
  readonly bytes: Uint8Array | null;
  /** Bytes. */
  readonly size: number;
}

/** What a writer works with. */
export interface WriterParts {
  readonly driver: BlobDriver;
  readonly pool: BufferPool;
  readonly threads: DigestThreads;
  /** Content up to this size stays in memory and becomes a row. */
  readonly inlineBytes: number;
  /** Hashes an object that is there. */
  readonly rehash: (key: ObjectKey, algorithm: HashAlgorithm) => Promise<Fingerprint>;
}

/**
 * Takes the bytes of one upload. Content of a few KiB never leaves memory; up to 256 KiB it is hashed in one go; beyond
 * that full buffers are hashed by a thread while the driver writes them. Calls are not concurrent.
 */
export class BlobWriter {
  readonly #parts: WriterParts;
  readonly #algorithm: HashAlgorithm;
  #object: ObjectWriter | undefined;
  /** An earlier request left the object: a failure of this one must not take it away. */
  readonly #resumed: boolean;
  #digester: Digester | undefined;
  /** The first bytes, as they came. */
  #head: Uint8Array[] = [];
  #buffer: Buffer | undefined;
  #filled = 0;
  #size: number;
  #written: Promise<void> = Promise.resolve();
  readonly #flying = new Set<Promise<void>>();
  #failed: Error | undefined;
  readonly #letGo = () => this.#giveWay();
  #busy = false;
  #givingWay: Promise<void> = Promise.resolve();

  /**
   * @param suspended with the object that `resume` opened
   * @param digester the running hash of what was written so far, when this process has it
   */
  constructor(
    parts: WriterParts,
    algorithm: HashAlgorithm,
    suspended?: {
      readonly object: ObjectWriter | undefined;
      readonly bytes: Uint8Array | null;
      readonly digester: Digester | undefined;
    },
  ) {
    this.#parts = parts;
    this.#algorithm = algorithm;
    this.#object = suspended?.object;
    this.#resumed = this.#object !== undefined;
    this.#digester = suspended?.digester;
    // A copy: its memory is freed once it was written, and the caller needs the row's bytes again if that fails.
    if (suspended?.bytes) this.#head.push(new Uint8Array(suspended.bytes));
    this.#size = suspended?.object?.size ?? suspended?.bytes?.length ?? 0;
    parts.pool.addHolder(this.#letGo);
  }

  /** Bytes taken, those of earlier writers included. */
  get size(): number {
    return this.#size;
  }

  /**
   * Takes bytes; a promise means that no more should come until it resolves. The chunk is the writer's from now
   * on: its memory goes back to the system once it was copied.
   * @throws StorageError `full`, `unavailable`, `failed`
   */
  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#failed !== undefined) return Promise.reject(this.#failed);
    if (
      this.#buffer === undefined &&
      this.#object === undefined &&
      this.#size + chunk.length <= this.#parts.inlineBytes
    ) {
      this.#head.push(chunk);
      this.#size += chunk.length;
      if (this.#head.length > headPieces) this.#head = [Buffer.concat(this.#head)];
      return undefined;
    }
    if (this.#buffer !== undefined && this.#filled + chunk.length <= bufferSize) {
      this.#fill(chunk);
      giveBack(chunk);
      if (this.#parts.pool.isShort) this.#giveWay();
      return undefined;
    }
    return this.#writeSlowly(chunk);
  }

  /**
   * Makes the content durable and says what it is. The writer is closed, also when it fails: what an earlier request
   * left is there then, the rest is gone.
   * @throws StorageError
   */
  async finish(algorithm: HashAlgorithm): Promise<WrittenBlob> {
    try {
      await this.#givingWay;
      this.#busy = true;
      if (this.#object === undefined) return await this.#finishWhole(algorithm);
      return await this.#finishObject(this.#object, algorithm);
    } finally {
      this.#release();
    }
  }

  /**
   * Lets go of the upload so that another request or process can go on with it. The running hash is handed out too. When
   * it fails, what an earlier request left is there, the rest is gone.
   * @throws StorageError
   */
  async suspend(): Promise<{ readonly suspended: SuspendedBlob; readonly digester: Digester | undefined }> {
    try {
      await this.#givingWay;
      this.#busy = true;
      if (this.#object === undefined && this.#buffer === undefined) {
        const suspended = { key: null, state: null, bytes: Buffer.concat(this.#head), size: this.#size };
        return { suspended, digester: undefined };
      }
      await this.#flush();
      const state = await this.#object!.suspend();
      const suspended = { key: this.#object!.key, state, bytes: null, size: this.#size };
      return { suspended, digester: this.#digester };
    } catch (error) {
      await this.#giveUp();
      throw error;
    } finally {
      this.#release();
    }
  }

  /** Forgets the content. Never throws. */
  async abort(): Promise<void> {
    await this.#givingWay;
    this.#busy = true;
    await this.#close((object) => object.abort());
  }

  #fill(chunk: Uint8Array): void {
    this.#buffer!.set(chunk, this.#filled);
    this.#filled += chunk.length;
    this.#size += chunk.length;
  }

  async #writeSlowly(chunk: Uint8Array): Promise<void> {
    await this.#givingWay;
    this.#busy = true;
    try {
      const head = this.#head;
      this.#head = [];
      this.#size -= head.reduce((sum, part) => sum + part.length, 0);
      for (const part of [...head, chunk]) await this.#writePart(part);
    } finally {
      this.#busy = false;
    }
    if (this.#failed !== undefined) throw this.#failed;
    // Somebody may have begun to wait while this upload could not be asked to let go.
    if (this.#parts.pool.isShort) this.#giveWay();
  }

  async #writePart(part: Uint8Array): Promise<void> {
    for (let done = 0; done < part.length;) {
      this.#buffer ??= this.#parts.pool.take() ?? (await this.#parts.pool.wait());
      const taken = Math.min(part.length - done, bufferSize - this.#filled);
      this.#fill(part.subarray(done, done + taken));
      done += taken;
      if (this.#filled === bufferSize && done < part.length) await this.#dispatch();
    }
    giveBack(part);
  }

  /** Sends the buffer on its way to the thread and to the driver. */
  async #dispatch(): Promise<void> {
    await this.#openObject();
    const buffer = this.#buffer!;
    const length = this.#filled;
    this.#buffer = undefined;
    this.#filled = 0;
    const object = this.#object!;
    const bytes = buffer.subarray(0, length);
    this.#written = this.#written.then(() => (this.#failed === undefined ? object.write(bytes) : undefined));
    const flight: Promise<void> = Promise.allSettled([this.#written, this.#digester?.update(buffer, length)]).then(
      (ends) => {
        this.#flying.delete(flight);
        this.#parts.pool.give(buffer);
        for (const end of ends) if (end.status === "rejected") this.#failed ??= end.reason as Error;
      },
    );
    this.#flying.add(flight);
    while (this.#flying.size >= this.#parts.pool.depth) await Promise.race(this.#flying);
    if (this.#failed !== undefined) throw this.#failed;
  }

  async #openObject(): Promise<void> {
    if (this.#object !== undefined) return;
    this.#object = await this.#parts.driver.create(newObjectKey());
    this.#digester = this.#parts.threads.begin(this.#algorithm);
  }

  /** Everything taken is with the driver and hashed. */
  async #flush(): Promise<void> {
    if (this.#filled > 0) await this.#dispatch();
    await Promise.all(this.#flying);
    if (this.#failed !== undefined) throw this.#failed;
  }

  async #finishWhole(algorithm: HashAlgorithm): Promise<WrittenBlob> {
    const bytes = this.#buffer === undefined ? joined(this.#head) : this.#buffer.subarray(0, this.#filled);
    const size = bytes.length;
    if (size <= this.#parts.inlineBytes) {
      return {
        digest: digestOf(algorithm, bytes),
        size,
        key: null,
        bytes: this.#buffer ? new Uint8Array(bytes) : alone(bytes),
        crcs: null,
      };
    }
    const { digest, crcs } = fingerprint(algorithm, bytes);
    const object = await this.#parts.driver.create(newObjectKey());
    try {
      await object.write(bytes);
      await object.finish();
    } catch (error) {
      await object.abort();
      throw error;
    }
    return { digest, size, key: object.key, bytes: null, crcs };
  }

  async #finishObject(object: ObjectWriter, algorithm: HashAlgorithm): Promise<WrittenBlob> {
    try {
      await this.#flush();
      await object.finish();
      const found = await this.#fingerprint(object.key, algorithm);
      return { digest: found.digest, size: this.#size, key: object.key, bytes: null, crcs: found.crcs };
    } catch (error) {
      await this.#giveUp();
      throw error;
    }
  }

  async #fingerprint(key: ObjectKey, algorithm: HashAlgorithm): Promise<Fingerprint> {
    const digester = this.#digester;
    this.#digester = undefined;
    if (digester?.algorithm === algorithm) return digester.finish();
    digester?.drop();
    return this.#parts.rehash(key, algorithm);
  }

  /** Ends after a failure. Never throws. */
  #giveUp(): Promise<void> {
    return this.#close((object) => (this.#resumed ? object.release() : object.abort()));
  }

  async #close(end: (object: ObjectWriter) => Promise<void>): Promise<void> {
    await Promise.allSettled(this.#flying);
    this.#digester?.drop();
    this.#digester = undefined;
    if (this.#object !== undefined) await end(this.#object);
    this.#object = undefined;
    this.#release();
  }

  /** Called when others wait for a buffer that this upload holds half full. */
  #giveWay(): void {
    if (this.#busy || this.#buffer === undefined || this.#filled === 0 || this.#failed !== undefined) return;
    this.#busy = true;
    this.#givingWay = this.#dispatch()
      .catch((error: unknown) => void (this.#failed ??= error as Error))
      .finally(() => (this.#busy = false));
  }

  #release(): void {
    this.#parts.pool.removeHolder(this.#letGo);
    if (this.#buffer !== undefined) this.#parts.pool.give(this.#buffer);
    this.#buffer = undefined;
    this.#filled = 0;
    this.#head = [];
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}

/** Bytes in memory of their own: what crosses to another thread takes all the memory along that it is a view of. */
function alone(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}

/** Pieces that the first bytes are kept in at most: one of a byte takes some hundred bytes of memory. */
const headPieces = 256;

/** Chunks below this are left to the garbage collector (bytes). */
const worthGivingBack = 4 * 1024;

/**
 * Frees a chunk's memory at once. Left to the collector, the chunks of a large upload have it go over the whole heap
 * again and again, which took a third of the upload's processor time.
 */
function giveBack({ buffer, byteLength }: Uint8Array): void {
  if (byteLength < worthGivingBack || byteLength !== buffer.byteLength) return;
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}
