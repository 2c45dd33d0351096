import { setImmediate } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import {
  listBlobFacts,
  listBlobsOfEach,
  listChildrenOfEach,
  listHolds,
  listManifestFacts,
  listTagFacts,
  listUses,
  readTime,
} from "../../metadata/index.ts";
import type { BlobFactsRow, HoldRow, ManifestFactsRow, Reader, TagFactsRow, UseRow } from "../../metadata/index.ts";
import type { ImageDecision, LifecyclePlan, PlanDifference, SeenManifest, TagSettings } from "../../policy/index.ts";
import { readReports } from "../require-unused.ts";
import type { ManifestRows } from "./build-facts.ts";
import type { LifecycleDocument } from "./compile-policy.ts";

/** What is to be planned. */
export interface PlanInput {
  /** Row of the repository. */
  readonly id: number;
  /** Its name as patterns of the policy see it. */
  readonly repository: string;
  /** A checked policy. */
  readonly document: LifecycleDocument;
  /** Another that it is compared with; null for none. */
  readonly current: LifecycleDocument | null;
  /** The time to judge at, milliseconds since 1970. */
  readonly now: number;
  /** What holds for its tags. */
  readonly settings: TagSettings;
  /** Whether it is told what those that go looked like. */
  readonly watch: boolean;
}

/** A plan, and what the other policy would have done differently. */
export interface MadePlan {
  readonly plan: LifecyclePlan;
  readonly difference: PlanDifference | null;
  /** For each image that goes, in their order: what it looked like, and then what goes along; empty unless it was asked. */
  readonly seen: readonly (readonly SeenManifest[])[];
}

export type ImageChange = "goes" | "stays" | null;

/** Some images of a plan, in their order. */
export interface PlanPage {
  readonly images: readonly ImageDecision[];
  /** Of each image, what it does by this policy and not by the one that it is compared with; null for the same. */
  readonly changes: readonly ImageChange[];
  /** As {@link MadePlan} has them, of those of these images that go. */
  readonly seen: MadePlan["seen"];
}

/** What a plan comes to. */
export type PlanSums = Omit<LifecyclePlan, "images"> & { readonly difference: PlanDifference | null };

/** Who takes a plan page by page: the next comes when the last was taken, so that no more than one is here. */
export interface PlanTaker {
  readonly take: (page: PlanPage) => Promise<void> | void;
  /** Told how many manifests have been read. A plan ends with what it throws. */
  readonly look?: (manifests: number) => Promise<void>;
}

/** To the planning thread. */
export type PlanOrder =
  | ManifestRows
  | { readonly tags: readonly TagFactsRow[] }
  | { readonly blobFacts: readonly BlobFactsRow[] }
  | { readonly holds: readonly HoldRow[] }
  | { readonly uses: readonly UseRow[] }
  | Omit<PlanInput, "id">
  | { readonly next: true };

/** From it; the last one has `sums`. */
export type PlanReply = PlanPage | { readonly sums: PlanSums };

/** Rows of a page. */
const page = 1000;

/** Plans that are being made: one at a time in a process, since a large one takes some hundred MiB. */
let last: Promise<unknown> = Promise.resolve();

/** Plans a repository as {@link planInPages} does, and gives the plan whole. */
export async function planApart(read: Reader, input: PlanInput): Promise<MadePlan> {
  const images: ImageDecision[] = [];
  const seen: (readonly SeenManifest[])[] = [];
  const { difference, ...sums } = await planInPages(read, input, {
    take(page) {
      for (const image of page.images) images.push(image);
      for (const family of page.seen) seen.push(family);
    },
  });
  return { plan: { images, ...sums }, difference, seen };
}

/**
 * Plans a repository in a thread of its own. Facts are read page by page, never the bytes of manifests; what changes
 * meanwhile may be seen or not.
 */
export function planInPages(read: Reader, input: PlanInput, taker: PlanTaker): Promise<PlanSums> {
  const made = last.then(() => planNow(read, input, taker));
  last = made.catch(() => undefined);
  return made;
}

async function planNow(read: Reader, { id, ...order }: PlanInput, { take, look }: PlanTaker): Promise<PlanSums> {
  const file = import.meta.url.endsWith(".ts") ? "./plan-thread.ts" : "./plan-thread.js";
  const worker = new Worker(new URL(file, import.meta.url));
  const send = (message: PlanOrder) => worker.postMessage(message);
  try {
    const made = new Promise<PlanSums>((resolve, reject) => {
      const takeNext = async (page: PlanPage) => {
        await take(page);
        send({ next: true });
      };
      worker.on("message", (reply: PlanReply) => {
        if ("sums" in reply) resolve(reply.sums);
        else takeNext(reply).catch(reject);
      });
      worker.on("error", reject);
      worker.on("exit", (code) => reject(new Error(`the planning thread ended with ${code}`)));
    });
    // Told below; a fault before that must not go unseen.
    made.catch(() => undefined);
    await sendFacts(read, { id, name: order.repository }, send, look);
    send(order);
    return await made;
  } finally {
    await worker.terminate();
  }
}

async function sendFacts(
  read: Reader,
  { id: repository, name }: { readonly id: number; readonly name: string },
  send: (order: PlanOrder) => void,
  look: PlanTaker["look"],
): Promise<void> {
  const { now } = (await read.first(readTime, {}))!;
  const reports = [...(await readReports(read, name, now)).keys()];
  const blobs = new Set<number>();
  let count = 0;
  for (let after: string | undefined = ""; after !== undefined;) {
    const manifests: readonly ManifestFactsRow[] = await read.all(listManifestFacts, {
      repository,
      after,
      limit: page,
    });
    const ids = manifests.map(({ id }) => id);
    const indexes = manifests.filter(({ kind }) => kind === "index").map(({ id }) => id);
    const children = indexes.length === 0 ? [] : await read.all(listChildrenOfEach, { manifests: indexes });
    const needed = ids.length === 0 ? [] : await read.all(listBlobsOfEach, { manifests: ids });
    for (const { blob_id } of needed) blobs.add(blob_id);
    send({ manifests, children, blobs: needed });
    if (reports.length > 0) {
      const digests = manifests.map(({ digest }) => digest);
      send({ uses: await read.all(listUses, { reports, digests, repository: name }) });
    }
    after = manifests.length < page ? undefined : manifests.at(-1)!.digest;
    count += manifests.length;
    // Requests come in between pages.
    await look?.(count);
    await setImmediate();
  }
  for (let after: string | undefined = ""; after !== undefined;) {
    const tags: readonly TagFactsRow[] = await read.all(listTagFacts, { repository, after, limit: page });
    send({ tags });
    after = tags.length < page ? undefined : tags.at(-1)!.name;
    await setImmediate();
  }
  send({ holds: await read.all(listHolds, { repository, after: 0, limit: page }) });
  const all = [...blobs];
  for (let start = 0; start < all.length; start += page) {
    send({ blobFacts: await read.all(listBlobFacts, { repository, blobs: all.slice(start, start + page) }) });
    await setImmediate();
  }
}
