import { AsyncLocalStorage } from "node:async_hooks";
import { randomInt } from "node:crypto";
import { digestOf, imageOf, imageType } from "../support/open-registry.ts";

/** What all clients share: where the server is, what they push, and what went wrong. */
export interface StressWorld {
  /** Changes when the server was killed and started again. */
  url: string;
  /** Of all nodes, where there are several: each work asks one of them. */
  urls?: readonly string[];
  /** What the server holds back, in milliseconds; an answer holds for half of it at least. */
  pin: number;
  /** Contents of layers. */
  readonly layers: readonly string[];
  readonly repositories: readonly string[];
  readonly tags: readonly string[];
  /** Those that were answered. */
  operations: number;
  /** Those that met a killed server: nothing is known of them, and they do not count. */
  lost: number;
  readonly violations: string[];
  readonly counts: Map<string, number>;
  /** Blobs may be refused for want of room. */
  readonly quotas?: boolean;
}

/** The server went away in the middle: nothing is known, nothing is wrong. */
export class Gone extends Error {}

/** One thing that a client does; what came of it, or undefined where nothing was asked. */
export type Work = (world: StressWorld) => Promise<string | undefined>;

/** Which node a work asks. */
const turn = new AsyncLocalStorage<number>();

function urlOf({ url, urls }: StressWorld): string {
  return urls === undefined ? url : urls[(turn.getStore() ?? 0) % urls.length]!;
}

/** One client: pushes, mounts, retags, deletes and pulls at random until told to stop. */
export function runClient(world: StressWorld, goOn: () => boolean): Promise<void> {
  const works = [push, push, push, push, retag, removeTag, removeManifest, removeBlob, pull, pull] as const;
  return runWorks(world, works, goOn);
}

/** Does one of the works after the other, at random, and counts what comes of them by their names. */
export async function runWorks(world: StressWorld, works: readonly Work[], goOn: () => boolean): Promise<void> {
  while (goOn()) {
    const work = works[randomInt(works.length)]!;
    try {
      const outcome = await turn.run(randomInt(100), () => work(world));
      if (outcome === undefined) continue;
      world.operations++;
      const name = `${work.name}: ${outcome}`;
      world.counts.set(name, (world.counts.get(name) ?? 0) + 1);
    } catch (error) {
      if (!(error instanceof Gone)) throw error;
      world.lost++;
      // Another node is asked for the next thing, after the last words of the killed one have come to the database.
      await new Promise((resolve) => setTimeout(resolve, world.urls === undefined ? 50 : 1_000));
    }
  }
}

export interface Answer {
  readonly status: number;
  readonly location: string;
  readonly bytes: Buffer;
}

export async function call(
  world: StressWorld,
  method: string,
  path: string,
  body?: string,
  type?: string,
): Promise<Answer> {
  const url = urlOf(world);
  try {
    const headers = type === undefined ? {} : { "content-type": type };
    const response = await fetch(url + path, { method, headers, ...(body === undefined ? {} : { body }) });
    const bytes = Buffer.from(await response.arrayBuffer());
    const allowed = response.status < 500 || response.status === 503;
    if (!allowed) world.violations.push(`${method} ${path}: ${response.status} ${bytes.toString()}`);
    return { status: response.status, location: response.headers.get("location") ?? "", bytes };
  } catch (error) {
    throw new Gone("the server is away", { cause: error });
  }
}

export const some = <T>(list: readonly T[]): T => list[randomInt(list.length)]!;
export const repositoryOf = (world: StressWorld) => some(world.repositories);
const tagOf = (world: StressWorld) => some(world.tags);

async function push(world: StressWorld): Promise<string> {
  const { pin } = world;
  const repository = repositoryOf(world);
  const layers = [...new Set(Array.from({ length: 1 + randomInt(4) }, () => some(world.layers)))];
  const began = performance.now();
  for (const layer of layers) await ensureBlob(world, repository, layer);
  const text = imageOf(layers);
  const tag = randomInt(5) === 0 ? digestOf(Buffer.from(text)) : tagOf(world);
  const put = await call(world, "PUT", `/v2/${repository}/manifests/${tag}`, text, imageType);
  const took = performance.now() - began;
  if (put.status === 201) return "stored";
  // Blobs are deleted by others, too; but collection alone must hold back what was promised for half a pin.
  if (put.status === 404 && (took > pin / 2 || world.counts.has("removeBlob: deleted"))) return "blob went meanwhile";
  if (put.status !== 503)
    world.violations.push(`push to ${repository}: ${put.status} after ${took} ms ${put.bytes.toString()}`);
  return `answered ${put.status}`;
}

/** Uploads or mounts a layer where it is not there. */
export async function ensureBlob(world: StressWorld, repository: string, layer: string): Promise<void> {
  const digest = digestOf(Buffer.from(layer));
  const path = `/v2/${repository}/blobs`;
  if ((await call(world, "HEAD", `${path}/${digest}`)).status === 200) return;
  const mount = randomInt(2) === 0 ? `?mount=${digest}&from=${repositoryOf(world)}` : "";
  const post = await call(world, "POST", `${path}/uploads/${mount}`);
  if (post.status === 201) return;
  const isFull = (status: number) => world.quotas === true && status === 403;
  if (isFull(post.status)) return;
  if (post.status !== 202) throw new Gone(`an upload was not opened: ${post.status}`);
  let { location } = post;
  if (randomInt(4) === 0) {
    const half = Math.floor(layer.length / 2);
    const patch = await call(world, "PATCH", location, layer.slice(0, half));
    if (isFull(patch.status)) return;
    if (patch.status !== 202) throw new Gone(`a chunk was not taken: ${patch.status}`);
    location = patch.location;
    const put = await call(world, "PUT", `${location}?digest=${digest}`, layer.slice(half));
    if (put.status !== 201 && put.status !== 503 && !isFull(put.status))
      world.violations.push(`PUT of a chunked upload: ${put.status}`);
    return;
  }
  const put = await call(world, "PUT", `${location}?digest=${digest}`, layer);
  if (put.status !== 201 && put.status !== 503 && !isFull(put.status))
    world.violations.push(`PUT of an upload: ${put.status} ${put.bytes.toString()}`);
}

async function retag(world: StressWorld): Promise<string> {
  const repository = repositoryOf(world);
  const got = await call(world, "GET", `/v2/${repository}/manifests/${tagOf(world)}`);
  if (got.status !== 200) return "nothing there";
  const path = `/v2/${repository}/manifests/${tagOf(world)}`;
  const put = await call(world, "PUT", path, got.bytes.toString(), imageType);
  return put.status === 201 ? "moved" : `answered ${put.status}`;
}

async function removeTag(world: StressWorld): Promise<string> {
  const path = `/v2/${repositoryOf(world)}/manifests/${tagOf(world)}`;
  return (await call(world, "DELETE", path)).status === 202 ? "deleted" : "nothing there";
}

async function removeManifest(world: StressWorld): Promise<string> {
  const repository = repositoryOf(world);
  const got = await call(world, "GET", `/v2/${repository}/manifests/${tagOf(world)}`);
  if (got.status !== 200) return "nothing there";
  const { status } = await call(world, "DELETE", `/v2/${repository}/manifests/${digestOf(got.bytes)}`);
  return status === 202 ? "deleted" : "nothing there";
}

/** One time in four; else nothing is asked, and nothing counts. */
export async function removeBlob(world: StressWorld): Promise<string | undefined> {
  if (randomInt(4) !== 0) return undefined;
  const path = `/v2/${repositoryOf(world)}/blobs/${digestOf(Buffer.from(some(world.layers)))}`;
  const { status } = await call(world, "DELETE", path);
  return status === 202 ? "deleted" : status === 405 ? "in use" : "nothing there";
}

/** What a manifest that is there names must be there. */
export async function pull(world: StressWorld): Promise<string> {
  const repository = repositoryOf(world);
  const got = await call(world, "GET", `/v2/${repository}/manifests/${tagOf(world)}`);
  if (got.status !== 200) return "nothing there";
  const manifest = `/v2/${repository}/manifests/${digestOf(got.bytes)}`;
  type Listed = readonly { readonly digest: string }[];
  const { layers = [], manifests = [] } = JSON.parse(got.bytes.toString()) as { layers?: Listed; manifests?: Listed };
  const parts = [
    ...layers.map(({ digest }) => ({ digest, kind: "blobs" })),
    ...manifests.map(({ digest }) => ({ digest, kind: "manifests" })),
  ];
  for (const { digest, kind } of parts) {
    // Others may delete the manifest, and push it again, at any time; five times between two looks they do not.
    for (let attempt = 0; ; attempt++) {
      const blob = await call(world, "GET", `/v2/${repository}/${kind}/${digest}`);
      if (blob.status === 200) {
        if (digestOf(blob.bytes) !== digest) world.violations.push(`${digest} in ${repository} has other bytes`);
        break;
      }
      if ((await call(world, "GET", manifest)).status !== 200) return "deleted meanwhile";
      if (attempt < 5) continue;
      world.violations.push(`${manifest} is there, its part ${digest} is not: ${blob.status}`);
      break;
    }
  }
  return "whole";
}
