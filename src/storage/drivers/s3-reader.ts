import { GetObjectCommand } from "@aws-sdk/client-s3";
import type { IncomingMessage } from "node:http";
import { StorageError } from "../driver.ts";
import type { ObjectKey, ObjectReader, ReadRange } from "../driver.ts";
import type { Bucket } from "./s3-bucket.ts";

/** An answer that brings no byte for this long is given up, in milliseconds. */
const idle = 7_000;

/**
 * Opens an object: one request whose answer is read as it is asked for. Another one follows only when somebody reads
 * elsewhere or the answer breaks off.
 * @throws StorageError `missing`
 */
export async function openReader(bucket: Bucket, key: ObjectKey, range?: ReadRange): Promise<ObjectReader> {
  const { answer, size } = await ask(bucket, key, range?.start ?? 0, range?.end);
  return new S3Reader(bucket, key, size, answer, range?.end ?? size - 1);
}

async function ask(bucket: Bucket, key: ObjectKey, start: number, end: number | undefined) {
  const whole = start === 0 && end === undefined;
  return bucket.call(`cannot open ${key}`, async ({ client, options }) => {
    const got = await client.send(
      new GetObjectCommand({
        Bucket: bucket.name,
        Key: bucket.nameOf(key),
        ...(whole ? {} : { Range: `bytes=${start}-${end ?? ""}` }),
      }),
      options,
    );
    const stream = got.Body as IncomingMessage;
    const size = whole ? got.ContentLength : Number(/\/(\d+)$/.exec(got.ContentRange ?? "")?.[1]);
    const length = Math.min(size ?? NaN, (end ?? Infinity) + 1) - start;
    if (size === undefined || got.ContentLength !== length) {
      stream.destroy();
      throw new StorageError("unavailable", "the answer is not the range that was asked for");
    }
    return { answer: new Answer(stream, start, length), size };
  });
}

/** The body of one answer. It is read into buffers of the caller, without a queue of its own. */
class Answer {
  readonly #stream: IncomingMessage;
  /** Where the next byte belongs. */
  position: number;
  #left: number;
  /** Came with the last chunk and was not asked for yet. */
  #rest: Uint8Array | undefined;
  #wanted: { readonly buffer: Uint8Array; filled: number; readonly done: (error?: Error) => void } | undefined;
  #failed: Error | undefined;
  #watch: NodeJS.Timeout | undefined;

  constructor(stream: IncomingMessage, position: number, length: number) {
    this.#stream = stream;
    this.position = position;
    this.#left = length;
    stream.pause();
    stream.on("data", (chunk: Buffer) => this.#arrive(chunk));
    stream.on("error", (error) => this.#end(error));
    stream.on("close", () => this.#end(new Error("the answer ended early")));
  }

  /** Fills the buffer; fewer bytes only at the end of the answer. @throws Error when it breaks off */
  async read(buffer: Uint8Array): Promise<number> {
    const length = Math.min(buffer.length, this.#left);
    if (length === 0) return 0;
    const before = this.position;
    const late = () => void this.#stream.destroy(new Error(`no byte came for ${idle / 1000} seconds`));
    this.#watch = setTimeout(late, idle);
    try {
      await new Promise<void>((resolve, reject) => {
        const done = (error?: Error) => (error === undefined ? resolve() : reject(error));
        this.#wanted = { buffer: buffer.subarray(0, length), filled: 0, done };
        const rest = this.#rest;
        this.#rest = undefined;
        if (rest !== undefined) this.#arrive(rest);
        if (this.#wanted === undefined) return;
        if (this.#failed !== undefined) this.#end(this.#failed);
        else this.#stream.resume();
      });
    } finally {
      clearTimeout(this.#watch);
    }
    return this.position - before;
  }

  /** Lets go of the connection, for the next request when the answer was read whole. */
  close(): void {
    if (this.#left === 0 && this.#rest === undefined) this.#stream.resume();
    else this.#stream.destroy();
  }

  #arrive(chunk: Uint8Array): void {
    const wanted = this.#wanted;
    if (wanted === undefined) {
      this.#rest = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
      this.#stream.pause();
      return;
    }
    const taken = Math.min(chunk.length, wanted.buffer.length - wanted.filled);
    wanted.buffer.set(taken === chunk.length ? chunk : chunk.subarray(0, taken), wanted.filled);
    wanted.filled += taken;
    this.position += taken;
    this.#left -= taken;
    if (taken < chunk.length) this.#rest = chunk.subarray(taken);
    if (wanted.filled < wanted.buffer.length) {
      this.#watch?.refresh();
      return;
    }
    this.#stream.pause();
    this.#wanted = undefined;
    wanted.done();
  }

  #end(error: Error): void {
    this.#failed ??= error;
    const wanted = this.#wanted;
    this.#wanted = undefined;
    wanted?.done(error);
  }
}

class S3Reader implements ObjectReader {
  readonly size: number;
  readonly #bucket: Bucket;
  readonly #key: ObjectKey;
  #answer: Answer | undefined;
  readonly #end: number;

  constructor(bucket: Bucket, key: ObjectKey, size: number, answer: Answer, end: number) {
    this.#bucket = bucket;
    this.#key = key;
    this.size = size;
    this.#answer = answer;
    this.#end = end;
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    const length = Math.max(0, Math.min(buffer.length, this.size - position));
    let done = 0;
    const fill = async () => {
      while (done < length) {
        if (this.#answer?.position !== position + done) await this.#open(position + done, position + length - 1);
        const read = await this.#answer!.read(buffer.subarray(done, length));
        if (read === 0) this.#drop();
        done += read;
      }
    };
    await this.#bucket.goOn(`cannot read ${this.#key}`, async () => {
      try {
        await fill();
      } catch (error) {
        // What came before the break is in the buffer.
        const at = this.#answer?.position ?? 0;
        if (at > position + done) done = at - position;
        this.#drop();
        throw error;
      }
    });
    return length;
  }

  close(): Promise<void> {
    this.#drop();
    return Promise.resolve();
  }

  #drop(): void {
    this.#answer?.close();
    this.#answer = undefined;
  }

  async #open(start: number, last: number): Promise<void> {
    this.#drop();
    // Beyond what was announced no more than what is asked for.
    const { answer, size } = await ask(this.#bucket, this.#key, start, Math.max(last, this.#end));
    this.#answer = answer;
    if (size !== this.size)
      throw new StorageError("corrupt", `${this.#key} has ${size} bytes now, it had ${this.size}`);
  }
}
