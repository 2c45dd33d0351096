import { execFileSync } from "node:child_process";
import { appendFileSync } from "node:fs";
import { expect } from "vitest";
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
 * Checks what the restarts after a fault cost, and says how long they took. What is promised is 2 s to the first answer
 * on a machine that has nothing else to do, so it is processor time that is held to it; and the middle one of it, since
 * on cores that are shared the same work takes up to twice the time now and then.
 */
export function checkRestarts(restarts: readonly BerthProcess[]): string {
  const times = restarts.map((restart) => restart.startTime);
  const cost = median(restarts.map((restart) => restart.startCost));
  expect(cost).toBeLessThan(2_000);
  return `restart ${median(times).toFixed(0)} ms (median), ${Math.max(...times).toFixed(0)} ms (longest), ${cost.toFixed(0)} ms of processor time`;
}

/** The value in the middle. */
function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
}
