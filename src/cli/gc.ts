import { once } from "node:events";
import { setTimeout } from "node:timers/promises";
import { readConfig } from "../config.ts";
import type { AnswerOf, jobEndpoints } from "../contract/index.ts";
import { parseDuration } from "../lib/index.ts";
import { askServer } from "./ask-server.ts";
import type { Server } from "./ask-server.ts";
import { usageError } from "./command-error.ts";
import { commandLog } from "./command-log.ts";
import type { Composition } from "./composition.ts";
import { exitCodes } from "./exit-codes.ts";
import type { GivenFlags } from "./flags.ts";
import { linesOf } from "./gc-lines.ts";
import type { ShownCollection } from "./gc-lines.ts";
import { roughSize } from "./lifecycle-words.ts";
import { openContext } from "./open-context.ts";
import type { ServerFlags } from "./open-context.ts";
import { printResult } from "./print-result.ts";
import type { Output } from "./print-result.ts";
import { Progress } from "./progress.ts";

type Job = AnswerOf<typeof jobEndpoints.getJob>;

/** What `berth gc` is told besides the stores. */
export interface PassFlags {
  readonly output: Output;
  readonly dryRun?: true;
  readonly why?: true;
}

/** What the words below `berth gc` are told besides. */
export interface StatusFlags extends ServerFlags {
  readonly output: Output;
}

export interface RunFlags extends StatusFlags {
  readonly count?: true;
  readonly wait?: true;
}

export interface PauseFlags extends StatusFlags {
  readonly for?: string;
  readonly reason?: string;
}

/** `berth gc`: one pass now */
export async function collect(composition: Composition, flags: GivenFlags, options: PassFlags): Promise<number> {
  const { output, dryRun = false, why = false } = options;
  if (why && !dryRun) throw usageError("--why changes nothing: give --dry-run as well");
  const { config } = await readConfig(flags, process.env);
  const done = await (dryRun ? composition.previewNow(config, commandLog) : composition.collectNow(config, commandLog));
  if (done.off !== undefined) process.stderr.write(`berth: collection is off: ${done.off}. ${cureOf(done)}\n`);
  if (why) await explain(composition, flags, output);
  const frees = "frees" in done ? (done.frees as { readonly removed: number; readonly condemned: number }) : undefined;
  const blobs = frees === undefined ? ["", ""] : [` (${roughSize(frees.removed)})`, ` (${roughSize(frees.condemned)})`];
  const kinds = ["manifest", "link", "blob"] as const;
  const sizes = (kind: string) => (kind === "blob" ? blobs : ["", ""]);
  await printSummary(output, why, {
    value: { dryRun, ...done, off: done.off ?? null },
    heading: ["WHAT", dryRun ? "WOULD GO" : "REMOVED", "SEEN UNUSED FIRST"],
    rows: [
      ...kinds.map((kind) => [
        `${kind}s`,
        `${done.removed[kind]}${sizes(kind)[0]}`,
        `${done.condemned[kind]}${sizes(kind)[1]}`,
      ]),
      ["deleted repositories", String(done.repositories), ""],
      ["uploads", String(done.uploads), ""],
      ["deletes and moves past undo", String(done.undo), ""],
      ["objects", `${done.objects} (${roughSize(done.bytes)})`, ""],
      ["orphaned objects given up", String(done.orphans), ""],
    ],
  });
  return done.off === undefined ? exitCodes.done : exitCodes.found;
}

function cureOf({ off, wished }: { readonly off: string | undefined; readonly wished: boolean }): string {
  if (!wished) return "If database and blob store belong together as they are now, run: berth restore acknowledge";
  if (off!.startsWith("the registry is read-only")) return "It goes on when that ends: berth maintenance read-only off";
  return "It goes on when that ends: berth gc resume";
}

/** Each object on a line of its own, as it is read: a store may hold millions. */
async function explain(composition: Composition, flags: GivenFlags, output: Output): Promise<void> {
  const { config } = await readConfig(flags, process.env);
  const yaml = output === "yaml" ? await import("yaml") : undefined;
  await composition.explainNow(config, commandLog, async (one) => {
    const text =
      yaml !== undefined
        ? `---\n${yaml.stringify(one)}`
        : output === "json"
          ? `${JSON.stringify(one)}\n`
          : `${one.state}  ${one.kind}  ${one.name}  ${one.bytes === null ? "?" : roughSize(one.bytes)}  ${one.repository ?? "-"}  ${one.why.join("; ")}\n`;
    if (!process.stdout.write(text)) await once(process.stdout, "drain");
  });
}

/** After the lines of {@link explain} the summary is a line, too. */
async function printSummary(output: Output, after: boolean, result: Parameters<typeof printResult>[1]): Promise<void> {
  if (after && output === "json")
    process.stdout.write(`${JSON.stringify({ kind: "summary", ...(result.value as object) })}\n`);
  else {
    if (after) process.stdout.write(output === "yaml" ? "---\n" : "\n");
    await printResult(output, result);
  }
}

/** `berth gc status` */
export async function showStatus(
  composition: Composition,
  flags: GivenFlags,
  { output, ...place }: StatusFlags,
): Promise<number> {
  const here = Object.values(flags).some((value) => value !== undefined);
  if (here && (place.context ?? place.server) !== undefined) {
    throw usageError("the stores of this machine, or a server: leave one of the two out");
  }
  const status = here
    ? await composition.inspectCollectionNow((await readConfig(flags, process.env)).config, commandLog)
    : await askServer((await openContext(process.env, place)).server, "getCollection");
  await printStatus(output, status);
  return exitCodes.done;
}

/** Between two looks at a job, in milliseconds. */
const lookEvery = 500;

/** `berth gc run` @returns 1 when a job that was waited for failed, 4 when it says that collection is off */
export async function runCollection(
  env: NodeJS.ProcessEnv,
  { output, count, wait, ...place }: RunFlags,
): Promise<number> {
  const { server } = await openContext(env, place);
  const started = await askServer(server, "startCollection", { body: count === true ? { count } : {} });
  const job = wait === true ? await awaitEnd(server, started) : started;
  const rows = [
    [`job ${job.id}`, job.state],
    ...Object.entries({ ...job.progress, ...job.result }).map(([name, value]) => [name, textOf(value)]),
    ...(job.error === null ? [] : [["error", job.error]]),
  ];
  await printResult(output, { value: job, rows });
  if (wait !== true) return exitCodes.done;
  if (job.state !== "done") return exitCodes.failed;
  return job.result?.["off"] === undefined ? exitCodes.done : exitCodes.found;
}

async function awaitEnd(server: Server, { id }: Job): Promise<Job> {
  const progress = new Progress();
  for (;;) {
    const job = await askServer(server, "getJob", { parameters: { job: id } });
    if (job.state === "done" || job.state === "dead") {
      progress.end();
      return job;
    }
    const { looked, counted, removed } = (job.progress ?? {}) as {
      readonly looked?: number;
      readonly counted?: number;
      readonly removed?: { readonly manifest: number };
    };
    if (counted !== undefined) progress.show("rows counted", counted);
    else if (looked !== undefined)
      progress.show(`rows looked at (${removed?.manifest ?? 0} manifests removed)`, looked);
    await setTimeout(lookEvery);
  }
}

function textOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  return Object.entries(value)
    .map(([name, part]) => `${name}=${String(part)}`)
    .join(" ");
}

/** `berth gc pause` */
export async function pauseCollection(
  env: NodeJS.ProcessEnv,
  { output, for: length, reason, ...place }: PauseFlags,
): Promise<number> {
  const seconds = length === undefined ? {} : { for: secondsOf(length) };
  const { server } = await openContext(env, place);
  const body = { ...seconds, ...(reason === undefined ? {} : { reason }) };
  await printStatus(output, await askServer(server, "pauseCollection", { body }));
  return exitCodes.done;
}

function secondsOf(text: string): number {
  let length = NaN;
  try {
    length = parseDuration(text);
  } catch {
    // Told of below.
  }
  if (length >= 1_000) return Math.round(length / 1_000);
  throw usageError(`--for is ${text}: give a duration of a second at least, such as 2h`);
}

/** `berth gc resume` */
export async function resumeCollection(env: NodeJS.ProcessEnv, { output, ...place }: StatusFlags): Promise<number> {
  const { server } = await openContext(env, place);
  await printStatus(output, await askServer(server, "resumeCollection"));
  return exitCodes.done;
}

async function printStatus(output: Output, status: ShownCollection): Promise<void> {
  await printResult(output, { value: status, rows: linesOf(status) });
}

/** `berth restore acknowledge` */
export async function acknowledge(composition: Composition, flags: GivenFlags, output: Output): Promise<number> {
  const { config } = await readConfig(flags, process.env);
  await composition.acknowledgeNow(config, commandLog);
  const text = "database and blob store are taken to belong together; collection goes on";
  await printResult(output, { value: { acknowledged: true }, rows: [[text]] });
  return exitCodes.done;
}
