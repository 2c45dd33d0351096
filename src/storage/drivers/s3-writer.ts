import { crc32 } from "node:zlib";
import { StorageError } from "../driver.ts";
import type { ObjectKey, ObjectWriter, WriterState } from "../driver.ts";
import type { Bucket } from "./s3-bucket.ts";
import {
  beginParts,
  deleteObjects,
  dropParts,
  getSmall,
  hasParts,
  headObject,
  joinParts,
  putObject,
  sendPart,
} from "./s3-objects.ts";
import type { SentPart } from "./s3-objects.ts";
import { Part } from "./s3-part.ts";
import type { PartRoom } from "./s3-part.ts";

/** What S3 takes as a part, the last excepted; bytes. */
const smallestPart = 5 * 1024 * 1024;
/** Parts of one upload that are on their way at once. */
const depth = 3;

/** Size of a part. It doubles every thousand parts, so that the 10,000 that S3 takes are enough for 5 TB. */
export function partSize(number: number): number {
  return smallestPart * 2 ** Math.floor((number - 1) / 1_000);
}

/*
 * o/<2 hex>/<ULID>        the object; until it is joined, a multipart upload of that key
 * o/<2 hex>/<ULID>.t<n>   what the n-th suspension had in hand, if it was too short for a part
 *
 * A tail is removed when the row that names the next one is committed, that is, when the upload is resumed from it.
 */

/** Kept in the upload's row. */
export interface S3State extends WriterState {
  readonly upload: string | null;
  readonly parts: readonly SentPart[];
  readonly tail: { readonly number: number; readonly size: number; readonly crc: number } | null;
  /** Tails of earlier suspensions. */
  readonly past: readonly number[];
}

/** Key of what an upload had in hand when it was suspended for the n-th time. */
export function tailKey(key: ObjectKey, number: number): string {
  return `${key}.t${number}`;
}

/** Tails that a state knows of. */
export function tailsOf(key: ObjectKey, state: S3State): string[] {
  const numbers = state.tail === null ? state.past : [...state.past, state.tail.number];
  return numbers.map((number) => tailKey(key, number));
}

/** Begins an object; nothing is sent yet. */
export function createWriter(bucket: Bucket, room: PartRoom, key: ObjectKey): ObjectWriter {
  return new S3Writer(bucket, room, key, { size: 0, upload: null, parts: [], tail: null, past: [] });
}

/** Goes on with an object. @throws StorageError `missing` when nothing is left */
export async function resumeWriter(
  bucket: Bucket,
  room: PartRoom,
  key: ObjectKey,
  state: S3State,
): Promise<ObjectWriter> {
  const [known, tail] = await Promise.all([
    state.upload === null ? undefined : hasParts(bucket, key, state.upload),
    state.tail === null ? undefined : readTail(bucket, key, state.tail),
  ]);
  if (known === false || (known === undefined && tail === undefined && state.size > 0)) {
    // The object may have been finished by somebody who then died.
    const whole = await headObject(bucket, key);
    if (whole?.size === state.size) return new S3Writer(bucket, room, key, state, { finished: true });
    throw new StorageError("missing", `there is nothing left of ${key}`);
  }
  const past = state.past.map((number) => tailKey(key, number));
  const cleared = deleteObjects(bucket, past, true).then(
    () => true,
    () => false,
  );
  bucket.later(cleared);
  const tailLost = state.tail !== null && tail === undefined;
  const writer = new S3Writer(bucket, room, key, state, { tailLost, cleared });
  try {
    if (tail !== undefined) await writer.takeTail(tail);
  } catch (error) {
    await writer.release();
    throw error;
  }
  return writer;
}

async function readTail(
  bucket: Bucket,
  key: ObjectKey,
  tail: { readonly number: number; readonly size: number; readonly crc: number },
): Promise<Uint8Array | undefined> {
  // A tail changed on its way is right the next time.
  for (let attempt = 1; ; attempt++) {
    const bytes = await getSmall(bucket, tailKey(key, tail.number));
    if (bytes === undefined || (bytes.length === tail.size && crc32(bytes) === tail.crc)) return bytes;
    if (attempt === 3) throw new StorageError("corrupt", `${tailKey(key, tail.number)} is not what was stored`);
  }
}

class S3Writer implements ObjectWriter {
  readonly key: ObjectKey;
  size: number;
  readonly #bucket: Bucket;
  readonly #room: PartRoom;
  readonly #from: S3State;
  #upload: string | undefined;
  readonly #parts: (SentPart | undefined)[];
  #part: Part;
  readonly #flying = new Set<Promise<void>>();
  #failed: StorageError | undefined;
  #finished: boolean;
  #changed = false;
  /** The past tails are gone. */
  readonly #cleared: Promise<boolean>;
  /** A tail that may have been stored and is named by no state. */
  #stray: number | undefined;

  constructor(
    bucket: Bucket,
    room: PartRoom,
    key: ObjectKey,
    from: S3State,
    found: { readonly finished?: boolean; readonly tailLost?: boolean; readonly cleared?: Promise<boolean> } = {},
  ) {
    this.#bucket = bucket;
    this.#room = room;
    this.key = key;
    this.#from = from;
    this.#upload = from.upload ?? undefined;
    this.#parts = [...from.parts];
    this.#part = new Part(room);
    this.#finished = found.finished === true;
    this.size = this.#finished ? from.size : from.parts.reduce((sum, [, , bytes]) => sum + bytes, 0);
    this.#changed = found.tailLost === true;
    this.#cleared = found.cleared ?? Promise.resolve(false);
  }

  /** The bytes that the last suspension had in hand. */
  async takeTail(bytes: Uint8Array): Promise<void> {
    await this.#part.take(bytes);
    this.size += bytes.length;
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#failed !== undefined) throw this.#failed;
    if (chunk.length === 0) return;
    if (this.#finished) throw new StorageError("missing", `${this.key} is finished: nothing can be added`);
    this.#changed = true;
    try {
      for (let done = 0; done < chunk.length;) {
        const room = partSize(this.#parts.length + 1) - this.#part.size;
        // An object that is one part is sent whole, so a full part waits for the byte after it.
        if (room <= 0) await this.#ship();
        else {
          const taken = Math.min(room, chunk.length - done);
          await this.#part.take(chunk.subarray(done, done + taken));
          this.size += taken;
          done += taken;
        }
      }
    } catch (error) {
      throw (this.#failed ??= error as StorageError);
    }
  }

  async suspend(): Promise<WriterState> {
    try {
      if (!this.#changed) return this.#from;
      if (this.#part.size >= smallestPart) await this.#ship();
      await this.#settle();
      const past = (await this.#cleared) ? [] : [...this.#from.past];
      if (this.#from.tail !== null) past.push(this.#from.tail.number);
      const tail = this.#part.size === 0 ? null : await this.#storeTail(past);
      const state: S3State = {
        size: this.size,
        upload: this.#upload ?? null,
        parts: this.#parts as SentPart[],
        tail,
        past,
      };
      return state;
    } finally {
      await Promise.all(this.#flying);
      await this.#part.free();
    }
  }

  async finish(): Promise<void> {
    try {
      if (this.#finished) return;
      if (this.#upload === undefined) {
        this.#finished = true;
        await putObject(this.#bucket, this.key, this.#part);
      } else {
        if (this.#part.size > 0) await this.#ship();
        await this.#settle();
        this.#finished = true;
        await joinParts(this.#bucket, this.key, this.#upload, this.#parts as SentPart[]);
      }
      this.#bucket.later(deleteObjects(this.#bucket, tailsOf(this.key, this.#from), true));
    } finally {
      await Promise.all(this.#flying);
      await this.#part.free();
    }
  }

  async release(): Promise<void> {
    await Promise.all(this.#flying);
    await this.#part.free();
    // An upload that began here is named by no state.
    if (this.#from.upload === null && this.#upload !== undefined && !this.#finished) {
      this.#bucket.later(dropParts(this.#bucket, this.key, this.#upload, true));
    }
    if (this.#stray !== undefined)
      this.#bucket.later(deleteObjects(this.#bucket, [tailKey(this.key, this.#stray)], true));
  }

  async abort(): Promise<void> {
    await Promise.all(this.#flying);
    await this.#part.free();
    const tails = tailsOf(this.key, this.#from);
    if (this.#stray !== undefined) tails.push(tailKey(this.key, this.#stray));
    const gone = this.#finished ? [...tails, this.key] : tails;
    // Once each: the sweep ends what this does not.
    await Promise.allSettled([
      this.#upload === undefined ? undefined : dropParts(this.#bucket, this.key, this.#upload, true),
      deleteObjects(this.#bucket, gone, true),
    ]);
  }

  /** Sends the part in hand on its way and takes another in hand. */
  async #ship(): Promise<void> {
    const upload = (this.#upload ??= await beginParts(this.#bucket, this.key));
    const part = this.#part;
    this.#part = new Part(this.#room);
    const index = this.#parts.push(undefined) - 1;
    const flight: Promise<void> = sendPart(this.#bucket, this.key, upload, index + 1, part)
      .then(
        (sent) => void (this.#parts[index] = sent),
        (error: unknown) => void (this.#failed ??= error as StorageError),
      )
      .then(() => part.free())
      .finally(() => this.#flying.delete(flight));
    this.#flying.add(flight);
    while (this.#flying.size >= depth) await Promise.race(this.#flying);
    if (this.#failed !== undefined) throw this.#failed;
  }

  async #settle(): Promise<void> {
    await Promise.all(this.#flying);
    if (this.#failed !== undefined) throw this.#failed;
  }

  async #storeTail(past: readonly number[]): Promise<NonNullable<S3State["tail"]>> {
    // A number that a dead writer used is not used again: its tail may be there with other bytes.
    const number = Math.max(0, ...past) + 1 + Math.floor(Math.random() * 1_000_000);
    this.#stray = number;
    const { size, crc } = this.#part;
    await putObject(this.#bucket, tailKey(this.key, number), this.#part);
    this.#stray = undefined;
    return { number, size, crc };
  }
}
