import { authorizeNamespace } from "../access/index.ts";
import type { Caller } from "../access/index.ts";
import { listTemplates as listTemplateRows } from "../metadata/index.ts";
import type { TemplateRow } from "../metadata/index.ts";
import { RegistryError } from "../oci/index.ts";
import { settingRules } from "../policy/index.ts";
import type { SettingKey, TemplateSettings } from "../policy/index.ts";
import { checkPolicy } from "./lifecycle/check-policy.ts";
import type { LifecycleDocument } from "./lifecycle/compile-policy.ts";
import type { Registry } from "./registry.ts";
import { checkExpressions } from "./require-tag.ts";
import { getTemplate, getTemplateNamespace, templateVersion } from "./writes/templates.ts";
import type { NamedTemplate } from "./writes/templates.ts";

/** What repositories begin with whose names match. */
export interface DescribedTemplate {
  readonly name: string;
  readonly pattern: string;
  readonly settings: TemplateSettings;
  /** Milliseconds since 1970. */
  readonly changedAt: number;
  /** Names the state of it. */
  readonly version: string;
}

/** Templates of a namespace by name. @throws RegistryError NAMESPACE_UNKNOWN, and as `authorizeNamespace` does for a pull */
export async function listTemplates(
  { access, metadata: { read } }: Registry,
  caller: Caller,
  namespace: string,
): Promise<DescribedTemplate[]> {
  await authorizeNamespace(access, caller, "pull", namespace);
  const { id } = await getTemplateNamespace(read, namespace);
  return (await read.all(listTemplateRows, { namespace: id })).map(describe);
}

/** One of them. @throws RegistryError NAMESPACE_UNKNOWN, NOT_FOUND, and as `authorizeNamespace` does for a pull */
export async function inspectTemplate(
  { access, metadata: { read } }: Registry,
  caller: Caller,
  of: NamedTemplate,
): Promise<DescribedTemplate> {
  await authorizeNamespace(access, caller, "pull", of.namespace);
  return describe(await getTemplate(read, of));
}

/**
 * Makes a template of a namespace, or puts another in its place. Repositories that are there stay as they are.
 * @param versions of the state that the caller has seen; undefined for any
 * @throws RegistryError REQUEST_INVALID for settings that a repository cannot have, and as the write `putTemplate` does
 */
export async function putTemplate(
  registry: Registry,
  caller: Caller,
  of: NamedTemplate & Pick<DescribedTemplate, "pattern" | "settings">,
  versions: readonly string[] | undefined,
): Promise<DescribedTemplate> {
  for (const key of Object.keys(of.settings) as SettingKey[]) {
    if (settingRules[key].namespacesOnly === true) throw invalid(key, "is for namespaces: set it on the one above");
  }
  checkExpressions(of.settings.tagFormat?.regex ?? [], "settings.tagFormat.regex");
  const { lifecycle } = of.settings;
  if (lifecycle !== undefined) checkPolicy(lifecycle as LifecycleDocument);
  const by = await authorizeNamespace(registry.access, caller, "manage-settings", of.namespace);
  await registry.metadata.write("putTemplate", { ...of, by, versions });
  return inspectTemplate(registry, caller, of);
}

/** Deletes a template; repositories that began with it stay as they are. @throws RegistryError as the write `deleteTemplate` does */
export async function deleteTemplate(
  registry: Registry,
  caller: Caller,
  of: NamedTemplate,
  versions: readonly string[] | undefined,
): Promise<void> {
  const by = await authorizeNamespace(registry.access, caller, "manage-settings", of.namespace);
  await registry.metadata.write("deleteTemplate", { ...of, by, versions });
}

function describe(row: TemplateRow): DescribedTemplate {
  const { name, pattern, settings, changed_at: changedAt } = row;
  return {
    name,
    pattern,
    settings: JSON.parse(settings) as TemplateSettings,
    changedAt,
    version: templateVersion(row),
  };
}

function invalid(key: string, message: string): RegistryError {
  return new RegistryError("REQUEST_INVALID", `the body field settings.${key} ${message}`, {
    detail: { fields: [{ field: `settings.${key}`, message }] },
  });
}
