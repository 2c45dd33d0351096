import { findInstallation, putInstallation, recordChange } from "../../metadata/index.ts";
import type { Attribution, Reader, Transaction } from "../../metadata/index.ts";

/** Row of the installation that says that nothing is collected; empty when it is. */
const name = "collection-pause";

/** How long a pause lasts of which nobody says so, in milliseconds: one that is forgotten lets the disk fill. */
export const standardPause = 86_400_000;

/** Since when nothing is collected, until when, who said so, and why. */
export interface CollectionPause {
  /** `user:alice` */
  readonly by: string;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** When it ends by itself. */
  readonly until: number;
  readonly reason: string | null;
}

/** Pauses collection on all nodes; of one that is paused the end and the reason change. @param input `length` in milliseconds */
export async function pauseCollection(
  tx: Transaction,
  input: { readonly by: Attribution; readonly length: number; readonly reason: string | null },
): Promise<void> {
  const { by, length, reason } = input;
  const until = tx.now + length;
  const since = (await findStoredPause(tx, tx.now))?.since ?? tx.now;
  const pause: CollectionPause = { by: by.principal, since, until, reason };
  await tx.run(putInstallation, { name, value: JSON.stringify(pause) });
  const facts = { until: new Date(until).toISOString() };
  await recordChange(tx, by, { action: "pause-collection", repository: "", target: reason ?? "", facts });
}

/** Lets collection go on; where it does, nothing is changed. */
export async function resumeCollection(tx: Transaction, { by }: { readonly by: Attribution }): Promise<void> {
  if ((await findStoredPause(tx, tx.now)) === undefined) return;
  await tx.run(putInstallation, { name, value: "" });
  await recordChange(tx, by, { action: "resume-collection", repository: "", target: "" });
}

/** What the row says, unless its time is over. @param now milliseconds since 1970 */
export async function findStoredPause(read: Reader, now: number): Promise<CollectionPause | undefined> {
  const value = (await read.first(findInstallation, { name }))?.value ?? "";
  if (value === "") return undefined;
  const stored = JSON.parse(value) as Omit<CollectionPause, "until"> & { readonly until: number | null };
  // An earlier version let it have none.
  const pause = { ...stored, until: stored.until ?? stored.since + standardPause };
  return pause.until <= now ? undefined : pause;
}
