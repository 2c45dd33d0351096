import {
  endRepositoryRights,
  pathsAbove,
  refuseOpening,
  renewRepositoryRights,
  requireVersion,
  runOnce,
} from "../../access/index.ts";
import type { Once, Permit } from "../../access/index.ts";
import {
  buryRepository,
  deleteRepositoryRow,
  findAnyManifest,
  insertRepository,
  renewSettings,
  shareSettings,
  takeRepository,
  updateRepository as updateRepositoryRow,
} from "../../metadata/index.ts";
import type { RepositoryRow, Transaction } from "../../metadata/index.ts";
import { versionOf } from "../../lib/index.ts";
import { RegistryError } from "../../oci/index.ts";
import type { UndoBounds } from "../../policy/index.ts";
import { settingsWithin } from "../read-settings.ts";
import { requireAllTags } from "../require-tag.ts";
import { requireUnheld } from "../require-unheld.ts";
import { requireUnused } from "../require-unused.ts";
import type { Insisting, Removed } from "../require-unused.ts";
import { moveToTemplate } from "./apply-template.ts";
import { checkRepository, goneRepository, makeRepository, opennessOf, record } from "./context.ts";
import { keepRepository, undoTerm } from "./keep-undo.ts";
import type { Purging } from "./keep-undo.ts";
import { moveWhole } from "./quotas/count-repository.ts";

/** `public`: anybody may pull; `private`: only who was granted it; `inherit`: as the namespace says. */
export type Visibility = "public" | "private" | "inherit";

export interface RepositoryInput {
  /** Name. */
  readonly repository: string;
  readonly permit: Permit;
}

/** Makes an empty repository. @throws RegistryError CONFLICT when it is there */
export async function createRepository(
  tx: Transaction,
  input: RepositoryInput & { readonly visibility: Visibility | undefined; readonly once: Once | undefined },
): Promise<{ readonly replayed: boolean }> {
  const { repository: name, permit } = input;
  return runOnce(tx, input.once, async () => {
    await tx.run(shareSettings, {});
    const visibility = input.visibility === undefined ? undefined : storedVisibility(input.visibility);
    const id = await makeRepository(tx, { name, permit, visibility });
    if (id === undefined) throw takenName(name);
    return { id };
  });
}

interface SeenInput extends RepositoryInput {
  /** States of it that the caller has seen, one of which it must have still; undefined where that does not matter. */
  readonly versions: readonly string[] | undefined;
}

export interface UpdateRepositoryInput extends SeenInput {
  readonly visibility: Visibility;
}

/** Sets who may pull. @throws RegistryError NAME_UNKNOWN, VERSION_CHANGED when it was changed since it was seen */
export async function updateRepository(tx: Transaction, input: UpdateRepositoryInput): Promise<void> {
  const { repository: name } = input;
  // Before the repository is locked, as those do who change a namespace.
  await tx.run(shareSettings, {});
  const row = await takeSeen(tx, input);
  const visibility = storedVisibility(input.visibility);
  if (visibility === row.visibility) return;
  await setVisibility(tx, row, visibility);
  const facts = { visibility: input.visibility, before: shownVisibility(row.visibility) };
  await record(tx, input, { action: "update-repository", target: name, event: "access.changed", facts });
  tx.touch(name);
}

/** Gives a repository a visibility of its own, or null to follow its namespace. @throws RegistryError DENIED where a namespace lets nothing be public */
export async function setVisibility(
  tx: Transaction,
  { id, name }: RepositoryRow,
  visibility: "public" | "private" | null,
): Promise<void> {
  if (visibility === "public") await refuseOpening(tx, pathsAbove(name));
  const open = await opennessOf(tx, name, visibility);
  await tx.run(updateRepositoryRow, { repository: id, name, public: open, visibility });
  await renewRepositoryRights(tx);
  await renewSettings(tx);
}

export interface RenameRepositoryInput extends SeenInput, Insisting {
  /** The new name, in the same namespace or in another. */
  readonly to: string;
}

/**
 * Gives a repository another name. All that it holds stays as it is, and so does what was granted on it; what its
 * namespace says is from now on what the new one says. A template that decides about the new name and not about the old one
 * gives what the repository does not say itself.
 * @throws RegistryError NAME_UNKNOWN, CONFLICT when there is one of that name, VERSION_CHANGED, DENIED also where a quota has no
 * room for it
 */
export async function renameRepository(tx: Transaction, input: RenameRepositoryInput): Promise<Removed> {
  const { repository: name, to } = input;
  await tx.run(shareSettings, {});
  const row = await takeSeen(tx, input);
  await requireAllTags(tx, row, "delete", input.permit.roles);
  await requireUnheld(tx, row, { kind: "name" });
  const used = await requireUnused(tx, row, { kind: "repository", act: "renamed" }, input);
  // Waits for another node that is making it, and finds out for certain whether the name is free.
  const placeholder = await tx.first(insertRepository, { name: to, public: 0, visibility: null, now: tx.now });
  if (placeholder === undefined) throw takenName(to);
  await tx.run(deleteRepositoryRow, { repository: placeholder.id });
  const template = await moveToTemplate(tx, row, to);
  const visibility = template.given.visibility ?? (row.visibility as "public" | "private" | null);
  const open = await opennessOf(tx, to, visibility);
  await tx.run(updateRepositoryRow, { repository: row.id, name: to, public: open, visibility });
  await renewRepositoryRights(tx);
  await requireAllTags(tx, { id: row.id, name: to }, "make", input.permit.roles);
  await record(tx, input, {
    action: "rename-repository",
    target: to,
    event: "repository.deleted",
    facts: { to, ...used.facts },
  });
  const facts = { from: name, ...template.facts };
  const made = { action: "rename-repository", target: name, event: "repository.created", facts };
  await record(tx, { ...input, repository: to }, made);
  await moveWhole(tx, row.id, { from: name, to });
  tx.touch(name);
  tx.touch(to);
  return { warnings: used.warnings };
}

export interface DeleteRepositoryInput extends SeenInput, Insisting, Purging {
  /** As an `UndoableContext` has it. */
  readonly undoWindow: UndoBounds;
  /** Only when it holds no manifest. */
  readonly onlyEmpty?: boolean | undefined;
}

/**
 * Takes a repository away at once; its name is free. What it held goes in the background, as `emptyRepository` does, once
 * it cannot be brought back.
 * @throws RegistryError NAME_UNKNOWN, VERSION_CHANGED when it was changed since it was seen, REFERENCED when it was to be empty
 * and is not
 */
export async function deleteRepository(tx: Transaction, input: DeleteRepositoryInput): Promise<Removed> {
  const { repository: name } = input;
  const { id } = await takeSeen(tx, input);
  if (input.onlyEmpty === true && (await tx.first(findAnyManifest, { repository: id })) !== undefined) {
    throw new RegistryError("REFERENCED", `the repository ${name} still contains images: delete them first`, {
      detail: { name },
    });
  }
  await requireAllTags(tx, { id, name }, "delete", input.permit.roles);
  await requireUnheld(tx, { id, name }, { kind: "repository" });
  const used = await requireUnused(tx, { id, name }, { kind: "repository", act: "deleted" }, input);
  const term = undoTerm(tx, await settingsWithin(tx, { id, name }), input);
  const undo = term === undefined ? undefined : await keepRepository(tx, term, { id, name });
  await tx.run(buryRepository, { repository: id, tombstone: `~${id}`, now: tx.now });
  await endRepositoryRights(tx, id, undo);
  await moveWhole(tx, id, { from: name, to: null });
  const action = input.purge === true ? "purge-repository" : "delete-repository";
  const change = { action, target: name, event: "repository.deleted", facts: used.facts };
  await record(tx, input, change);
  tx.touch(name);
  return { warnings: used.warnings };
}

/** The row, when it is as the caller has seen it. */
async function takeSeen(tx: Transaction, input: SeenInput): Promise<RepositoryRow> {
  const { repository: name, permit } = input;
  const row = await tx.first(takeRepository, { name });
  if (row === undefined) throw goneRepository(name);
  checkRepository(row.id, name, permit);
  requireVersion(input.versions, repositoryVersion(row));
  return row;
}

/** Names the state of a repository's settings. */
export function repositoryVersion({ id, name, visibility, public: open }: RepositoryRow): string {
  return versionOf([id, name, visibility, open]);
}

function storedVisibility(visibility: Visibility): "public" | "private" | null {
  return visibility === "inherit" ? null : visibility;
}

/** As it is shown. */
export function shownVisibility(visibility: string | null): Visibility {
  return visibility === "public" || visibility === "private" ? visibility : "inherit";
}

/** @param way out, as a sentence goes on after the colon */
export function takenName(name: string, way = "choose another name"): RegistryError {
  return new RegistryError("CONFLICT", `there is a repository ${name} already: ${way}`, {
    detail: { name },
  });
}
