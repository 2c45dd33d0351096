import { afterAll, expect, test } from "vitest";
import { needPeers } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";
import { governUnderLoad } from "../stress/governance/govern-under-load.ts";

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

test.for(["one node with SQLite", "two nodes with PostgreSQL"] as const)(
  "under load, with kills, %s: lifecycle, undo, quotas, holds, reports of use and webhooks keep what they promise",
  { timeout: 1_200_000 },
  async (kind, context) => {
    if (kind === "two nodes with PostgreSQL") needPeers(context, "postgresql");
    const result = await governUnderLoad({
      ...{ operations: 1_500, time: 30_000, clients: 6, killEvery: 6_000 },
      // A slow machine goes on until these are answered.
      least: { operations: 200, time: 600_000 },
      postgres: kind === "two nodes with PostgreSQL" ? postgres : undefined,
    });
    expect(result).toMatchObject({ violations: [], integrity: [], numbers: [0, 0, 0, 0], left: [] });
    expect(result.operations).toBeGreaterThan(50);
    expect(result.figures["promises that an image stays"]).toBeGreaterThan(0);
    console.log(JSON.stringify(result));
  },
);
