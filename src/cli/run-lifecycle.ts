import { setTimeout } from "node:timers/promises";
import type { AnswerOf, lifecycleRunEndpoints } from "../contract/index.ts";
import { askPages, askServer, changeSeen, RefusedError } from "./ask-server.ts";
import type { Server } from "./ask-server.ts";
import { CommandError, usageError } from "./command-error.ts";
import { exitCodes } from "./exit-codes.ts";
import { chooseRepositories, numberOf, readPolicy, roughSize } from "./lifecycle-words.ts";
import { openContext } from "./open-context.ts";
import type { ServerFlags } from "./open-context.ts";
import { parsePlace } from "./parse-scope.ts";
import { layTable, printResult } from "./print-result.ts";
import type { Output } from "./print-result.ts";

type Run = AnswerOf<typeof lifecycleRunEndpoints.getLifecycleRun>;
type Image = AnswerOf<typeof lifecycleRunEndpoints.listLifecycleRunImages>["items"][number];

interface Flags extends ServerFlags {
  readonly output: Output;
}

/** What `berth lifecycle run` is told besides the repository. */
export interface RunFlags extends Flags {
  readonly confirm?: string;
  readonly wait?: true;
}

/** Between two looks at a run, in milliseconds. */
const lookEvery = 500;

/** `berth lifecycle run` @returns 1 when one that was waited for did not do all */
export async function runLifecycle(
  env: NodeJS.ProcessEnv,
  pattern: string,
  { output, confirm, wait, ...place }: RunFlags,
): Promise<number> {
  if (confirm !== undefined && pattern.includes("*")) throw usageError("--confirm is for one repository: name it");
  const body = confirm === undefined ? {} : { confirm: numberOf(confirm) };
  const { server } = await openContext(env, place);
  const runs: Run[] = [];
  for (const name of await chooseRepositories(server, pattern)) {
    const asked = askServer(server, "startLifecycleRun", { parameters: { name } as never, body });
    const run = await asked.catch((error: unknown) => {
      // Of several repositories, those without a policy are passed over.
      if (pattern.includes("*") && error instanceof RefusedError && error.problem.code === "NOT_FOUND")
        return undefined;
      throw error;
    });
    if (run !== undefined) runs.push(run);
  }
  if (runs.length === 0) throw new CommandError(`no lifecycle policy holds for any repository that matches ${pattern}`);
  const shown = wait === true ? await Promise.all(runs.map((run) => awaitEnd(server, run))) : runs;
  await printRuns(output, shown);
  return wait === true && shown.some(({ state }) => state !== "done") ? exitCodes.failed : exitCodes.done;
}

async function awaitEnd(server: Server, { run }: Run): Promise<Run> {
  for (;;) {
    const now = await askRun(server, run);
    if (!/^(?:waiting|planning|deleting)$/.test(now.state)) return now;
    await setTimeout(lookEvery);
  }
}

function askRun(server: Server, run: number): Promise<Run> {
  return askServer(server, "getLifecycleRun", { parameters: { run } as never });
}

/** `berth lifecycle runs` @param repository undefined for all of the server */
export async function listLifecycleRuns(
  env: NodeJS.ProcessEnv,
  repository: string | undefined,
  { output, limit, ...place }: Flags & { readonly limit?: string },
): Promise<number> {
  const most = limit === undefined ? 100 : numberOf(limit);
  const { server } = await openContext(env, place);
  const runs = await Array.fromAsync(
    repository === undefined
      ? askPages(server, "listLifecycleRuns", {}, most)
      : askPages(server, "listRepositoryLifecycleRuns", { parameters: { name: repository } }, most),
  );
  await printRuns(output, runs as Run[]);
  return exitCodes.done;
}

/** `berth lifecycle show` */
export async function showLifecycleRun(
  env: NodeJS.ProcessEnv,
  text: string,
  { output, ...place }: Flags,
): Promise<number> {
  const run = numberOf(text);
  const { server } = await openContext(env, place);
  const shown = await askRun(server, run);
  const pages = askPages(server, "listLifecycleRunImages", { parameters: { run } }, Infinity);
  const images = (await Array.fromAsync(pages)) as Image[];
  const heading = ["STATE", "TAGS", "DIGEST", "PUSHED", "FREES", "ALONG", "WHY"];
  const table = layTable([heading, ...images.map(cellsOf)])
    .trimEnd()
    .split("\n");
  const rows = [[sentenceOf(shown)], ...table.map((line) => [line])];
  await printResult(output, { value: { ...shown, images }, rows });
  return exitCodes.done;
}

/** `berth lifecycle set` @param place `team/` is a namespace, `team/app` a repository */
export async function setLifecycle(
  env: NodeJS.ProcessEnv,
  text: string,
  { output, file, ...place }: Flags & { readonly file: string },
): Promise<number> {
  const { namespace, repository, tag } = parsePlace(text);
  if (tag !== undefined) throw usageError("a policy is of a namespace or repository: leave the tag out");
  const lifecycle = await readPolicy(file);
  const { server } = await openContext(env, place);
  const body = { set: { lifecycle } };
  const { items } = (await (repository === undefined
    ? changeSeen(server, "changeNamespaceSettings", { parameters: { path: namespace }, body })
    : changeSeen(server, "changeRepositorySettings", { parameters: { name: repository }, body }))) as {
    readonly items: readonly { readonly key: string; readonly from: string }[];
  };
  const set = items.find(({ key }) => key === "lifecycle")!;
  await printResult(output, { value: set, rows: [[`The lifecycle policy of ${set.from} is set`]] });
  return exitCodes.done;
}

async function printRuns(output: Output, runs: readonly Run[]): Promise<void> {
  const heading = ["RUN", "REPOSITORY", "STATE", "PLANNED", "DELETED", "SAVED", "FREED", "BY", "STARTED", "OUTCOME"];
  const rows = runs.map((run) => {
    const counts = [run.planned, run.deleted, run.saved].map(String);
    const ends = [
      run.pendingUntil === null ? roughSize(run.bytes) : `${roughSize(run.bytes)} by ${run.pendingUntil.slice(0, 10)}`,
      run.createdBy,
      run.createdAt.slice(0, 16).replace("T", " "),
      run.outcome ?? "-",
    ];
    return [String(run.run), run.repository, run.state, ...counts, ...ends];
  });
  await printResult(output, { value: runs, heading, rows });
}

function sentenceOf({ run, repository, state, outcome, planned, kept, from, createdBy }: Run): string {
  const policy = from === null ? "" : `, by the policy of ${from}`;
  return `Run ${run} of ${repository} for ${createdBy} is ${state}: ${planned} of ${planned + kept} images to go${policy}${outcome === null ? "" : `; ${outcome}`}`;
}

function cellsOf({ state, tags, digest, pushedAt, bytes, along, reason, note }: Image): string[] {
  const names = tags.length > 3 ? `${tags.slice(0, 3).join(", ")} and ${tags.length - 3} more` : tags.join(", ");
  const why = note === null ? reason : `${reason}, but ${note}`;
  return [state, names || "-", digest.slice(0, 19), pushedAt.slice(0, 10), roughSize(bytes), String(along.length), why];
}
