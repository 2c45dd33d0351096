import { parentPort } from "node:worker_threads";
import { comparePlans, planLifecycle, tiesOf } from "../../policy/index.ts";
import type { ImageDecision, LifecyclePolicy, RepositoryFacts, SeenManifest } from "../../policy/index.ts";
import { GrowingFacts } from "./build-facts.ts";
import { compilePolicy } from "./compile-policy.ts";
import type { PlanInput, PlanOrder, PlanReply } from "./plan-apart.ts";

/*
 * Plans one repository: facts come page by page, then the order to plan, and the plan goes back page by page, so that the
 * thread that serves is never held for long.
 */

const port = parentPort!;
const facts = new GrowingFacts();
const page = 1000;

port.on("message", (order: PlanOrder) => {
  if ("manifests" in order) facts.add(order);
  else if ("tags" in order) facts.addTags(order.tags);
  else if ("blobFacts" in order) facts.addBlobs(order.blobFacts);
  else if ("uses" in order) facts.addUses(order.uses);
  else if ("holds" in order) facts.addHolds(order.holds);
  else plan(order);
});

function plan({ document, current, repository, now, settings, watch }: Omit<PlanInput, "id">): void {
  const known = facts.finish(repository, settings);
  const policy = compilePolicy(document);
  const { images, ...sums } = planLifecycle(known, policy, now);
  const other = current === null ? undefined : planLifecycle(known, compilePolicy(current), now);
  const difference = other === undefined ? null : comparePlans(other, { images, ...sums });
  for (let start = 0; start < images.length; start += page) {
    port.postMessage({ images: images.slice(start, start + page) } satisfies PlanReply);
  }
  if (watch) sendSeen(known, policy, images);
  port.postMessage({ sums, difference } satisfies PlanReply);
}

function sendSeen(known: RepositoryFacts, policy: LifecyclePolicy, images: readonly ImageDecision[]): void {
  const { owners, members } = tiesOf(known, policy);
  const rows = facts.rows();
  const places = new Map(rows.map(({ digest }, place) => [digest, place]));
  const idsOf = (list: readonly number[] | undefined) => (list ?? []).map((place) => rows[place]!.id);
  const describe = (digest: string): SeenManifest => {
    const place = places.get(digest)!;
    const { id, pulled_at: pulledAt, pin_until: pinUntil } = rows[place]!;
    const ties = { owners: idsOf(owners.get(place)), members: idsOf(members.get(place)) };
    return { id, digest, pulledAt, pinUntil, tags: known.images[place]!.tags, ...ties };
  };
  const expired = images.filter(({ outcome }) => outcome === "expired");
  for (let start = 0; start < expired.length; start += page) {
    const seen = expired.slice(start, start + page).map(({ digest, along }) => [digest, ...along].map(describe));
    port.postMessage({ seen } satisfies PlanReply);
  }
}
