import { randomUUID } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { mkdir, open, unlink } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { crc32 } from "node:zlib";
import { bufferSize } from "../buffer-pool.ts";
import type { BufferPool } from "../buffer-pool.ts";
import { StorageError } from "../driver.ts";

/** Where parts are collected. */
export interface PartRoom {
  readonly buffers: BufferPool;
  /** Directory. */
  readonly spool: string;
}

/** Bytes that wait to be sent: in spare buffers while there are any, in a nameless file otherwise. */
export class Part {
  /** Bytes. */
  size = 0;
  /** CRC-32 of the bytes. */
  crc = 0;
  readonly #room: PartRoom;
  #held: Buffer[] = [];
  #file: FileHandle | undefined;

  constructor(room: PartRoom) {
    this.#room = room;
  }

  /** @throws StorageError `full` when the spool has no space */
  async take(bytes: Uint8Array): Promise<void> {
    this.crc = crc32(bytes, this.crc);
    for (let done = 0; done < bytes.length;) {
      if (this.#file === undefined && !this.#hold()) await this.#spill();
      if (this.#file !== undefined) {
        await this.#append(this.#file, bytes.subarray(done));
        return;
      }
      const at = this.size % bufferSize;
      const taken = Math.min(bytes.length - done, bufferSize - at);
      this.#held.at(-1)!.set(bytes.subarray(done, done + taken), at);
      this.size += taken;
      done += taken;
    }
  }

  /** The bytes from the start, for one try. `progress` is called as they leave. */
  open(progress: () => void): Buffer | Readable {
    if (this.#file === undefined && this.#held.length <= 1)
      return this.#held[0]?.subarray(0, this.size) ?? Buffer.alloc(0);
    return Readable.from(this.#chunks(progress), { objectMode: false, highWaterMark: bufferSize });
  }

  /** Lets go of the bytes; none may be on their way. */
  async free(): Promise<void> {
    for (const buffer of this.#held) this.#room.buffers.give(buffer);
    this.#held = [];
    await this.#file?.close().catch(() => undefined);
    this.#file = undefined;
    this.size = 0;
  }

  /** True when the last buffer has room or another could be had. */
  #hold(): boolean {
    if (this.size < this.#held.length * bufferSize) return true;
    const buffer = this.#room.buffers.takeSpare();
    if (buffer !== undefined) this.#held.push(buffer);
    return buffer !== undefined;
  }

  async #spill(): Promise<void> {
    const path = join(this.#room.spool, randomUUID());
    const held = this.#held;
    const { size } = this;
    try {
      const file = await open(path, "wx+", 0o600).catch(async (error: NodeJS.ErrnoException) => {
        if (error.code !== "ENOENT") throw error;
        await mkdir(this.#room.spool, { recursive: true, mode: 0o700 });
        return open(path, "wx+", 0o600);
      });
      this.#file = file;
      // Without a name it is gone with the process, however that ends.
      await unlink(path);
      this.size = 0;
      for (const buffer of held) await this.#append(file, buffer.subarray(0, Math.min(bufferSize, size - this.size)));
    } catch (cause) {
      throw spoolError(cause, this.#room.spool);
    }
    this.#held = [];
    for (const buffer of held) this.#room.buffers.give(buffer);
  }

  async #append(file: FileHandle, bytes: Uint8Array): Promise<void> {
    try {
      for (let done = 0; done < bytes.length;) {
        const { bytesWritten } = await file.write(bytes, done, bytes.length - done, this.size);
        done += bytesWritten;
        this.size += bytesWritten;
      }
    } catch (cause) {
      throw spoolError(cause, this.#room.spool);
    }
  }

  async *#chunks(progress: () => void): AsyncGenerator<Buffer> {
    for (let position = 0; position < this.size;) {
      const length = Math.min(bufferSize, this.size - position);
      if (this.#file === undefined) {
        yield this.#held[position / bufferSize]!.subarray(0, length);
      } else {
        const chunk = Buffer.allocUnsafe(length);
        const { bytesRead } = await this.#file.read(chunk, 0, length, position);
        if (bytesRead !== length)
          throw new StorageError("failed", `a file in ${this.#room.spool} is shorter than what was written`);
        yield chunk;
      }
      position += length;
      progress();
    }
  }
}

function spoolError(cause: unknown, spool: string): StorageError {
  if (cause instanceof StorageError) return cause;
  const { code } = cause as NodeJS.ErrnoException;
  const doing = `cannot keep a part of an upload in ${spool} until it is sent`;
  return new StorageError(code === "ENOSPC" || code === "EDQUOT" ? "full" : "failed", `${doing}: ${String(cause)}`, {
    cause,
  });
}
