import { setImmediate } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { listHolds, listUses, readBlobFacts, readManifestFacts, readTime } from "../../metadata/index.ts";
import type { FactsPage, HoldRow, ManifestFactsRow, Reader, UseRow } from "../../metadata/index.ts";
import type { ImageDecision, LifecyclePlan, PlanDifference, SeenManifest, TagSettings } from "../../policy/index.ts";
import { readReports } from "../require-unused.ts";
import type { LifecycleDocument } from "./compile-policy.ts";
import { imagesOfPage } from "./planned-image.ts";

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
export interface MadePlan extends PlanSums {
  /** As {@link PlanPage.images}: all full but for the last one. */
  readonly pages: readonly string[];
  /** For each image that goes or is archived, in their order: what it looked like, and then what goes along; empty unless it was asked. */
  readonly seen: readonly (readonly SeenManifest[])[];
}

/** An image of a plan. `change`: what it does by this policy and not by the one that it is compared with; null for the same. */
export type KeptDecision = ImageDecision & { readonly change: "goes" | "stays" | null };

/** Some images of a plan, in their order. */
export interface PlanPage {
  /** JSON of {@link KeptDecision}s: most are kept, or never looked at here. */
  readonly images: string;
  /** How many. */
  readonly count: number;
  /** As {@link MadePlan} has them, of those of these images that go or are archived. */
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
  | { readonly manifests: FactsPage<string>["rows"] }
  | { readonly blobs: FactsPage<number>["rows"] }
  | { readonly holds: readonly HoldRow[] }
  | { readonly uses: readonly UseRow[] }
  | Omit<PlanInput, "id">
  | { readonly next: true };

/** From it; the last one has `sums`. */
export type PlanReply = PlanPage | { readonly sums: PlanSums };

/** Rows of a page. Those of manifests bring others with them: as many take some milliseconds of the serving thread. */
const page = 1000;
const manifestsOfPage = 500;

/** Plans that are being made: one at a time in a process, since a large one takes some hundred MiB. */
let last: Promise<unknown> = Promise.resolve();

/** Plans a repository as {@link planInPages} does, and gives the plan whole. */
export async function planApart(read: Reader, input: PlanInput): Promise<MadePlan> {
  const pages: string[] = [];
  const seen: (readonly SeenManifest[])[] = [];
  const sums = await planInPages(read, input, {
    take(page) {
      pages.push(page.images);
      for (const family of page.seen) seen.push(family);
    },
  });
  return { pages, ...sums, seen };
}

/** Images of a plan from a place on. */
export function readPlan({ pages }: Pick<MadePlan, "pages">, from: number, limit: number): KeptDecision[] {
  const first = Math.floor(from / imagesOfPage);
  const some = pages.slice(first, Math.ceil((from + limit) / imagesOfPage));
  const images = some.flatMap((page) => JSON.parse(page) as KeptDecision[]);
  return images.slice(from - first * imagesOfPage, from - first * imagesOfPage + limit);
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
  send({ holds: await read.all(listHolds, { repository, after: 0, limit: page }) });
  for (let after: number | null = 0; after !== null;) {
    const { rows, count, last }: FactsPage<number> = (await read.first(readBlobFacts, {
      repository,
      after,
      limit: page,
    }))!;
    send({ blobs: rows });
    after = count < page ? null : last;
    // Requests come in between pages.
    await setImmediate();
  }
  let seen = 0;
  for (let after: string | null = ""; after !== null;) {
    const { rows, count, last }: FactsPage<string> = (await read.first(readManifestFacts, {
      repository,
      after,
      limit: manifestsOfPage,
    }))!;
    send({ manifests: rows });
    if (reports.length > 0) {
      const digests = (JSON.parse(rows) as readonly ManifestFactsRow[]).map(([, digest]) => digest);
      send({ uses: await read.all(listUses, { reports, digests, repository: name }) });
    }
    after = count < manifestsOfPage ? null : last;
    seen += count;
    await look?.(seen);
    await setImmediate();
  }
}
