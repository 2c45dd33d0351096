import type { Permit } from "../../access/index.ts";
import { findNearestNamespace, findRepository, insertRepository, recordChange } from "../../metadata/index.ts";
import type { Transaction } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { isTagAllowed } from "../../policy/index.ts";

/** What every write of the registry is told. */
export interface WriteContext {
  /** Name of the repository. */
  readonly repository: string;
  /** Who asks, and what was found allowed. */
  readonly permit: Permit;
  /** How long an answer to a pusher holds what it named back from collection, in milliseconds. */
  readonly pin: number;
}

/**
 * Id of the repository, made if it is not there and the caller may.
 * @throws RegistryError NAME_UNKNOWN when it is another than the one that rights were asked about
 */
export async function ensureRepository(
  tx: Transaction,
  { repository: name, permit }: Pick<WriteContext, "repository" | "permit">,
): Promise<number> {
  const found = await tx.first(findRepository, { name });
  if (found !== undefined) return checkRepository(found.id, name, permit);
  if (!permit.mayCreate) throw goneRepository(name);
  const paths = namespacesOf(name);
  const inherited = (await tx.first(findNearestNamespace, { paths }))?.public ?? 0;
  const inserted = await tx.first(insertRepository, { name, public: inherited, now: tx.now });
  if (inserted !== undefined) {
    const change = { action: "create-repository", repository: name, target: name, event: "repository.created" };
    await recordChange(tx, permit.by, change);
    return inserted.id;
  }
  // Another node was quicker; its row is committed now, since the insert waited for it.
  return (await tx.first(findRepository, { name }))!.id;
}

/** Id of a repository that is there. @throws RegistryError NAME_UNKNOWN */
export async function getRepository(
  tx: Transaction,
  { repository: name, permit }: Pick<WriteContext, "repository" | "permit">,
): Promise<number> {
  const found = await tx.first(findRepository, { name });
  if (found === undefined) throw goneRepository(name);
  return checkRepository(found.id, name, permit);
}

/** Rights that were asked about a repository are none on another that has its name since. */
function checkRepository(id: number, name: string, { repository }: Permit): number {
  if (typeof repository === "number" && repository !== id) throw goneRepository(name);
  return id;
}

function goneRepository(name: string): RegistryError {
  return new RegistryError("NAME_UNKNOWN", `there is no repository ${name}`, { detail: { name } });
}

/** The namespaces above a repository, the root among them. */
function namespacesOf(name: string): string[] {
  const parts = name.split("/").slice(0, -1);
  return ["", ...parts.map((_, index) => parts.slice(0, index + 1).join("/"))];
}

/** @throws RegistryError DENIED for a tag that the caller's grant does not reach */
export function checkTags({ permit }: Pick<WriteContext, "permit">, tags: readonly string[]): void {
  const refused = tags.find((tag) => !isTagAllowed(permit.tags, tag));
  if (refused === undefined) return;
  const patterns = permit.tags.map((list) => list.join(", ")).join("; ");
  const message = `${permit.by.principal} may not change the tag ${refused}: its grant is for tags like ${patterns}`;
  throw new RegistryError("DENIED", message, { detail: { tag: refused, patterns: permit.tags } });
}

/** When a pin that begins now runs out, and up to a minute later, so that not all reviews come due at once. */
export function afterPin(now: number, pin: number): number {
  return now + pin + Math.floor(Math.random() * Math.min(60_000, pin / 20));
}

/** Audit row and event of one change. */
export function record(
  tx: Transaction,
  { repository, permit }: Pick<WriteContext, "repository" | "permit">,
  change: { readonly action: string; readonly target: string; readonly event?: string; readonly facts?: object },
): Promise<void> {
  return recordChange(tx, permit.by, { ...change, repository });
}
