import type { Transaction } from "../../metadata/index.ts";
import type { RightsSource } from "../rights-source.ts";

/** Rights as the rows of this transaction say: nothing is remembered, and nothing changes between the look and the write. */
export function rightsWithin(tx: Transaction): RightsSource {
  return {
    metadata: { read: tx, generation: () => 0, alone: false },
    version: { current: () => 0, close: () => undefined },
    standings: new Map(),
  };
}
