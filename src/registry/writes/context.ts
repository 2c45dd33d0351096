import {
  beginRepositoryPolicy,
  beginRepositoryRights,
  findClosedAbove,
  parentOf,
  pathsAbove,
  refuseOpening,
} from "../../access/index.ts";
import type { Permit } from "../../access/index.ts";
import {
  findNearestNamespace,
  insertRepository,
  lockRepository,
  MetadataError,
  recordChange,
  shareSettings,
} from "../../metadata/index.ts";
import type { Transaction } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { describePlace, isTagAllowed, resolveSetting } from "../../policy/index.ts";
import type { SettingFact, UndoBounds } from "../../policy/index.ts";
import { readSettingFacts } from "../read-settings.ts";
import { findTemplateFor, giveSettings } from "./apply-template.ts";
import { keepEcrFacts } from "./keep-ecr-facts.ts";
import { countRepository } from "./quotas/count-content.ts";

/** What every write of the registry is told. */
export interface WriteContext {
  /** Name of the repository. */
  readonly repository: string;
  /** Who asks, and what was found allowed. */
  readonly permit: Permit;
  /** How long an answer to a pusher holds what it named back from collection, in milliseconds. */
  readonly pin: number;
}

/** The same of a write that can be undone. */
export interface UndoableContext extends WriteContext {
  /** What the server says of how long deletes and tag moves can be undone. */
  readonly undoWindow: UndoBounds;
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
    await tx.run(shareSettings, {});
    refuseCreation(name, await readSettingFacts(tx, { namespace: parentOf(name) }));
    const inserted = await makeRepository(tx, { name, permit, visibility: undefined, pushed: true });
    if (inserted !== undefined) return inserted;
  }
  throw new MetadataError("unavailable", `the repository ${name} comes and goes`);
}

/** @param facts of the places above @throws RegistryError DENIED where repositories are made by their own command only */
export function refuseCreation(name: string, facts: readonly SettingFact[]): void {
  const { value, at } = resolveSetting("repositoryCreation", facts);
  if (value === "on-push") return;
  const from = describePlace(at);
  const message = `there is no repository ${name}, and by the setting repositoryCreation of ${from} a push makes none: create it first (berth repository create ${name})`;
  throw new RegistryError("DENIED", message, { detail: { setting: "repositoryCreation", value, from } });
}

/** Whether anybody may pull from a repository of this name (1) or not (0); null follows its namespace. */
export async function opennessOf(
  tx: Transaction,
  name: string,
  visibility: "public" | "private" | null,
): Promise<0 | 1> {
  if (visibility === "private") return 0;
  const paths = pathsAbove(name);
  if (visibility === null && (await tx.first(findNearestNamespace, { paths }))?.public !== 1) return 0;
  return (await findClosedAbove(tx, paths)) === undefined ? 1 : 0;
}

/**
 * Makes a repository, after `shareSettings`: what the namespaces above say is true when this is committed. It begins with
 * what its template says; a visibility that is given goes before the template's, null follows the namespace. Undefined when
 * the name is taken. On PostgreSQL it waits for another node that is at the name.
 * @throws RegistryError DENIED also where a quota has no room for one more
 */
export async function makeRepository(
  tx: Transaction,
  of: {
    readonly name: string;
    readonly permit: Permit;
    readonly visibility: "public" | "private" | null | undefined;
    /** A push makes it: templates of ECR are for it, too. */
    readonly pushed?: boolean;
  },
): Promise<number | undefined> {
  const { name, permit } = of;
  const template = await findTemplateFor(tx, name, of.visibility === undefined ? [] : ["visibility"], of.pushed);
  const visibility = of.visibility === undefined ? (template.given.visibility ?? null) : of.visibility;
  if (visibility === "public") await refuseOpening(tx, pathsAbove(name));
  const open = await opennessOf(tx, name, visibility);
  const inserted = await tx.first(insertRepository, { name, public: open, visibility, now: tx.now });
  if (inserted === undefined) return undefined;
  await giveSettings(tx, inserted.id, template.given);
  if (template.ecr !== undefined) await keepEcrFacts(tx, inserted.id, template.ecr);
  await beginRepositoryRights(tx, name, inserted.id);
  // Who was allowed to look for it when it was not there is asked again.
  tx.touch(name);
  const facts = { visibility, ...template.facts };
  const change = { action: "create-repository", target: name, event: "repository.created", facts };
  await record(tx, { repository: name, permit }, change);
  const { policy } = template;
  if (policy !== undefined) await beginRepositoryPolicy(tx, permit.by, { id: inserted.id, name }, policy, policy.from);
  await countRepository(tx, name);
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
