import {
  deleteOldPasses,
  findInstallation,
  lockInstallation,
  putCollectionPass,
  putInstallation,
} from "../../metadata/index.ts";
import type { Reader, Transaction } from "../../metadata/index.ts";

const day = 86_400_000;

/** Says how far a pass is; what processes of long ago said is forgotten. */
export async function noteCollectionPass(
  tx: Transaction,
  input: {
    /** `host:pid` */
    readonly node: string;
    /** For how long it has been under way, in milliseconds. */
    readonly took: number;
    readonly ended: boolean;
    /** What it did until now. */
    readonly figures: object;
  },
): Promise<void> {
  const { node, took, ended, figures } = input;
  const endedAt = ended ? tx.now : null;
  const row = { node, beganAt: tx.now - Math.round(took), seenAt: tx.now, endedAt };
  await tx.run(putCollectionPass, { ...row, figures: JSON.stringify(figures) });
  await tx.run(deleteOldPasses, { before: tx.now - day });
}

/** What passes keep themselves to, each for itself. */
export type PacedKind = "rows" | "objects";

/** Further ahead than this nothing waits: the clock was set back. Milliseconds. */
const longestDebt = 60_000;

/**
 * Counts what a pass has done towards what all nodes together may do in a second.
 * @returns how long it is to wait before it does more, in milliseconds
 */
export async function owePace(
  tx: Transaction,
  { kind, count, rate }: { readonly kind: PacedKind; readonly count: number; readonly rate: number },
): Promise<{ readonly wait: number }> {
  const name = `collection-pace-${kind}`;
  const stored = Number((await tx.first(lockInstallation, { name }))?.value ?? 0);
  const from = stored > tx.now + longestDebt ? tx.now : Math.max(stored, tx.now);
  const free = from + Math.ceil((count * 1_000) / rate);
  await tx.run(putInstallation, { name, value: String(free) });
  return { wait: free - tx.now };
}

/** Row of the installation with the figures of the last count. */
const figuresName = "collection-figures";

/** Keeps what was counted. @param input `figures` is JSON */
export async function keepCollectionFigures(tx: Transaction, input: { readonly figures: string }): Promise<void> {
  await tx.run(putInstallation, { name: figuresName, value: input.figures });
}

/** What was counted last, as JSON. */
export async function findCollectionFigures(read: Reader): Promise<string | undefined> {
  return (await read.first(findInstallation, { name: figuresName }))?.value;
}
