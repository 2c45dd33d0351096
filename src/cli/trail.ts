import { once } from "node:events";
import { open } from "node:fs/promises";
import type { TrailEntry, TrailPage } from "../access/index.ts";
import { readConfig } from "../config.ts";
import { parseDuration } from "../lib/index.ts";
import { CommandError, usageError } from "./command-error.ts";
import type { Composition, ReadTrail } from "./composition.ts";
import { exitCodes } from "./exit-codes.ts";
import type { GivenFlags } from "./flags.ts";
import type { ServerFlags } from "./open-context.ts";
import { printResult } from "./print-result.ts";
import type { Output } from "./print-result.ts";
import { Progress } from "./progress.ts";

/** Which rows `berth trail show` prints. */
export interface ShowFlags extends PlaceFlags {
  readonly principal?: string;
  readonly action?: string;
  readonly decision?: string;
  readonly repository?: string;
  readonly since?: string;
  readonly until?: string;
  readonly limit?: string;
}

/** Where the rows are: on a server where the user has logged in, or else on this machine. */
interface PlaceFlags extends ServerFlags {
  /** With a server: only rows of this namespace's repositories. */
  readonly namespace?: string;
}

/** What `berth trail export` is told besides settings. */
export interface ExportFlags extends PlaceFlags {
  readonly after?: string;
  readonly to?: string;
}

/** `berth trail show` */
export async function showTrail(
  composition: Composition,
  flags: GivenFlags,
  output: Output,
  { principal, action, decision, repository, since, until, limit: wanted = "50", ...place }: ShowFlags,
): Promise<number> {
  const limit = Number(wanted);
  if (!/^\d+$/.test(wanted) || limit < 1) throw usageError(`--limit is ${wanted}: give a number above 0`);
  const times = { since: parseTime("--since", since), until: parseTime("--until", until) };
  const filter = { principal, action, decision, repository, ...times };
  const entries: TrailEntry[] = [];
  await withTrail(composition, flags, place, async (trail) => {
    for await (const entry of trail.latest(filter)) if (entries.push(entry) >= limit) break;
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
  const trail = await composition.openTrail((await readConfig(flags, process.env)).config);
  const found = await trail
    .verify({ noted, progress: (rows) => progress.show("rows compared", rows) })
    .finally(() => (progress.end(), trail.close()));
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

/** `berth trail export` */
export async function exportTrail(
  composition: Composition,
  flags: GivenFlags,
  { after = "", to, ...place }: ExportFlags,
): Promise<number> {
  if (!/^(?:\d{1,15}\.\d{1,15})?$/.test(after)) {
    throw usageError(`--after is ${after}: give the cursor of the last row that you have, such as 12.3456`);
  }
  let cursor = after;
  let count = 0;
  await withTrail(composition, flags, place, async (trail) => {
    const target = await openTarget(to);
    try {
      for (let next: string | null = after; next !== null;) {
        const page: TrailPage = await trail.page(next);
        await target.write(page.entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
        count += page.entries.length;
        cursor = page.cursor ?? cursor;
        next = page.next;
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
  place: PlaceFlags,
  work: (trail: ReadTrail) => Promise<T>,
): Promise<T> {
  const trail = await openTrail(composition, flags, place);
  try {
    return await work(trail);
  } finally {
    await trail.close();
  }
}

async function openTrail(
  composition: Composition,
  flags: GivenFlags,
  { namespace, context, server }: PlaceFlags,
): Promise<ReadTrail> {
  if (context === undefined && server === undefined) {
    if (namespace !== undefined) throw usageError("--namespace is for a server: name it with --server or --context");
    return composition.openTrail((await readConfig(flags, process.env)).config);
  }
  const { openServerTrail } = await import("./server-trail.ts");
  return openServerTrail(process.env, { ...(context && { context }), ...(server && { server }) }, namespace);
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
