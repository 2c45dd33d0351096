import { authorize, authorizeNamespace, boundsOf } from "../access/index.ts";
import type { Caller, Once } from "../access/index.ts";
import { findNamespace, listHolds as listHoldRows, listHoldsBelow } from "../metadata/index.ts";
import type { HoldRow } from "../metadata/index.ts";
import { RegistryError } from "../oci/index.ts";
import type { Digest, RepositoryName } from "../oci/index.ts";
import { findPermitted } from "./inspect-repository.ts";
import type { Registry } from "./registry.ts";

/** Where a page of holds begins, by their numbers, and how many it has at most. */
export interface HoldPage {
  readonly after: number;
  readonly limit: number;
}

/** Holds on a repository and on images in it, in the order in which they were set. @throws RegistryError NAME_UNKNOWN, and as `authorize` does for a delete */
export async function listHolds(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  page: HoldPage,
): Promise<readonly HoldRow[]> {
  const { id } = await findPermitted(registry, caller, "delete", repository);
  return registry.metadata.read.all(listHoldRows, { repository: id, ...page });
}

/** The same of all repositories below a namespace. @throws RegistryError NAMESPACE_UNKNOWN, and as `authorizeNamespace` does for a delete */
export async function listNamespaceHolds(
  { access, metadata: { read } }: Registry,
  caller: Caller,
  namespace: string,
  page: HoldPage,
): Promise<readonly HoldRow[]> {
  await authorizeNamespace(access, caller, "delete", namespace);
  if ((await read.first(findNamespace, { path: namespace })) === undefined) {
    throw new RegistryError("NAMESPACE_UNKNOWN", `there is no namespace ${namespace}: make it first`);
  }
  return read.all(listHoldsBelow, { ...boundsOf(namespace), ...page });
}

/**
 * Keeps an image with all that belongs to it, or a repository with all that is in it, from being deleted by anybody until
 * an owner releases it.
 * @param digest undefined for the whole repository
 * @throws RegistryError NAME_UNKNOWN, MANIFEST_UNKNOWN, CONFLICT, NOT_FOUND when it was released before the answer, and as `authorize` does for manage-access
 */
export async function setHold(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  { digest, reason }: { readonly digest: Digest | undefined; readonly reason: string },
  once?: Once,
): Promise<{ readonly hold: HoldRow; readonly replayed: boolean }> {
  const permit = await authorize(registry.access, caller, "manage-access", repository);
  const made = await registry.metadata.write("setHold", { repository, permit, digest, reason, once });
  const at = { repository: made.repository, after: made.hold - 1, limit: 1 };
  const [hold] = await registry.metadata.read.all(listHoldRows, at);
  if (hold?.id === made.hold) return { hold, replayed: made.replayed };
  throw new RegistryError("NOT_FOUND", `${repository} had the hold ${made.hold}, which was released since`, {
    detail: { name: repository, hold: made.hold },
  });
}

/** Releases a hold. @throws RegistryError NAME_UNKNOWN, NOT_FOUND, and as `authorize` does for manage-access */
export async function releaseHold(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  { hold, reason }: { readonly hold: number; readonly reason: string },
): Promise<void> {
  const permit = await authorize(registry.access, caller, "manage-access", repository);
  await registry.metadata.write("releaseHold", { repository, permit, hold, reason });
}
