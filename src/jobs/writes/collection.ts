import { recordChange } from "../../metadata/index.ts";
import type { Attribution, Transaction } from "../../metadata/index.ts";
import { enqueueJob } from "./jobs.ts";

/** Names the handlers of passes that are asked for, and of counts of the store. */
export const collectKind = "collect-garbage";
export const countKind = "count-storage";

/** Puts a pass of collection in line, or only a count of the store; where one is under way, that one is it. */
export async function startCollection(
  tx: Transaction,
  { by, count }: { readonly by: Attribution; readonly count: boolean },
): Promise<{ readonly job: number; readonly joined: boolean }> {
  const kind = count ? countKind : collectKind;
  const about = count ? "what the store holds" : "garbage";
  const { id: job, joined } = await enqueueJob(tx, { kind, single: kind, about, input: {}, by: by.principal });
  if (!joined) {
    await recordChange(tx, by, { action: "run-collection", repository: "", target: `job ${job}`, facts: { count } });
  }
  return { job, joined };
}
