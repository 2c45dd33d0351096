import { authorize, authorizeDeleted, mayDeleted } from "../access/index.ts";
import type { Caller, Once, Permit } from "../access/index.ts";
import { listDeletedRepositories, readTime } from "../metadata/index.ts";
import { RegistryError } from "../oci/index.ts";
import type { RepositoryName } from "../oci/index.ts";
import type { Registry } from "./registry.ts";
import type { Insistence, Removed } from "./require-unused.ts";
import type { Visibility } from "./writes/repositories.ts";
import { noneLeft } from "./writes/restore-repository.ts";

/**
 * Makes an empty repository. To give it a visibility of its own takes manage-settings.
 * @param visibility undefined for what its template says, or else its namespace
 * @param once names the request, so that the same one changes nothing when it comes again
 * @throws RegistryError CONFLICT when it is there, and as `authorize` does
 */
export async function createRepository(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  visibility: Visibility | undefined,
  once?: Once,
): Promise<{ readonly replayed: boolean }> {
  const permit = await authorize(registry.access, caller, "create-repository", repository);
  if ((visibility ?? "inherit") !== "inherit") await authorize(registry.access, caller, "manage-settings", repository);
  return registry.metadata.write("createRepository", { repository, permit, visibility, once });
}

/**
 * Sets who may pull.
 * @param versions states of the repository that the caller has seen, as `inspectRepository` names them; undefined for any
 * @throws RegistryError NAME_UNKNOWN, VERSION_CHANGED
 */
export async function updateRepository(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  visibility: Visibility,
  versions: readonly string[] | undefined,
): Promise<void> {
  const permit = await authorize(registry.access, caller, "manage-settings", repository);
  await registry.metadata.write("updateRepository", { repository, permit, visibility, versions });
}

/**
 * Renames a repository, or moves it to another namespace, with all that it holds; grants on it go along. Uploads that are
 * under way become unknown. It takes delete-repository and pull here, and push and create-repository there.
 * @param force a maintainer insists, though something in it runs somewhere
 * @throws RegistryError NAME_UNKNOWN, CONFLICT when there is one of that name, VERSION_CHANGED, DENIED
 */
export async function renameRepository(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  to: RepositoryName,
  versions: readonly string[] | undefined,
  force = false,
): Promise<Removed> {
  const permit = await permitWhole(registry, caller, repository);
  // Whoever may not read it must not get it by moving it to where they may.
  await authorize(registry.access, caller, "pull", repository);
  const target = await authorize(registry.access, caller, "push", to);
  if (typeof target.repository === "number") {
    throw new RegistryError("CONFLICT", `there is a repository ${to} already: choose another name`, {
      detail: { name: to },
    });
  }
  refuseSomeTags(target, to);
  return registry.metadata.write("renameRepository", { repository, permit, to, versions, force });
}

/**
 * Deletes a repository with all that it holds: it is gone at once, its bytes later, and until then it can be brought back. One
 * that is made under its name is another. With `onlyEmpty` it goes only when it holds no manifest.
 * @throws RegistryError NAME_UNKNOWN, VERSION_CHANGED, DENIED, REFERENCED when it was to be empty and is not
 */
export async function deleteRepository(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  versions: readonly string[] | undefined,
  { force = false, purge = false, onlyEmpty = false }: Insistence & { readonly onlyEmpty?: boolean } = {},
): Promise<Removed> {
  const permit = await permitWhole(registry, caller, repository);
  if (purge) await permitPurge(registry, caller, repository);
  const { undoWindow } = registry.settings;
  const how = { force, purge, onlyEmpty, undoWindow };
  return registry.metadata.write("deleteRepository", { repository, permit, versions, ...how });
}

/**
 * Brings a deleted repository back as it was. It takes delete-repository where it was, by what is granted on namespaces, and
 * push and create-repository under the name that it gets; under another name also pull where it was.
 * @param to undefined for the name that it had
 * @param entry number of its deletion; undefined for the latest of that name
 * @throws RegistryError NOT_FOUND, CONFLICT when there is one of that name, DENIED
 */
export async function restoreRepository(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  to: RepositoryName = repository,
  entry?: number,
): Promise<void> {
  const permit = await authorizeDeleted(registry.access, caller, "delete-repository", repository);
  refuseSomeTags(permit, repository);
  // Whoever may not read it must not get it by taking it to where they may.
  if (to !== repository) await authorizeDeleted(registry.access, caller, "pull", repository);
  const target = await authorize(registry.access, caller, "push", to);
  const deletion = await findDeletion(registry, caller, repository, { entry, moves: to !== repository });
  refuseSomeTags(target, to);
  await registry.metadata.write("restoreRepository", { repository, permit, to, target, entry: deletion });
}

/**
 * Number of a deletion of which namespaces say that the caller may undo it that were there when it happened.
 * @param deletion `entry` undefined for the latest of that name; `moves` where it is to have another
 * @throws RegistryError NOT_FOUND
 */
async function findDeletion(
  { access, metadata: { read } }: Registry,
  caller: Caller,
  repository: RepositoryName,
  { entry, moves }: { readonly entry: number | undefined; readonly moves: boolean },
): Promise<number> {
  const { now } = (await read.first(readTime, {}))!;
  const before = entry === undefined ? Number.MAX_SAFE_INTEGER : entry + 1;
  const [row] = await read.all(listDeletedRepositories, { name: repository, before, now, limit: 1 });
  const found = row !== undefined && (entry === undefined || row.id === entry) ? row : undefined;
  const may = (action: "delete-repository" | "pull") =>
    found !== undefined && mayDeleted(access, caller.principal, action, { name: repository, at: found.at });
  if (found === undefined || !(await may("delete-repository")) || (moves && !(await may("pull")))) {
    throw noneLeft({ repository, entry });
  }
  return found.id;
}

/** To purge takes what owners have, for all tags. @throws RegistryError DENIED */
export async function permitPurge(registry: Registry, caller: Caller, repository: RepositoryName): Promise<void> {
  refuseSomeTags(await authorize(registry.access, caller, "manage-access", repository), repository);
}

async function permitWhole(registry: Registry, caller: Caller, repository: RepositoryName): Promise<Permit> {
  const permit = await authorize(registry.access, caller, "delete-repository", repository);
  refuseSomeTags(permit, repository);
  return permit;
}

/** A grant for some tags is none for all of them. @throws RegistryError DENIED */
function refuseSomeTags({ by, tags }: Permit, name: string): void {
  if (tags.length === 0) return;
  const message = `${by.principal} has a grant for some tags of ${name} only: this takes one for all`;
  throw new RegistryError("DENIED", message, { detail: { name, patterns: tags } });
}
