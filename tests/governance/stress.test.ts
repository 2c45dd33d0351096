import { expect, test } from "vitest";
import { governUnderLoad } from "../stress/governance/govern-under-load.ts";

test(
  "under load, with kills: lifecycle, undo, quotas, holds, reports of use and webhooks keep what they promise",
  { timeout: 240_000 },
  async () => {
    const result = await governUnderLoad({ operations: 1_500, time: 30_000, clients: 6, killEvery: 6_000 });
    expect(result).toMatchObject({ violations: [], integrity: [], numbers: [0, 0, 0, 0], left: [] });
    expect(result.operations).toBeGreaterThan(50);
    expect(result.figures["promises that an image stays"]).toBeGreaterThan(0);
    console.log(JSON.stringify(result));
  },
);
