import { countRoots, holdParents, holdRepositoryName, shareSettings, weighManifest } from "../../../metadata/index.ts";
import type { Transaction } from "../../../metadata/index.ts";
import { quotasWithin } from "../../quotas/find-quotas.ts";
import type { CountedNamespace } from "../../quotas/find-quotas.ts";
import { bring, byAmount, grow, leave, shrink } from "./count-usage.ts";

/*
 * The hooks of quotas: each write that links, unlinks, makes or removes something calls one of these. Without a quota on the way to
 * the root they cost nothing but a look into memory.
 */

/** Whose, and what the statement that changed it found of the settings. */
export interface Counted {
  /** Name of the repository. */
  readonly name: string;
  readonly version?: string | null;
}

/** A repository has a blob, of so many bytes, that it did not have. @throws RegistryError DENIED, LostRace */
export async function countLink(
  tx: Transaction,
  of: Counted,
  blob: { readonly blob: number; readonly size: number },
): Promise<void> {
  const namespaces = await quotasWithin(tx, of);
  if (namespaces.length > 0) await bring(tx, namespaces, blob);
}

/** A repository has blobs no longer; their links are gone. */
export async function discountLinks(tx: Transaction, of: Counted, blobs: readonly number[]): Promise<void> {
  const namespaces = await quotasWithin(tx, of);
  if (namespaces.length === 0 || blobs.length === 0) return;
  const bytes = await leave(tx, namespaces, blobs);
  for (const { amount, namespaces: some } of byAmount(namespaces, bytes)) {
    await shrink(tx, some, { storage: amount, images: 0, repositories: 0 });
  }
}

/** A manifest that was pushed. */
export interface CountedManifest {
  readonly id: number;
  /** Bytes. */
  readonly size: number;
  readonly hasSubject: boolean;
  readonly children: readonly number[];
  readonly isTagged: boolean;
}

/** A repository has a manifest that it did not have; those that it lists are no images of their own any more. @throws RegistryError DENIED, LostRace */
export async function countManifest(tx: Transaction, of: Counted, manifest: CountedManifest): Promise<void> {
  const namespaces = await quotasWithin(tx, of);
  if (namespaces.length === 0) return;
  const { id, size, hasSubject, children, isTagged } = manifest;
  const images = (hasSubject ? 0 : 1) - (await countFreed(tx, children, id));
  await grow(tx, namespaces, { storage: size, images, repositories: 0, untagged: !isTagged });
}

/** How many of an index's children are images but for that index. */
async function countFreed(tx: Transaction, children: readonly number[], index: number): Promise<number> {
  if (children.length === 0) return 0;
  await tx.all(holdParents, { manifests: children });
  return Number((await tx.first(countRoots, { manifests: children, but: index }))!.images);
}

/** What a manifest that no index lists counts for, before it is removed; undefined where nothing is counted. */
export async function weigh(
  tx: Transaction,
  of: Counted,
  manifest: number,
  children: readonly number[],
): Promise<(() => Promise<void>) | undefined> {
  const namespaces = await quotasWithin(tx, of);
  if (namespaces.length === 0) return undefined;
  const row = (await tx.first(weighManifest, { manifest }))!;
  const freed = await countFreed(tx, children, manifest);
  return () => shrink(tx, namespaces, { storage: row.size, images: row.images - freed, repositories: 0 });
}

/** A repository was made. @throws RegistryError DENIED, LostRace */
export async function countRepository(tx: Transaction, name: string): Promise<void> {
  const namespaces: readonly CountedNamespace[] = await quotasWithin(tx, { name });
  await grow(tx, namespaces, { storage: 0, images: 0, repositories: 1 });
}

/**
 * What a repository is called, and is until the transaction ends, for those who do not come by its name. A deleted one has a name
 * that is in no namespace.
 */
export async function holdName(tx: Transaction, repository: number): Promise<string> {
  return (await tx.first(holdRepositoryName, { repository }))?.name ?? "";
}

/** Lets nobody begin to count, or end it, until the transaction ends. */
export async function shareQuotas(tx: Transaction): Promise<void> {
  await tx.run(shareSettings, {});
}
