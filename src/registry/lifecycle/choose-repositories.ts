import { setImmediate } from "node:timers/promises";
import { authorize, boundsOf, findReach } from "../../access/index.ts";
import type { Caller } from "../../access/index.ts";
import { pageRepositories } from "../../metadata/index.ts";
import { parseRepositoryName, RegistryError } from "../../oci/index.ts";
import { matchesPattern } from "../../policy/index.ts";
import type { Action } from "../../policy/index.ts";
import type { Registry } from "../registry.ts";

/** Names that are looked at together. */
const page = 1_000;

/** A repository by its row. */
interface Chosen {
  readonly id: number;
  readonly name: string;
}

/**
 * The repositories that a pattern names and on which the caller may do this, in byte order; others are passed over.
 * @param pattern `*` stands for any characters
 * @throws RegistryError REQUEST_INVALID when there are more than `most`
 */
export async function chooseRepositories(
  registry: Registry,
  {
    caller,
    action,
    pattern,
    most,
  }: { readonly caller: Caller; readonly action: Action; readonly pattern: string; readonly most: number },
): Promise<readonly Chosen[]> {
  const { paths, repositories } = await findReach(registry.access, caller, action);
  const found = new Map<string, Chosen>();
  const take = async (one: Chosen) => {
    if (found.has(one.name) || !matchesPattern(pattern, one.name)) return;
    if (!(await isAllowed(registry, caller, action, one))) return;
    found.set(one.name, one);
    if (found.size <= most) return;
    const message = `more than ${most} repositories match ${pattern}: name fewer of them, such as those of one namespace`;
    throw new RegistryError("REQUEST_INVALID", message, { detail: { pattern, most } });
  };
  for (const one of repositories) await take(one);
  for (const path of paths) {
    const { first, before } = boundsOf(path);
    for (let after: string | undefined = first; after !== undefined;) {
      const rows: readonly Chosen[] = await registry.metadata.read.all(pageRepositories, {
        after,
        before,
        limit: page,
      });
      for (const row of rows) await take(row);
      after = rows.length < page ? undefined : rows.at(-1)!.name;
      await setImmediate();
    }
  }
  return [...found.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Asked of the repository itself, as its own routes do. */
async function isAllowed({ access }: Registry, caller: Caller, action: Action, { id, name }: Chosen): Promise<boolean> {
  try {
    const { repository } = await authorize(access, caller, action, parseRepositoryName(name));
    return repository === undefined || repository === id;
  } catch (error) {
    if (error instanceof RegistryError && /^(?:DENIED|UNAUTHORIZED|NAME_UNKNOWN)$/.test(error.code)) return false;
    throw error;
  }
}
