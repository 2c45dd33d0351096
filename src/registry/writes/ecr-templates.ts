import { requireGiver } from "../../access/index.ts";
import type { Caller } from "../../access/index.ts";
import {
  deleteEcrTemplate as deleteRow,
  findEcrTemplate,
  findNamespace,
  listEcrTemplates,
  lockSettings,
  putEcrTemplate,
  recordChange,
} from "../../metadata/index.ts";
import type { Attribution, Transaction } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { describePlace, findStricter, looserThan } from "../../policy/index.ts";
import type { SettingKey } from "../../policy/index.ts";
import { readSettingFacts } from "../read-settings.ts";
import { prefixKey, readTemplate, settingsOfTemplate } from "../ecr/template.ts";
import type { EcrTemplate, KeptEcrTemplate } from "../ecr/template.ts";
import { getTemplateNamespace } from "./templates.ts";

interface NamedEcrTemplate {
  /** Path; empty for the root. */
  readonly namespace: string;
  readonly prefix: string;
  readonly by: Attribution;
  readonly caller: Caller;
}

/** Templates of one namespace at most. */
const templateLimit = 100;

/**
 * Makes a template. One with a policy is for who could set that of each repository to come.
 * @throws RegistryError NAMESPACE_UNKNOWN; CONFLICT when it is there, and, with a `limit`, when there are too many; DENIED for
 * what is looser than what is enforced at the namespace or above, and as `requireGiver` does
 */
export async function createEcrTemplate(
  tx: Transaction,
  input: Omit<NamedEcrTemplate, "prefix"> & { readonly template: EcrTemplate },
): Promise<KeptEcrTemplate> {
  const { namespace: path, template } = input;
  const { prefix } = template;
  await tx.run(lockSettings, {});
  const { id: namespace } = await getTemplateNamespace(tx, path);
  const all = await tx.all(listEcrTemplates, { namespace });
  if (all.some((row) => row.prefix === prefixKey(prefix))) {
    throw new RegistryError("CONFLICT", `there is a template for ${prefix} already: change it, or delete it first`);
  }
  if (all.length >= templateLimit) {
    const message = `${describePlace({ namespace: path })} has ${templateLimit} templates of ECR: delete one first`;
    throw new RegistryError("CONFLICT", message, { detail: { limit: templateLimit } });
  }
  if (template.repositoryPolicy !== null) await requireGiver(tx, input.caller, path, template.repositoryPolicy);
  await keepTemplate(tx, { ...input, prefix }, namespace, template);
  return { ...template, createdAt: tx.now, changedAt: tx.now };
}

/**
 * Changes what is named of a template. Whatever it is, of one that has a policy or gets one it takes who could set that.
 * @throws RegistryError NOT_FOUND, and DENIED as {@link createEcrTemplate} does
 */
export async function changeEcrTemplate(
  tx: Transaction,
  input: NamedEcrTemplate & { readonly change: Partial<EcrTemplate> },
): Promise<KeptEcrTemplate> {
  await tx.run(lockSettings, {});
  const { namespace, row } = await getEcrTemplate(tx, input);
  const { createdAt, changedAt: _before, ...before } = readTemplate(row);
  const template = { ...before, ...input.change };
  const policies = [before.repositoryPolicy, template.repositoryPolicy];
  if (policies.some((policy) => policy !== null)) {
    await requireGiver(tx, input.caller, input.namespace, template.repositoryPolicy ?? undefined);
  }
  await keepTemplate(tx, input, namespace, template);
  return { ...template, createdAt, changedAt: tx.now };
}

/** Repositories that began with it stay as they are. @throws RegistryError NOT_FOUND; DENIED for one with a policy, for who may not manage access */
export async function deleteEcrTemplate(tx: Transaction, input: NamedEcrTemplate): Promise<KeptEcrTemplate> {
  await tx.run(lockSettings, {});
  const { namespace, row } = await getEcrTemplate(tx, input);
  const template = readTemplate(row);
  if (template.repositoryPolicy !== null) await requireGiver(tx, input.caller, input.namespace, undefined);
  await tx.run(deleteRow, { namespace, prefix: row.prefix });
  await recordTemplate(tx, input, "delete-template", {});
  return template;
}

async function keepTemplate(
  tx: Transaction,
  of: NamedEcrTemplate,
  namespace: number,
  template: EcrTemplate,
): Promise<void> {
  const above = await readSettingFacts(tx, { namespace: of.namespace });
  for (const [key, value] of Object.entries(settingsOfTemplate(template)) as [SettingKey, unknown][]) {
    const from = findStricter(key, value, above);
    if (from === undefined) continue;
    throw new RegistryError("DENIED", looserThan(key, from), { detail: { setting: key, from } });
  }
  const document = JSON.stringify(template);
  await tx.run(putEcrTemplate, { namespace, prefix: prefixKey(of.prefix), document, now: tx.now });
  const { repositoryPolicy } = template;
  const policy = repositoryPolicy && (JSON.parse(repositoryPolicy.text) as unknown);
  await recordTemplate(tx, of, "put-template", { settings: { ...template, repositoryPolicy: policy } });
}

async function getEcrTemplate(tx: Transaction, { namespace: path, prefix }: NamedEcrTemplate) {
  const namespace = await tx.first(findNamespace, { path });
  const of = { namespace: namespace?.id ?? 0, prefix: prefixKey(prefix) };
  const row = await tx.first(findEcrTemplate, of);
  if (row !== undefined) return { namespace: of.namespace, row };
  throw new RegistryError("NOT_FOUND", `there is no template for ${prefix}: list those that are there`);
}

async function recordTemplate(tx: Transaction, of: NamedEcrTemplate, action: string, facts: object): Promise<void> {
  const target = describePlace({ namespace: of.namespace });
  const template = { ecrTemplate: prefixKey(of.prefix), ...facts };
  await recordChange(tx, of.by, { action, repository: "", target, facts: template });
}
