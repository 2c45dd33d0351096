import { parentPort } from "node:worker_threads";
import { comparePlans, planLifecycle } from "../../policy/index.ts";
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
  else if ("holds" in order) facts.addHolds(order.holds);
  else plan(order);
});

function plan({ document, current, repository, now }: Omit<PlanInput, "id">): void {
  const known = facts.finish(repository);
  const { images, ...sums } = planLifecycle(known, compilePolicy(document), now);
  const other = current === null ? undefined : planLifecycle(known, compilePolicy(current), now);
  const difference = other === undefined ? null : comparePlans(other, { images, ...sums });
  for (let start = 0; start < images.length; start += page) {
    port.postMessage({ images: images.slice(start, start + page) } satisfies PlanReply);
  }
  port.postMessage({ sums, difference } satisfies PlanReply);
}
