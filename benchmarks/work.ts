import type { RegistryName, Server } from "./registries.ts";

/** What one measurement gave, by name: `rate` (a second), `p50`, `p99` (ms), `cpu` (µs of the server for each unit), … */
export type Metrics = { readonly [name: string]: number };

/** Where a case runs. */
export interface Lab {
  /** A shorter run with smaller counts, to look whether something changed. */
  readonly quick: boolean;
  /** Seconds that a load lasts. */
  readonly seconds: number;
  /** The case's own folder. */
  readonly folder: string;
  /** Starts the case's registry on the folder; the caller stops it. */
  start(): Promise<Server>;
}

/** Servers that a registry needs, and how it finds them. */
export interface Beside {
  /** Settings as environment variables. */
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** One registry under one load. */
export interface Case {
  readonly name: string;
  readonly registry: RegistryName;
  /** Adds 2 ms to every fsync. */
  readonly slowSync?: boolean;
  /** Starts what the registry needs beside it, afresh for each round; undefined where that is not installed. */
  readonly beside?: () => Promise<Beside | undefined>;
  /** Fills the folder once, for all rounds. Without it each round gets a fresh folder. */
  readonly prepare?: (lab: Lab) => Promise<void>;
  /** Rounds that it takes part in at most; all without it. */
  readonly rounds?: number;
  /** Measures once; the server was started for it and is stopped afterwards. */
  readonly measure: (server: Server, lab: Lab) => Promise<Metrics>;
}

/** What is to be reached. */
export interface Target {
  readonly text: string;
  /** Worked out from the medians and from the ratios of cases that ran in the same round. */
  readonly value: (results: Results) => number | undefined;
  readonly atLeast?: number;
  readonly atMost?: number;
}

export interface Results {
  /** Median of a metric over the rounds. */
  median(name: string, metric: string): number | undefined;
  /** Median over the rounds of a case's metric divided by another's. */
  ratio(name: string, other: string, metric: string): number | undefined;
  /** Median over the rounds of a case's metric less another's. */
  difference(name: string, other: string, metric: string): number | undefined;
  /** The best median of a metric among cases. */
  best(names: readonly string[], metric: string): number | undefined;
}

/** A row of the table: cases that run in turn, round after round. */
export interface Work {
  readonly name: string;
  readonly title: string;
  /** What `rate` counts. */
  readonly unit: string;
  /** Said under the table: how the data came about, what the client does. */
  readonly notes: readonly string[];
  readonly cases: readonly Case[];
  readonly targets: readonly Target[];
}
