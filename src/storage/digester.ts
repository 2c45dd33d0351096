import { createHash, hash } from "node:crypto";
import { Worker } from "node:worker_threads";
import { availableParallelism } from "node:os";
import { crc32 } from "node:zlib";

/** Hashes that content is named by. */
export type HashAlgorithm = "sha256" | "sha512";

/** A CRC stands for this many bytes of content, the last for what is left. */
export const crcSpan = 1024 * 1024;

/** What content turned out to be. */
export interface Fingerprint {
  /** `sha256:…` or `sha512:…`. */
  readonly digest: string;
  /** CRC-32 of each MiB, four bytes each, big-endian. */
  readonly crcs: Uint8Array;
}

/** Fingerprint of bytes that are all there; for small content, since it is worked out where it is asked. */
export function fingerprint(algorithm: HashAlgorithm, bytes: Uint8Array): Fingerprint {
  return { digest: digestOf(algorithm, bytes), crcs: crcsOf(bytes) };
}

/** `sha256:…` of bytes that are all there. */
export function digestOf(algorithm: HashAlgorithm, bytes: Uint8Array): string {
  return `${algorithm}:${hash(algorithm, bytes, "hex")}`;
}

function crcsOf(bytes: Uint8Array): Uint8Array {
  const crcs = Buffer.alloc(Math.ceil(bytes.length / crcSpan) * 4);
  for (let start = 0, at = 0; start < bytes.length; start += crcSpan, at += 4) {
    crcs.writeUInt32BE(crc32(bytes.subarray(start, start + crcSpan)), at);
  }
  return crcs;
}

/** Running hash and CRCs of one content. */
export class RunningFingerprint {
  readonly #algorithm: HashAlgorithm;
  readonly #hash: ReturnType<typeof createHash>;
  readonly #crcs: number[] = [];
  #crc = 0;
  #inSpan = 0;

  constructor(algorithm: HashAlgorithm) {
    this.#algorithm = algorithm;
    this.#hash = createHash(algorithm);
  }

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    for (let start = 0; start < bytes.length;) {
      const end = Math.min(bytes.length, start + crcSpan - this.#inSpan);
      this.#crc = crc32(bytes.subarray(start, end), this.#crc);
      this.#inSpan += end - start;
      if (this.#inSpan === crcSpan) this.#endSpan();
      start = end;
    }
  }

  finish(): Fingerprint {
    if (this.#inSpan > 0) this.#endSpan();
    const crcs = Buffer.alloc(this.#crcs.length * 4);
    for (const [index, crc] of this.#crcs.entries()) crcs.writeUInt32BE(crc, index * 4);
    return { digest: `${this.#algorithm}:${this.#hash.digest("hex")}`, crcs };
  }

  #endSpan(): void {
    this.#crcs.push(this.#crc);
    this.#crc = 0;
    this.#inSpan = 0;
  }
}

/** To the hashing thread: `begin`, `update` (shared memory), `finish`, `drop`; it answers `update` and `finish`. */
export type DigestOrder =
  | { readonly id: number; readonly begin: HashAlgorithm }
  | { readonly id: number; readonly update: SharedArrayBuffer; readonly length: number; readonly ask: number }
  | { readonly id: number; readonly finish: true; readonly ask: number }
  | { readonly id: number; readonly drop: true };

/** From the hashing thread: the answer to an order's `ask`. */
export interface DigestReply {
  readonly ask: number;
  readonly fingerprint?: Fingerprint;
}

/** Content being hashed in another thread. */
export interface Digester {
  readonly algorithm: HashAlgorithm;
  /** Its thread ended: it is of no use any more. */
  readonly lost: boolean;
  /** Takes the first `length` bytes of a pooled buffer, which must stay as it is until the promise resolves. */
  update(buffer: Buffer, length: number): Promise<void>;
  /** Ends it. */
  finish(): Promise<Fingerprint>;
  /** Forgets it. */
  drop(): void;
}

interface Thread {
  readonly worker: Worker;
  readonly asked: Map<number, { resolve: (reply: DigestReply) => void; reject: (error: unknown) => void }>;
  ended: Error | undefined;
}

/** The threads that hash large content, started with the first of it. One core is left to the requests. */
export class DigestThreads {
  readonly #threads: (Thread | undefined)[] = [];
  readonly #limit = Math.max(1, Math.min(4, availableParallelism() - 1));
  #next = 0;
  #ids = 0;

  begin(algorithm: HashAlgorithm): Digester {
    const thread = this.#pick();
    const id = ++this.#ids;
    const send = (order: DigestOrder) => thread.worker.postMessage(order);
    const ask = (make: (ask: number) => DigestOrder) =>
      new Promise<DigestReply>((resolve, reject) => {
        if (thread.ended !== undefined) return reject(thread.ended);
        const number = ++this.#ids;
        thread.asked.set(number, { resolve, reject });
        send(make(number));
      });
    send({ id, begin: algorithm });
    return {
      algorithm,
      get lost() {
        return thread.ended !== undefined;
      },
      update: async (buffer, length) => {
        await ask((number) => ({ id, update: buffer.buffer as unknown as SharedArrayBuffer, length, ask: number }));
      },
      finish: async () => (await ask((number) => ({ id, finish: true, ask: number }))).fingerprint!,
      drop: () => send({ id, drop: true }),
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.flatMap((thread) => thread?.worker.terminate() ?? []));
  }

  #pick(): Thread {
    this.#next = (this.#next + 1) % this.#limit;
    return (this.#threads[this.#next] ??= this.#start(this.#next));
  }

  #start(slot: number): Thread {
    const file = import.meta.url.endsWith(".ts") ? "./digest-thread.ts" : "./digest-thread.js";
    const worker = new Worker(new URL(file, import.meta.url));
    const thread: Thread = { worker, asked: new Map(), ended: undefined };
    worker.unref();
    worker.on("message", (reply: DigestReply) => {
      thread.asked.get(reply.ask)?.resolve(reply);
      thread.asked.delete(reply.ask);
    });
    const fail = (error: Error) => {
      thread.ended ??= error;
      for (const waiting of thread.asked.values()) waiting.reject(error);
      thread.asked.clear();
      if (this.#threads[slot] === thread) this.#threads[slot] = undefined;
    };
    worker.on("error", (error) => fail(error instanceof Error ? error : new Error(String(error))));
    worker.on("exit", (code) => fail(new Error(`the hashing thread ended with code ${code}`)));
    return thread;
  }
}
