import { findNamespace, findTokenRepository, nameRepositories } from "../metadata/index.ts";
import type { Reader } from "../metadata/index.ts";
import type { ScopeEntry } from "./principal.ts";

/** A part of a token's scope as it is now. */
export interface PresentEntry {
  /** The place as it is called now; as it was called when it is gone. */
  readonly entry: ScopeEntry;
  /** Its place was deleted, so that it reaches nothing: one that is made anew under the name is another. */
  readonly gone: boolean;
}

/** Where the scope of a token reaches now: places go by id, and have the names of the moment. */
export async function findPresent(read: Reader, token: number, scope: readonly ScopeEntry[]): Promise<PresentEntry[]> {
  const bound = await Promise.all(scope.map((entry) => bind(read, token, entry)));
  const ids = bound.flatMap(({ repository }) => (typeof repository?.id === "number" ? [repository.id] : []));
  const rows = ids.length === 0 ? [] : await read.all(nameRepositories, { repositories: ids });
  const names = new Map(rows.map(({ id, name }) => [id, name]));
  return Promise.all(
    bound.map(async (entry) => {
      const { namespace, repository } = entry;
      if (namespace !== undefined) {
        const row = await read.first(findNamespace, { path: namespace.path });
        return { entry, gone: row?.id !== namespace.id };
      }
      if (repository === undefined || repository.id === null) return { entry, gone: false };
      const name = names.get(repository.id);
      if (name === undefined) return { entry, gone: true };
      return { entry: { ...entry, repository: { id: repository.id, name } }, gone: false };
    }),
  );
}

/** What waited for a repository has its id once that is there. */
async function bind(read: Reader, token: number, entry: ScopeEntry): Promise<ScopeEntry> {
  const { repository } = entry;
  if (repository?.id !== null) return entry;
  const { name } = repository;
  const row = await read.first(findTokenRepository, { token, name });
  return typeof row?.repository_id === "number" ? { ...entry, repository: { id: row.repository_id, name } } : entry;
}
