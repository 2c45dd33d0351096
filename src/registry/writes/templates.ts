import { requireVersion } from "../../access/index.ts";
import {
  deleteTemplate as deleteTemplateRow,
  findNamespace,
  findTemplate,
  listTemplates,
  lockSettings,
  putTemplate as putTemplateRow,
  recordChange,
  renewSettings,
} from "../../metadata/index.ts";
import type { Attribution, NamespaceRow, Reader, TemplateRow, Transaction } from "../../metadata/index.ts";
import { versionOf } from "../../lib/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { describePlace, findStricter, looserThan } from "../../policy/index.ts";
import type { SettingKey, TemplateSettings } from "../../policy/index.ts";
import { readSettingFacts } from "../read-settings.ts";

export interface NamedTemplate {
  /** Path of the namespace; empty for the root. */
  readonly namespace: string;
  readonly name: string;
}

interface SeenTemplate extends NamedTemplate {
  readonly by: Attribution;
  /** Of the state that the caller has seen; undefined for any. */
  readonly versions: readonly string[] | undefined;
}

export interface PutTemplateInput extends SeenTemplate {
  readonly pattern: string;
  readonly settings: TemplateSettings;
}

/** Templates of one namespace at most. */
const templateLimit = 100;

/**
 * Makes a template, or puts another in its place.
 * @throws RegistryError NAMESPACE_UNKNOWN, VERSION_CHANGED, CONFLICT when there are too many, DENIED for what is looser than
 * what is enforced at the namespace or above
 */
export async function putTemplate(tx: Transaction, input: PutTemplateInput): Promise<void> {
  const { namespace: path, name, pattern, settings } = input;
  await tx.run(lockSettings, {});
  const namespace = await getTemplateNamespace(tx, path);
  const before = await tx.first(findTemplate, { namespace: namespace.id, name });
  requireVersion(input.versions, before === undefined ? "" : templateVersion(before));
  if (before === undefined) {
    const others = await tx.all(listTemplates, { namespace: namespace.id });
    if (others.length >= templateLimit) {
      const message = `${describePlace({ namespace: path })} has ${templateLimit} templates: delete one first`;
      throw new RegistryError("CONFLICT", message, { detail: { namespace: path, limit: templateLimit } });
    }
  }
  const above = await readSettingFacts(tx, { namespace: path });
  for (const [key, value] of Object.entries(settings) as [SettingKey, unknown][]) {
    const from = findStricter(key, value, above);
    if (from === undefined) continue;
    throw new RegistryError("DENIED", looserThan(key, from), { detail: { setting: key, from } });
  }
  await tx.run(putTemplateRow, {
    ...{ namespace: namespace.id, name, pattern },
    settings: JSON.stringify(settings),
    now: tx.now,
  });
  await recordTemplate(tx, input, "put-template", { pattern, settings });
}

/** @throws RegistryError NAMESPACE_UNKNOWN, NOT_FOUND, VERSION_CHANGED */
export async function deleteTemplate(tx: Transaction, input: SeenTemplate): Promise<void> {
  await tx.run(lockSettings, {});
  const row = await getTemplate(tx, input);
  requireVersion(input.versions, templateVersion(row));
  await tx.run(deleteTemplateRow, { template: row.id });
  await recordTemplate(tx, input, "delete-template", {});
}

async function recordTemplate(tx: Transaction, input: SeenTemplate, action: string, facts: object): Promise<void> {
  // What a process remembers of a repository that it began to make under another template is forgotten.
  await renewSettings(tx);
  const target = describePlace({ namespace: input.namespace });
  await recordChange(tx, input.by, { action, repository: "", target, facts: { template: input.name, ...facts } });
}

/** @throws RegistryError NAMESPACE_UNKNOWN */
export async function getTemplateNamespace(read: Reader, path: string): Promise<NamespaceRow> {
  const row = await read.first(findNamespace, { path });
  if (row !== undefined) return row;
  throw new RegistryError("NAMESPACE_UNKNOWN", `there is no namespace ${path}: make it first`);
}

/** @throws RegistryError NAMESPACE_UNKNOWN, NOT_FOUND */
export async function getTemplate(read: Reader, { namespace: path, name }: NamedTemplate): Promise<TemplateRow> {
  const namespace = await getTemplateNamespace(read, path);
  const row = await read.first(findTemplate, { namespace: namespace.id, name });
  if (row !== undefined) return row;
  const message = `${describePlace({ namespace: path })} has no template ${name}: list those that it has`;
  throw new RegistryError("NOT_FOUND", message, { detail: { namespace: path, template: name } });
}

/** Names the state of a template. */
export function templateVersion({ id, pattern, settings }: TemplateRow): string {
  return versionOf([id, pattern, settings]);
}
