import { randomBytes } from "node:crypto";
import { digestOf } from "../support/wire-client.ts";
import { ask } from "./ask.ts";
import type { Answer } from "./ask.ts";
import type { Attempt, Ledger } from "./ledger.ts";

export const manifestType = "application/vnd.oci.image.manifest.v1+json";

/** The layers of an image that take the three ways of a blob: a row, an object in one go, an object hashed by a thread. */
export const layerSizes = [100, 40_000, 1_300_000] as const;

/** Bytes that nobody has seen before, cheap to make. */
export function freshBytes(size: number): Buffer {
  const bytes = Buffer.alloc(size, randomBytes(Math.min(size, 4096)));
  randomBytes(Math.min(16, size)).copy(bytes);
  return bytes;
}

/** Text of an image manifest over blobs. */
export function manifestOf(blobs: readonly Uint8Array[]): Buffer {
  const describe = (bytes: Uint8Array) => ({
    mediaType: "application/octet-stream",
    digest: digestOf(bytes),
    size: bytes.length,
  });
  const [config, ...layers] = blobs.map(describe);
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: manifestType, config, layers }));
}

/** A client of one registry that notes in a ledger what it asked for and what was acknowledged. */
export class Client {
  readonly #base: string;
  readonly #ledger: Ledger;
  readonly #uploads = new Map<string, string>();

  constructor(base: string, ledger: Ledger) {
    this.#base = base;
    this.#ledger = ledger;
  }

  /** One request (end-4b). */
  async pushBlob(repository: string, bytes: Uint8Array): Promise<Answer> {
    const digest = digestOf(bytes);
    const attempt = this.#ledger.attempt(`/v2/${repository}/blobs/${digest}`, digest);
    const answer = await this.ask("POST", `/v2/${repository}/blobs/uploads/?digest=${digest}`, bytes);
    return settle(answer, [attempt]);
  }

  /** In chunks; goes on where an earlier call for the same content was stopped (end-4a, end-13, end-5, end-6). */
  async pushInChunks(repository: string, bytes: Uint8Array, chunkSizes: readonly number[]): Promise<number[]> {
    const digest = digestOf(bytes);
    const attempt = this.#ledger.attempt(`/v2/${repository}/blobs/${digest}`, digest);
    let location = this.#uploads.get(digest);
    let offset = 0;
    if (location !== undefined) {
      const found = await this.ask("GET", location);
      if (found.status !== 204) location = undefined;
      else offset = Number(/^0-(\d+)$/.exec(found.headers.get("range") ?? "")![1]) + 1;
      if (offset === 1) offset = 0;
    }
    if (location === undefined) {
      const begun = await this.ask("POST", `/v2/${repository}/blobs/uploads/`);
      if (begun.status !== 202) return [begun.status];
      location = begun.headers.get("location")!;
      this.#uploads.set(digest, location);
    }
    const statuses: number[] = [];
    let end = 0;
    for (const size of [...chunkSizes, bytes.length]) {
      end = Math.min(bytes.length, end + size);
      if (end <= offset) continue;
      const headers = { "content-range": `${offset}-${end - 1}` };
      statuses.push((await this.ask("PATCH", location, bytes.subarray(offset, end), headers)).status);
      if (statuses.at(-1) !== 202) return statuses;
      offset = end;
    }
    const answer = settle(await this.ask("PUT", `${location}?digest=${digest}`), [attempt]);
    if (answer.status === 201) this.#uploads.delete(digest);
    return [...statuses, answer.status];
  }

  /** By digest, or by tag as well (end-7). */
  async pushManifest(repository: string, bytes: Uint8Array, tag?: string): Promise<Answer> {
    const digest = digestOf(bytes);
    const attempts = [this.#ledger.attempt(`/v2/${repository}/manifests/${digest}`, digest)];
    if (tag !== undefined) attempts.push(this.#ledger.attempt(`/v2/${repository}/manifests/${tag}`, digest));
    const headers = { "content-type": manifestType };
    return settle(await this.ask("PUT", `/v2/${repository}/manifests/${tag ?? digest}`, bytes, headers), attempts);
  }

  /** Removes a tag, or a manifest with the tags that the caller knows of (end-9). */
  async deleteManifest(repository: string, reference: string, tags: readonly string[] = []): Promise<Answer> {
    const attempts = [reference, ...tags].map((one) =>
      this.#ledger.attempt(`/v2/${repository}/manifests/${one}`, null),
    );
    return settleDelete(await this.ask("DELETE", `/v2/${repository}/manifests/${reference}`), attempts);
  }

  /** Takes a blob out of the repository (end-10). */
  async deleteBlob(repository: string, digest: string): Promise<Answer> {
    const attempt = this.#ledger.attempt(`/v2/${repository}/blobs/${digest}`, null);
    return settleDelete(await this.ask("DELETE", `/v2/${repository}/blobs/${digest}`), [attempt]);
  }

  /** Config and layers, then the manifest under a tag. Ends with the first answer that is no success. */
  async pushImage(repository: string, tag: string, blobs: readonly Uint8Array[]): Promise<number[]> {
    const statuses: number[] = [];
    for (const blob of blobs) {
      statuses.push((await this.pushBlob(repository, blob)).status);
      if (statuses.at(-1) !== 201) return statuses;
    }
    statuses.push((await this.pushManifest(repository, manifestOf(blobs), tag)).status);
    return statuses;
  }

  ask(method: string, path: string, body?: Uint8Array, headers?: Record<string, string>): Promise<Answer> {
    return ask(this.#base + path, method, body, headers);
  }
}

/** 2xx settles the attempts; 4xx undoes them; a broken connection or a fault leaves both outcomes open. */
function settle(answer: Answer, attempts: readonly Attempt[]): Answer {
  for (const attempt of attempts) {
    if (answer.status >= 200 && answer.status < 300) attempt.acknowledge();
    else if (answer.status >= 400 && answer.status < 500) attempt.refuse();
  }
  return answer;
}

/** What is to go may be gone already. */
function settleDelete(answer: Answer, attempts: readonly Attempt[]): Answer {
  if (answer.status !== 404) return settle(answer, attempts);
  attempts[0]?.acknowledge();
  return answer;
}
