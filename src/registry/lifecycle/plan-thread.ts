import { parentPort } from "node:worker_threads";
import { comparePlans, planLifecycle, tiesOf } from "../../policy/index.ts";
import type { ImageDecision, LifecyclePolicy, RepositoryFacts, SeenManifest } from "../../policy/index.ts";
import { GrowingFacts } from "./build-facts.ts";
import { compilePolicy } from "./compile-policy.ts";
import type { KeptDecision, PlanInput, PlanOrder, PlanReply } from "./plan-apart.ts";
import { imagesOfPage } from "./planned-image.ts";

/*
 * Plans one repository: facts come page by page, then the order to plan, and the plan goes back page by page as it is taken, so
 * that the thread that serves is never held for long and never has all of it.
 */

const port = parentPort!;
const facts = new GrowingFacts();
let replies: Iterator<PlanReply, undefined> | undefined;

port.on("message", (order: PlanOrder) => {
  if ("manifests" in order) facts.addManifests(order.manifests);
  else if ("blobs" in order) facts.addBlobs(order.blobs);
  else if ("uses" in order) facts.addUses(order.uses);
  else if ("holds" in order) facts.addHolds(order.holds);
  else {
    if ("settings" in order) replies = plan(order);
    port.postMessage(replies!.next().value);
  }
});

function* plan(order: Omit<PlanInput, "id">): Generator<PlanReply, undefined> {
  const { document, current, repository, now, settings, watch } = order;
  const known = facts.finish(repository, settings);
  const policy = compilePolicy(document);
  const { images, ...sums } = planLifecycle(known, policy, now);
  const other = current === null ? undefined : planLifecycle(known, compilePolicy(current), now);
  const difference = other === undefined ? null : comparePlans(other, { images, ...sums });
  const [goes, stays] = [new Set(difference?.goes), new Set(difference?.stays)];
  const changeOf = (digest: string) => (goes.has(digest) ? "goes" : stays.has(digest) ? "stays" : null);
  const look = watch ? lookFor(known, policy) : undefined;
  for (let start = 0; start < images.length; start += imagesOfPage) {
    const some = images.slice(start, start + imagesOfPage);
    const seen = look === undefined ? [] : some.filter(({ outcome }) => outcome !== "kept").map(look);
    const kept = some.map((image): KeptDecision => ({ ...image, change: changeOf(image.digest) }));
    yield { images: JSON.stringify(kept), count: kept.length, seen };
  }
  yield { sums: { ...sums, difference } };
}

/** What an image, and then what goes along, looks like. */
function lookFor(known: RepositoryFacts, policy: LifecyclePolicy): (image: ImageDecision) => readonly SeenManifest[] {
  const { owners, members } = tiesOf(known, policy);
  const rows = facts.rows();
  const places = new Map(rows.map(({ digest }, place) => [digest, place]));
  const idsOf = (list: readonly number[] | undefined) => (list ?? []).map((place) => rows[place]!.id);
  const describe = (digest: string): SeenManifest => {
    const place = places.get(digest)!;
    const { id, pulledAt, pinUntil, archivedAt, activatedAt } = rows[place]!;
    const ties = { owners: idsOf(owners.get(place)), members: idsOf(members.get(place)) };
    return { id, digest, pulledAt, pinUntil, archivedAt, activatedAt, tags: known.images[place]!.tags, ...ties };
  };
  return ({ digest, along }) => [digest, ...along].map(describe);
}
