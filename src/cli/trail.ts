import { once } from "node:events";
import { open } from "node:fs/promises";
import type { TrailEntry } from "../access/index.ts";
import { readConfig } from "../config.ts";
import { parseDuration } from "../lib/index.ts";
import { CommandError, usageError } from "./command-error.ts";
import type { Composition, OpenTrail } from "./composition.ts";
import { exitCodes } from "./exit-codes.ts";
import type { GivenFlags } from "./flags.ts";
import { printResult } from "./print-result.ts";
import type { Output } from "./print-result.ts";
import { Progress } from "./progress.ts";

/** Which rows `berth trail show` prints. */
export interface ShowFlags {
  readonly principal?: string;
  readonly action?: string;
  readonly decision?: string;
  readonly repository?: string;
  readonly since?: string;
  readonly until?: string;
  readonly limit?: string;
}

/** What `berth trail export` is told besides settings. */
export interface ExportFlags {
  readonly after?: string;
  readonly to?: string;
}

/** `berth trail show` */
export async function showTrail(
  composition: Composition,
  flags: GivenFlags,
  output: Output,
  { since, until, limit: wanted = "50", ...filter }: ShowFlags,
): Promise<number> {
  const limit = Number(wanted);
  if (!/^\d+$/.test(wanted) || limit < 1) throw usageError(`--limit is ${wanted}: give a number above 0`);
  const times = { since: parseTime("--since", since), until: parseTime("--until", until) };
  const entries: TrailEntry[] = [];
  await withTrail(composition, flags, async (trail) => {
    for await (const entry of trail.latest({ ...filter, ...times })) if (entries.push(entry) >= limit) break;
  });
  await printResult(output, {
    value: entries,
    heading: ["TIME", "WHO", "BY", "FROM", "WHAT", "ON", "DECISION", "WHY"],
    rows: entries.map((entry) => [
      entry.at,
      entry.principal,
      entry.credential ?? "",
      entry.address ?? "",
      entry.times === 1 ? entry.action : `${entry.action} (${entry.times} times)`,
      [entry.repository, entry.target === entry.repository ? "" : entry.target].filter((text) => text !== "").join(" "),
      entry.decision ?? "",
      entry.reason ?? "",
    ]),
  });
  return exitCodes.done;
}

/** `berth trail verify` */
export async function verifyTrail(
  composition: Composition,
  flags: GivenFlags,
  output: Output,
  noted: string | undefined,
): Promise<number> {
  if (noted !== undefined && !/^[1-9]\d*:[0-9a-f]{64}$/.test(noted)) {
    throw usageError("--noted is no head: give number and hash as `berth trail verify` printed them, 12:3fa9…");
  }
  const progress = new Progress();
  const found = await withTrail(composition, flags, (trail) =>
    trail.verify({ noted, progress: (rows) => progress.show("rows compared", rows) }),
  ).finally(() => progress.end());
  const { broken } = found;
  const where = broken && (broken.row === undefined ? `seal ${broken.seal}` : `row ${broken.row}, seal ${broken.seal}`);
  await printResult(output, {
    value: { ...found, broken: broken ?? null },
    rows: [
      ["rows compared", String(found.rows)],
      ["seals", String(found.seals)],
      ["rows removed by retention", String(found.removed)],
      ["rows that wait for a seal", String(found.unsealed)],
      ["head", found.head],
      ["chain", broken === undefined ? "holds" : `broken at ${where}: ${broken.what}`],
    ],
  });
  return broken === undefined ? exitCodes.done : exitCodes.found;
}

/** Rows asked for at once. */
const page = 500;

/** `berth trail export` */
export async function exportTrail(
  composition: Composition,
  flags: GivenFlags,
  { after = "", to }: ExportFlags,
): Promise<number> {
  if (!/^(?:\d{1,15}\.\d{1,15})?$/.test(after)) {
    throw usageError(`--after is ${after}: give the cursor of the last row that you have, such as 12.3456`);
  }
  let cursor = after;
  let count = 0;
  await withTrail(composition, flags, async (trail) => {
    const target = await openTarget(to);
    try {
      for (;;) {
        const entries = await trail.after(cursor, page);
        if (entries.length === 0) return;
        await target.write(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
        cursor = entries.at(-1)!.cursor!;
        count += entries.length;
      }
    } finally {
      await target.close();
    }
  });
  const next = cursor === "" ? "" : `; for what comes later: --after ${cursor}`;
  process.stderr.write(`berth: ${count} ${count === 1 ? "row" : "rows"}${next}\n`);
  return exitCodes.done;
}

/** Standard output, or the end of a file. @throws CommandError when it cannot be written */
async function openTarget(to: string | undefined) {
  if (to === undefined) {
    const write = async (text: string) => void (process.stdout.write(text) || (await once(process.stdout, "drain")));
    return { write, close: () => Promise.resolve() };
  }
  const explain = ({ code }: NodeJS.ErrnoException) => {
    throw new CommandError(`${to} cannot be written (${code}): choose a file where you may write and there is room`);
  };
  const file = await open(to, "a", 0o600).catch(explain);
  return { write: (text: string) => file.appendFile(text).catch(explain), close: () => file.close() };
}

async function withTrail<T>(
  composition: Composition,
  flags: GivenFlags,
  work: (trail: OpenTrail) => Promise<T>,
): Promise<T> {
  const { config } = await readConfig(flags, process.env);
  const trail = await composition.openTrail(config);
  try {
    return await work(trail);
  } finally {
    await trail.close();
  }
}

/** Milliseconds since 1970 of a time, or of a duration before now. @throws CommandError */
function parseTime(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : timeAgo(text);
  if (!Number.isNaN(time)) return time;
  throw usageError(`${flag} is ${text}: give a time such as 2026-11-24T08:00:00Z, or how long ago, such as 12h`);
}

function timeAgo(text: string): number {
  try {
    return Date.now() - parseDuration(text);
  } catch {
    return NaN;
  }
}
