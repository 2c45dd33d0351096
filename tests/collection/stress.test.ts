import { expect, test } from "vitest";
import { collectUnderLoad } from "../stress/collect-under-load.ts";

test(
  "collection under load, with kills, takes nothing that is in use and leaves nothing that is not",
  { timeout: 900_000 },
  async () => {
    const result = await collectUnderLoad({
      ...{ operations: 4_000, time: 30_000, clients: 8, killEvery: 3_000 },
      least: { operations: 301, time: 600_000 },
    });
    expect(result).toMatchObject({ violations: [], integrity: [], numbers: [0, 0, 0, 0], left: [] });
    expect(result.operations).toBeGreaterThan(300);
    console.log(`${result.operations} operations, ${result.kills} kills in ${result.seconds} s`);
  },
);
