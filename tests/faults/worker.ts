import { digestOf } from "../support/wire-client.ts";
import { ask } from "./ask.ts";
import type { Answer } from "./ask.ts";
import { Client, freshBytes, manifestOf } from "./client.ts";
import type { Ledger } from "./ledger.ts";

/** An upload in chunks that goes on in the next process. */
interface OpenUpload {
  readonly bytes: Buffer;
  readonly location: string;
  /** Bytes that were acknowledged with 202. */
  kept: number;
  /** The closing PUT was sent and not answered: the upload may be over. */
  ending: boolean;
  /** What was asked and answered so far, in order: it is told with what is wrong. */
  readonly told: string[];
}

const sizes = [100, 5_000, 40_000, 300_000, 700_000];
/** What a worker may count on. */
export interface WorkerNature {
  /** What was acknowledged with 202 outlives what happens: a kill, but not a power cut. */
  readonly chunksLast: boolean;
  /** 503 is an answer, after which it tries something else; so is 409 of an upload whose claim was lost. */
  readonly patient: boolean;
}

/** Blobs that all workers push, so that digests meet. */
const shared = sizes.slice(0, 4).map((size) => freshBytes(size));

/**
 * A client with a repository of its own that pushes, moves and deletes whatever comes to its mind until the registry
 * goes away, and goes on with the next.
 */
export class Worker {
  readonly #repository: string;
  readonly #ledger: Ledger;
  readonly #images = new Map<string, Buffer>();
  readonly #tags = ["a", "b", "c", "d"];
  readonly #blobs = new Set<string>();
  #upload: OpenUpload | undefined;
  readonly #nature: WorkerNature;
  #stopped = false;
  #wrong: string[] = [];

  constructor(repository: string, ledger: Ledger, nature: WorkerNature) {
    this.#repository = repository;
    this.#ledger = ledger;
    this.#nature = nature;
  }

  /** Ends the run after what is under way. */
  stop(): void {
    this.#stopped = true;
  }

  /** Works until a connection breaks or it is stopped. @returns one sentence for each answer that a sound registry does not give */
  async run(base: string): Promise<string[]> {
    this.#wrong = [];
    const client = new Client(base, this.#ledger);
    this.#stopped = false;
    while (!this.#stopped && (await this.#act(client, base)));
    return this.#wrong;
  }

  async #act(client: Client, base: string): Promise<boolean> {
    if (this.#upload !== undefined) return this.#goOn(this.#upload, base);
    const chance = Math.random();
    if (chance < 0.25) return this.#pushBlob(client);
    if (chance < 0.45) return this.#begin(base);
    if (chance < 0.75 || this.#images.size === 0) return this.#pushImage(client);
    if (chance < 0.87) return this.#moveTag(client);
    return this.#remove(client);
  }

  async #pushBlob(client: Client): Promise<boolean> {
    const bytes = Math.random() < 0.3 ? pick(shared) : freshBytes(pick(sizes));
    const answer = await client.pushBlob(this.#repository, bytes);
    if (answer.status === 201) this.#blobs.add(digestOf(bytes));
    return this.#expect("a blob", answer, 201);
  }

  async #pushImage(client: Client): Promise<boolean> {
    const blobs = [Buffer.from("{}"), freshBytes(pick(sizes)), ...(Math.random() < 0.5 ? [pick(shared)] : [])];
    const statuses = await client.pushImage(this.#repository, pick(this.#tags), blobs);
    const manifest = manifestOf(blobs);
    // Also when it was not answered: the next delete finds out.
    if (statuses.length > blobs.length) this.#images.set(digestOf(manifest), manifest);
    for (const blob of blobs) this.#blobs.delete(digestOf(blob));
    return this.#expect("an image", { status: statuses.at(-1)! }, 201);
  }

  /** The manifest is there, or was lost before it was acknowledged: then it is pushed again with its tag. */
  async #moveTag(client: Client): Promise<boolean> {
    const manifest = pick([...this.#images.values()]);
    return this.#expect(
      "a tag move",
      await client.pushManifest(this.#repository, manifest, pick(this.#tags)),
      201,
      404,
    );
  }

  async #remove(client: Client): Promise<boolean> {
    const chance = Math.random();
    if (chance < 0.4) {
      return this.#expect("a tag's delete", await client.deleteManifest(this.#repository, pick(this.#tags)), 202, 404);
    }
    if (chance < 0.7 && this.#blobs.size > 0) {
      const digest = pick([...this.#blobs]);
      const answer = await client.deleteBlob(this.#repository, digest);
      if (answer.status === 202) this.#blobs.delete(digest);
      return this.#expect("a blob's delete", answer, 202, 404, 405);
    }
    const digest = pick([...this.#images.keys()]);
    const path = (tag: string) => `/v2/${this.#repository}/manifests/${tag}`;
    const tags = this.#tags.filter((tag) => this.#ledger.allowed(path(tag)).has(digest));
    const answer = await client.deleteManifest(this.#repository, digest, tags);
    if (answer.status !== 0) this.#images.delete(digest);
    return this.#expect("a manifest's delete", answer, 202, 404);
  }

  async #begin(base: string): Promise<boolean> {
    const answer = await ask(`${base}/v2/${this.#repository}/blobs/uploads/`, "POST");
    if (answer.status !== 202) return this.#expect("an upload's begin", answer, 202);
    const bytes = freshBytes(pick(sizes));
    this.#upload = { bytes, location: answer.headers.get("location")!, kept: 0, ending: false, told: [] };
    return true;
  }

  /** Asks for the offset first, as a client does that lost its connection (end-13). */
  async #goOn(upload: OpenUpload, base: string): Promise<boolean> {
    const status = await askOf(upload, base, "GET");
    if (status.status === 404) {
      if (!upload.ending && upload.kept > 0 && this.#nature.chunksLast)
        this.#wrong.push(`an upload of ${upload.kept} bytes is gone; ${historyOf(upload)}`);
      this.#upload = undefined;
      return true;
    }
    if (status.status !== 204) return this.#expectOf(upload, "an upload's offset", status, 204);
    let offset = offsetOf(status);
    // The specification has no way to say "nothing yet": 0-0 stands for 0 bytes and for 1.
    if (offset === 1) offset = 0;
    // An upload that was over when the answer was lost is a new one under the same id.
    const isOver = upload.ending && offset === 0;
    if (offset < upload.kept && !isOver && this.#nature.chunksLast)
      this.#wrong.push(`an upload of ${upload.kept} acknowledged bytes has ${offset}; ${historyOf(upload)}`);
    upload.ending = false;
    upload.kept = offset;
    while (offset < upload.bytes.length) {
      const end = Math.min(upload.bytes.length, offset + Math.ceil(upload.bytes.length / 3));
      const answer = await askOf(upload, base, "PATCH", [offset, end]);
      if (answer.status === 416 && !this.#nature.chunksLast) return true;
      if (answer.status === 404 && !this.#nature.chunksLast) {
        this.#upload = undefined;
        return true;
      }
      if (answer.status !== 202) return this.#expectOf(upload, "a chunk", answer, 202);
      upload.kept = offset = end;
    }
    upload.ending = true;
    const digest = digestOf(upload.bytes);
    // Not when the upload begins: a proof between then and now would take the blob's absence for the truth.
    const attempt = this.#ledger.attempt(`/v2/${this.#repository}/blobs/${digest}`, digest);
    const answer = await askOf(upload, base, "PUT");
    if (answer.status === 0) return false;
    if (answer.status === 400 && !this.#nature.chunksLast) {
      // What was lost with the power is not asked for any more.
      attempt.refuse();
      this.#upload = undefined;
      return true;
    }
    if (answer.status === 201) attempt.acknowledge();
    // Unanswered for good: the offset says whether it is over.
    if (answer.status !== 503) this.#upload = undefined;
    return this.#expectOf(upload, "an upload's end", answer, 201);
  }

  #expectOf(upload: OpenUpload, what: string, { status }: Answer, good: number): Promise<boolean> {
    return this.#expect(what, { status, told: historyOf(upload) }, good);
  }

  async #expect(
    what: string,
    { status, told }: Pick<Answer, "status"> & { readonly told?: string },
    ...good: number[]
  ): Promise<boolean> {
    if (status === 0) return false;
    if (this.#nature.patient && (status === 503 || status === 409)) {
      await new Promise((done) => setTimeout(done, 200));
      return true;
    }
    if (!good.includes(status))
      this.#wrong.push(`${what} was answered with ${status}${told === undefined ? "" : `; ${told}`}`);
    return true;
  }
}

/** Sends a request for an upload and notes what became of it. */
async function askOf(
  upload: OpenUpload,
  base: string,
  method: "GET" | "PATCH" | "PUT",
  [start, end]: readonly [number, number] = [0, 0],
): Promise<Answer> {
  const query = method === "PUT" ? `?digest=${digestOf(upload.bytes)}` : "";
  const chunk = method === "PATCH" ? upload.bytes.subarray(start, end) : undefined;
  const headers = { "content-range": `${start}-${end - 1}`, "content-type": "application/octet-stream" };
  const answer = await ask(base + upload.location + query, method, chunk, chunk === undefined ? {} : headers);
  const sent = chunk === undefined ? method : `${method} ${headers["content-range"]}`;
  const said = answer.headers.get("range") ?? answer.body.toString().trim();
  upload.told.push(`${new Date().toISOString().slice(14, -1)} ${sent}: ${answer.status} ${said}`);
  return answer;
}

function historyOf({ bytes, told }: OpenUpload): string {
  return `of ${bytes.length} bytes: ${told.join(" | ")}`;
}

function offsetOf({ headers }: Answer): number {
  return Number(/^0-(\d+)$/.exec(headers.get("range") ?? "")?.[1]) + 1;
}

function pick<T>(from: readonly T[]): T {
  return from[Math.floor(Math.random() * from.length)]!;
}
