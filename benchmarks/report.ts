import { spawnSync } from "node:child_process";
import { cpus, release, totalmem } from "node:os";
import { berthProgram } from "./registries.ts";
import { resultsOf, spreadOf } from "./summary.ts";
import type { Spread } from "./summary.ts";
import type { Metrics, Target, Work } from "./work.ts";

/** A work with what its rounds gave. */
export interface Outcome {
  readonly work: Work;
  readonly rounds: readonly ReadonlyMap<string, Metrics>[];
  /** When and of which commit. */
  readonly run: string;
  /** Cases that could not run, with the reason. */
  readonly failures: readonly string[];
}

const shown = [
  ...["rate", "p50", "p99", "p99 off", "p99 on ÷ off", "pushes/s", "pushes/s off", "manifests/s alone"],
  ...["cpu", "ms", "MiB", "MB/s", "pushes"],
];
const headings: { readonly [metric: string]: string } = {
  p50: "p50 (ms)",
  p99: "p99 (ms)",
  cpu: "CPU (µs)",
  MiB: "MiB",
};

/** What a metric's numbers are for each case: median, lowest and highest. */
export function spreadsOf(outcome: Outcome, name: string): Record<string, Spread> {
  const spreads: Record<string, Spread> = {};
  const metrics = new Set(outcome.rounds.flatMap((round) => Object.keys(round.get(name) ?? {})));
  for (const metric of metrics) {
    const values = outcome.rounds.map((round) => round.get(name)?.[metric]).filter((value) => value !== undefined);
    spreads[metric] = spreadOf(values)!;
  }
  return spreads;
}

/** The outcome as a table in Markdown, with its targets below. */
export function tableOf(outcome: Outcome): string {
  const { work, rounds, failures } = outcome;
  const measured = work.cases.map((one) => ({ name: one.name, spreads: spreadsOf(outcome, one.name) }));
  const columns = shown.filter((metric) => measured.some(({ spreads }) => spreads[metric] !== undefined));
  const lines = [
    `### ${work.title}`,
    "",
    `| \`${work.name}\` | ${columns.map((metric) => headings[metric] ?? (metric === "rate" ? work.unit : metric)).join(" | ")} |`,
    `|---|${columns.map(() => "---:|").join("")}`,
  ];
  for (const { name, spreads } of measured) {
    if (Object.keys(spreads).length === 0) continue;
    lines.push(`| ${name} | ${columns.map((metric) => cell(spreads[metric])).join(" | ")} |`);
  }
  lines.push("", ...work.targets.map((target) => targetLine(target, outcome)));
  lines.push("", `${rounds.length} rounds (${outcome.run}). ${work.notes.map((note) => `${note}.`).join(" ")}`);
  for (const failure of failures) lines.push("", `Did not run: ${failure}`);
  return lines.join("\n");
}

function cell(spread: Spread | undefined): string {
  if (spread === undefined) return "";
  const { median, low, high } = spread;
  return low === high ? figure(median) : `${figure(median)} (${figure(low)}–${figure(high)})`;
}

export function figure(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString("en");
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

export interface Verdict {
  readonly text: string;
  readonly value: number;
  readonly bound: string;
  readonly met: boolean;
}

/** Whether a target is met; undefined where its cases did not run. */
export function judge(target: Target, outcome: Outcome): Verdict | undefined {
  const value = target.value(resultsOf(outcome.rounds));
  if (value === undefined) return undefined;
  const { atLeast, atMost, text } = target;
  const bound = atLeast === undefined ? `≤ ${atMost}` : `≥ ${atLeast}`;
  return { text, value, bound, met: value >= (atLeast ?? -Infinity) && value <= (atMost ?? Infinity) };
}

function targetLine(target: Target, outcome: Outcome): string {
  const verdict = judge(target, outcome);
  if (verdict === undefined) return `- ${target.text}: not measured`;
  const { text, value, bound, met } = verdict;
  return `- ${met ? "met" : "**missed**"}: ${text} ${figure(value)}, wanted ${bound.replace(/\d{4,}/, (n) => figure(Number(n)))}`;
}

/** Facts of the machine and of the programs, for the reader of the figures. */
export function machineFacts(): Record<string, string> {
  const commit = spawnSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).stdout.trim();
  return {
    date: new Date().toISOString().slice(0, 19).replace("T", " ") + " UTC",
    processor: `${cpus()[0]?.model ?? "unknown"}, ${cpus().length} cores, the client on the same ones`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `Linux ${release()}`,
    node: process.version,
    berth: `commit ${commit}, ${berthProgram().built ? "built package" : "sources (no build in dist/)"}`,
    peers: "docker-registry 2.8.2 (Debian), distribution 3.1.2, olareg 0.2.2",
  };
}

/** Reads back what {@link jsonOf} wrote. @throws Error when it is of other works */
export function outcomesOf(text: string, works: readonly Work[]): Outcome[] {
  const { works: rows } = JSON.parse(text) as {
    works: { name: string; run: string; raw: Record<string, Metrics>[]; failures: string[] }[];
  };
  return rows.map(({ name, run, raw, failures }) => {
    const work = works.find((one) => one.name === name);
    if (work === undefined) throw new Error(`no work is named ${name} any more`);
    return { work, run, rounds: raw.map((round) => new Map(Object.entries(round))), failures };
  });
}

export function jsonOf(outcomes: readonly Outcome[], facts: Record<string, string>): string {
  const rows = outcomes.map((outcome) => ({
    name: outcome.work.name,
    title: outcome.work.title,
    unit: outcome.work.unit,
    run: outcome.run,
    cases: Object.fromEntries(outcome.work.cases.map(({ name }) => [name, spreadsOf(outcome, name)])),
    raw: outcome.rounds.map((round) => Object.fromEntries(round)),
    targets: outcome.work.targets.map((target) => judge(target, outcome)).filter((verdict) => verdict !== undefined),
    failures: outcome.failures,
  }));
  return `${JSON.stringify({ facts, works: rows }, null, 1)}\n`;
}
