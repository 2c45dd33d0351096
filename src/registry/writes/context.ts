import type { Permit } from "../../access/index.ts";
import {
  findNearestNamespace,
  insertRepository,
  lockRepository,
  MetadataError,
  recordChange,
} from "../../metadata/index.ts";
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

/** Times that a repository which another node makes or takes away is tried for. */
const attempts = 10;

/**
 * Id of the repository, made if it is not there and the caller may. It is neither deleted nor renamed until the transaction
 * ends.
 * @throws RegistryError NAME_UNKNOWN when it is another than the one that rights were asked about
 */
export async function ensureRepository(
  tx: Transaction,
  { repository: name, permit }: Pick<WriteContext, "repository" | "permit">,
): Promise<number> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const found = await tx.first(lockRepository, { name });
    if (found !== undefined) return checkRepository(found.id, name, permit);
    if (!permit.mayCreate) throw goneRepository(name);
    const inserted = await makeRepository(tx, { name, permit, visibility: null });
    if (inserted !== undefined) return inserted;
  }
  throw new MetadataError("unavailable", `the repository ${name} comes and goes`);
}

/** Whether anybody may pull from a repository that follows its namespace (1) or not (0). */
export async function inheritedPublic(tx: Transaction, name: string): Promise<number> {
  return (await tx.first(findNearestNamespace, { paths: namespacesOf(name) }))?.public ?? 0;
}

/** Makes a repository; undefined when the name is taken. On PostgreSQL it waits for another node that is at the name. */
export async function makeRepository(
  tx: Transaction,
  of: { readonly name: string; readonly permit: Permit; readonly visibility: "public" | "private" | null },
): Promise<number | undefined> {
  const { name, permit, visibility } = of;
  const open = visibility === null ? await inheritedPublic(tx, name) : Number(visibility === "public");
  const inserted = await tx.first(insertRepository, { name, public: open, visibility, now: tx.now });
  if (inserted === undefined) return undefined;
  const change = { action: "create-repository", target: name, event: "repository.created", facts: { visibility } };
  await record(tx, { repository: name, permit }, change);
  return inserted.id;
}

/** Id of a repository that is there, and stays so until the transaction ends. @throws RegistryError NAME_UNKNOWN */
export async function getRepository(
  tx: Transaction,
  { repository: name, permit }: Pick<WriteContext, "repository" | "permit">,
): Promise<number> {
  const found = await tx.first(lockRepository, { name });
  if (found === undefined) throw goneRepository(name);
  return checkRepository(found.id, name, permit);
}

/** Rights that were asked about a repository are none on another that has its name since. */
export function checkRepository(id: number, name: string, { repository }: Permit): number {
  if (typeof repository === "number" && repository !== id) throw goneRepository(name);
  return id;
}

/** There is none of this name. */
export function goneRepository(name: string): RegistryError {
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
