import { setImmediate } from "node:timers/promises";
import { boundsOf, findReach, isWithin, mayDeleted } from "../access/index.ts";
import type { Caller, Reach, RightsSource } from "../access/index.ts";
import {
  findRepository,
  listDeletedNames,
  listDeletedRepositories,
  listNamesWithUndoById,
  pageNamesWithUndo,
  listUndo as listUndoRows,
  readTime,
} from "../metadata/index.ts";
import type { Reader } from "../metadata/index.ts";
import { describeGivenUp } from "./quotas/inspect-quotas.ts";
import type { Registry } from "./registry.ts";
import { showUndo } from "./undo.ts";
import type { UndoEntry } from "./undo.ts";

/** Where a page of a list begins: after the entry `before` of `repository`, whose later ones were listed. */
export interface UndoPlace {
  readonly repository: string;
  readonly before: number;
}

/** What is looked at, and when. */
interface Look {
  readonly access: RightsSource;
  readonly caller: Caller;
  readonly read: Reader;
  readonly now: number;
  readonly live: Reach;
  readonly deleted: Reach;
  readonly namespace: string;
  readonly limit: number;
}

/**
 * What can be undone below a namespace, deleted repositories included: by the name of the repository, and in each the latest
 * first. Only what the caller may undo is looked for, so that the cost does not grow with what it may not see.
 */
export async function listUndoBelow(
  registry: Registry,
  caller: Caller,
  namespace: string,
  after: UndoPlace | undefined,
  limit: number,
): Promise<UndoEntry[]> {
  const { access, metadata } = registry;
  const { now } = (await metadata.read.first(readTime, {}))!;
  const look: Look = {
    ...{ access, caller, read: metadata.read, now, namespace, limit },
    live: await findReach(access, caller, "delete"),
    // Grants on it went with it: what is granted on namespaces decides.
    deleted: await findReach(access, caller, "delete-repository"),
  };
  const entries: UndoEntry[] = [];
  if (after !== undefined && isWithin(after.repository, namespace)) {
    entries.push(...(await listOf(look, after.repository, after.before)));
  }
  if (entries.length >= limit) return entries.slice(0, limit);
  for (let place = after?.repository ?? ""; ;) {
    const names = await listNames(look, place);
    for (const name of names) {
      entries.push(...(await listOf(look, name, Number.MAX_SAFE_INTEGER)));
      if (entries.length >= limit) return entries.slice(0, limit);
    }
    // Some may have nothing that the caller may see.
    if (names.length < limit) return entries;
    place = names.at(-1)!;
  }
}

/** Why some of what was deleted below a namespace is not in the list before its window ended, for whoever may undo all of it; in sentences. */
export async function noteUndoBelow(registry: Registry, caller: Caller, namespace: string): Promise<string[]> {
  const { paths } = await findReach(registry.access, caller, "delete");
  if (!paths.some((path) => isWithin(namespace, path))) return [];
  return [...(await describeGivenUp(registry.metadata.read, namespace === "" ? "x" : `${namespace}/x`))];
}

/** Names after one at which something can be undone, as many as a page can need. */
async function listNames(look: Look, after: string): Promise<string[]> {
  const { read, now, namespace, limit } = look;
  const names = new Set<string>();
  const add = (rows: readonly { readonly name: string }[]) => rows.forEach(({ name }) => names.add(name));
  for (const bounds of boundsWithin(look.live, namespace)) {
    add(await findNamesWithUndo(look, from(bounds, after)));
  }
  for (const bounds of boundsWithin(look.deleted, namespace)) {
    add(await read.all(listDeletedNames, { ...from(bounds, after), now, limit }));
  }
  const repositories = look.live.repositories.map(({ id }) => id);
  if (repositories.length > 0) {
    add(await read.all(listNamesWithUndoById, { ...from(boundsOf(namespace), after), repositories, now, limit }));
  }
  return [...names].toSorted((a, b) => (a < b ? -1 : 1)).slice(0, limit);
}

/** Names that are looked at in one statement: SQLite reads on the thread that answers requests. */
const namesAtOnce = 1_000;

/** Names within bounds of repositories in which something can be undone, as many as a page can need, however few of very many have it. */
async function findNamesWithUndo(
  { read, now, limit }: Look,
  { after: first, before }: { readonly after: string; readonly before: string },
): Promise<readonly { readonly name: string }[]> {
  const found: { readonly name: string }[] = [];
  for (let after = first; ;) {
    const page = await read.all(pageNamesWithUndo, { after, before, now, limit: namesAtOnce });
    found.push(...page.filter(({ undoable }) => undoable === 1));
    if (page.length < namesAtOnce || found.length >= limit) return found.slice(0, limit);
    after = page.at(-1)!.name;
    await setImmediate();
  }
}

function from({ first, before }: ReturnType<typeof boundsOf>, after: string) {
  return { after: after > first ? after : first, before };
}

/** Names that the caller reaches by namespaces, of those below one. */
function boundsWithin({ paths }: Reach, namespace: string): ReturnType<typeof boundsOf>[] {
  const within = paths.flatMap((path) =>
    isWithin(namespace, path) ? [namespace] : isWithin(path, namespace) ? [path] : [],
  );
  return [...new Set(within)].map(boundsOf);
}

/** Of one name: deleted repositories that had it, and what can be undone in the one that has it. */
async function listOf(look: Look, name: string, before: number): Promise<UndoEntry[]> {
  const { access, caller, read, now, limit, live, deleted } = look;
  const entries: UndoEntry[] = [];
  if (deleted.paths.some((path) => reaches(path, name))) {
    const rows = await read.all(listDeletedRepositories, { name, before, now, limit });
    for (const row of rows) {
      if (!(await mayDeleted(access, caller.principal, "delete-repository", { name, at: row.at }))) continue;
      entries.push(showUndo(name, { ...row, tags: null }));
    }
  }
  const row = await read.first(findRepository, { name });
  if (row === undefined || live.without.has(row.id)) return entries;
  if (live.paths.some((path) => reaches(path, name)) || live.repositories.some(({ id }) => id === row.id)) {
    const rows = await read.all(listUndoRows, { repository: row.id, before, now, limit });
    entries.push(...rows.map((one) => showUndo(name, one)));
  }
  return entries.toSorted((a, b) => b.id - a.id);
}

function reaches(path: string, name: string): boolean {
  return path === "" || name.startsWith(`${path}/`);
}
