import type { Metrics, Results } from "./work.ts";

export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function spreadOf(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined;
  return { median: median(values), low: Math.min(...values), high: Math.max(...values) };
}

/** The value below which `share` of the numbers lie. */
export function percentile(sorted: readonly number[] | Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** Results over rounds; a round holds the metrics of every case that ran in it. */
export function resultsOf(rounds: readonly ReadonlyMap<string, Metrics>[]): Results {
  const values = (name: string, metric: string) =>
    rounds.map((round) => round.get(name)?.[metric]).filter((value) => value !== undefined);
  const results: Results = {
    median: (name, metric) => spreadOf(values(name, metric))?.median,
    ratio: (name, other, metric) => ratioOf(rounds, name, other, metric)?.median,
    difference: (name, other, metric) => spreadOf(differencesOf(rounds, name, other, metric))?.median,
    best: (names, metric) => {
      const medians = names.map((name) => results.median(name, metric)).filter((value) => value !== undefined);
      return medians.length === 0 ? undefined : Math.max(...medians);
    },
  };
  return results;
}

/** Ratios of two cases, round by round. */
export function ratioOf(
  rounds: readonly ReadonlyMap<string, Metrics>[],
  name: string,
  other: string,
  metric: string,
): Spread | undefined {
  const ratios: number[] = [];
  for (const round of rounds) {
    const [one, two] = [round.get(name)?.[metric], round.get(other)?.[metric]];
    if (one !== undefined && two !== undefined && two > 0) ratios.push(one / two);
  }
  return spreadOf(ratios);
}

function differencesOf(
  rounds: readonly ReadonlyMap<string, Metrics>[],
  name: string,
  other: string,
  metric: string,
): number[] {
  const differences: number[] = [];
  for (const round of rounds) {
    const [one, two] = [round.get(name)?.[metric], round.get(other)?.[metric]];
    if (one !== undefined && two !== undefined) differences.push(one - two);
  }
  return differences;
}
