import { execFileSync } from "node:child_process";
import { appendFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { startBerth } from "./berth-process.ts";
import type { BerthProcess } from "./berth-process.ts";

/** True when every point is to be taken, by `npm run faults -- --all`. */
export const takesAll = process.env["BERTH_FAULTS"] === "all";

/**
 * Every which point is taken, and from where: the offset changes with the commit, so that all are met in time.
 * @param every distance of the points in a short run
 */
export function choosePoints(every: number): { readonly first: number; readonly step: number } {
  if (takesAll) return { first: 1, step: 1 };
  const commit = execFileSync("git", ["rev-parse", "HEAD"], { cwd: import.meta.dirname, encoding: "utf8" });
  return { first: 1 + (Number.parseInt(commit.slice(0, 8), 16) % every), step: every };
}

/** Prints a figure, and keeps it for `docs/faults.md` when a file for it is named. */
export function report(what: string, figures: string): void {
  console.log(`${what}: ${figures}`);
  const path = process.env["BERTH_FAULTS_REPORT"];
  if (path !== undefined) appendFileSync(path, `${JSON.stringify({ what, figures })}\n`);
}

/**
 * Checks what the restarts after a fault cost, and says how long they took. What is promised is 2 s to the first answer,
 * and that depends on the machine; so each is held to starts with an empty directory, of the same program at the same
 * time: it is the middle one's processor time that may be half as much again, for what there is to repair.
 */
export async function checkRestarts(restarts: readonly BerthProcess[]): Promise<string> {
  const times = restarts.map((restart) => restart.startTime);
  const cost = median(restarts.map((restart) => restart.startCost));
  const fresh = await costOfFreshStart();
  expect(cost / fresh, `a restart takes ${cost} ms of processor time, a first start ${fresh} ms`).toBeLessThan(1.5);
  return `restart ${median(times).toFixed(0)} ms (median), ${Math.max(...times).toFixed(0)} ms (longest), ${cost.toFixed(0)} ms of processor time; a first start ${fresh.toFixed(0)} ms`;
}

/** The processor time of a start with an empty directory, in milliseconds; the median of three. */
async function costOfFreshStart(): Promise<number> {
  const costs: number[] = [];
  for (let round = 0; round < 3; round++) {
    const data = await mkdtemp(join(tmpdir(), "berth-fresh-"));
    const server = await startBerth(data);
    costs.push(server.startCost);
    await server.stop();
    await rm(data, { recursive: true, force: true });
  }
  return median(costs);
}

/** The value in the middle. */
function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
}
