import { noteRobotUse, noteTokenUse } from "../../metadata/index.ts";
import type { Transaction } from "../../metadata/index.ts";

/** When tokens and robots were last used, by number; milliseconds since 1970. Nobody's rights change by it. */
export async function noteUses(
  tx: Transaction,
  input: {
    readonly tokens: readonly (readonly [number, number])[];
    readonly robots: readonly (readonly [number, number])[];
  },
): Promise<void> {
  // In one order, so that two nodes do not wait for each other.
  const inOrder = (some: readonly (readonly [number, number])[]) => some.toSorted(([a], [b]) => a - b);
  for (const [token, at] of inOrder(input.tokens)) await tx.run(noteTokenUse, { token, at });
  for (const [robot, at] of inOrder(input.robots)) await tx.run(noteRobotUse, { robot, at });
}
