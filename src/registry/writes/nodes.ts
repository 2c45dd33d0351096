import { deleteNode, deleteOldNodes, findNode, putNode } from "../../metadata/index.ts";
import type { Reader, Transaction } from "../../metadata/index.ts";

/** A process that has not said anything for this long is gone, in milliseconds; it speaks every second. */
const silence = 4_000;
const day = 86_400_000;

/** A process says that it is there; long silent ones are forgotten. */
export async function putHeartbeat(tx: Transaction, input: { readonly node: string }): Promise<void> {
  await tx.run(putNode, { id: input.node, now: tx.now });
  await tx.run(deleteOldNodes, { before: tx.now - day });
}

/** A process leaves in order. */
export async function removeNode(tx: Transaction, input: { readonly node: string }): Promise<void> {
  await tx.run(deleteNode, { id: input.node });
}

/** Whether the process that holds something has died. Null is the only process there is: it has not. */
export async function isNodeGone(tx: Reader & { readonly now: number }, node: string | null): Promise<boolean> {
  if (node === null) return false;
  const found = await tx.first(findNode, { id: node });
  return found === undefined || found.seen_at < tx.now - silence;
}
