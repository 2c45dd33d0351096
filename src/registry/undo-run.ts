import { attempt, authorize, authorizeDeleted } from "../access/index.ts";
import type { Caller } from "../access/index.ts";
import { findFormerName, listUndoOfRun, readTime } from "../metadata/index.ts";
import { parseRepositoryName, RegistryError } from "../oci/index.ts";
import type { RepositoryName } from "../oci/index.ts";
import type { Registry } from "./registry.ts";
import type { Undone } from "./writes/apply-undo.ts";

/** What of a run is there again. */
export interface UndoneRun {
  readonly run: number;
  readonly repository: string;
  readonly restored: readonly Undone[];
  /** What is not, and why; `tag` where only that is not. */
  readonly left: readonly { readonly target: string; readonly tag: string | null; readonly reason: string }[];
  /** Where to go on; null when all had its turn. */
  readonly next: number | null;
}

/** What has its turn in one transaction, and in one call, at most. */
const [batch, most] = [50, 500];

/**
 * Undoes what a lifecycle run deleted and what can be undone of that, some of it in a call, in small transactions: call it again
 * with `next`. What was undone stays so when a call breaks off, and the next one goes on with what is left.
 * @param after 0 begins
 * @throws RegistryError NOT_FOUND when nothing of it is left that the caller may undo; what one of its images is refused with is
 * in `left`
 */
export async function undoRun(registry: Registry, caller: Caller, run: number, after: number): Promise<UndoneRun> {
  const { repository, permit } = await findRun(registry, caller, run);
  const { pin, undoWindow } = registry.settings;
  const restored: Undone[] = [];
  const left: UndoneRun["left"][number][] = [];
  let next = after;
  // How many of the next have their turn alone, since one of them was refused.
  let alone = 0;
  for (let turns = 0; turns < most;) {
    const rows = await listNext(registry, run, next, alone > 0 ? 1 : batch);
    if (rows.length === 0) return { run, repository, restored, left, next: null };
    const entries = rows.map(({ id }) => id);
    const write = registry.metadata.write("undoRun", { repository, permit, pin, undoWindow, entries });
    const { target } = rows[0]!;
    try {
      const tried = { action: "undo", repository, target };
      const { undone, last } = await (alone > 0 ? attempt(registry.access, caller, tried, write) : write);
      for (const one of undone) {
        if (one.kind !== "tag" || one.tags.length > 0) restored.push(one);
        left.push(...one.left.map(({ tag, reason }) => ({ target: one.target, tag, reason })));
      }
      turns += entries.indexOf(last) + 1;
      next = last;
      if (alone > 0) alone--;
    } catch (error) {
      if (!(error instanceof RegistryError) || !/^(?:DENIED|CONFLICT|NOT_FOUND)$/.test(error.code)) throw error;
      if (alone === 0) {
        alone = entries.length;
        continue;
      }
      left.push({ target, tag: null, reason: error.message });
      next = entries[0]!;
      turns++;
      alone--;
    }
  }
  return { run, repository, restored, left, next };
}

async function listNext({ metadata: { read } }: Registry, run: number, after: number, limit: number) {
  const { now } = (await read.first(readTime, {}))!;
  return read.all(listUndoOfRun, { run, after, now, limit });
}

/** Where the run was, and what the caller may do there; what it may not see is not there. @throws RegistryError NOT_FOUND */
async function findRun(registry: Registry, caller: Caller, run: number) {
  const gone = new RegistryError("NOT_FOUND", `of a lifecycle run ${run} there is nothing left that you may undo`);
  const [row] = await listNext(registry, run, 0, 1);
  const found = row && (await registry.metadata.read.first(findFormerName, { repository: row.repository_id }));
  if (found === undefined) throw gone;
  const repository: RepositoryName = parseRepositoryName(found.name);
  try {
    if (found.deleted_at === null) {
      return { repository, permit: await authorize(registry.access, caller, "delete", repository) };
    }
    await authorizeDeleted(registry.access, caller, "delete", repository, found.deleted_at);
  } catch (error) {
    if (!(error instanceof RegistryError) || error.code !== "DENIED") throw error;
    throw gone;
  }
  const message = `the repository ${repository} was deleted after lifecycle run ${run}: bring it back first (berth undo repository ${repository})`;
  throw new RegistryError("NOT_FOUND", message, { detail: { name: repository } });
}
