import {
  authorize,
  authorizeNamespace,
  bindGivenPolicy,
  findPlace,
  maySeeGivenPolicies,
  plainCaller,
} from "../../access/index.ts";
import type { Caller, GivenPolicy } from "../../access/index.ts";
import { findNamespace, listEcrTemplates as listRows } from "../../metadata/index.ts";
import type { RepositoryName } from "../../oci/index.ts";
import { chooseTemplate } from "../../policy/index.ts";
import type { Registry } from "../registry.ts";
import { goneRepository } from "../writes/context.ts";
import { listPushTemplates, readTemplate } from "./template.ts";
import type { EcrTemplate, KeptEcrTemplate } from "./template.ts";

/** What a client says of the policy of new repositories: an empty text is none. */
type WantedTemplatePolicy = Pick<GivenPolicy, "account" | "text">;

/**
 * All templates of a namespace, by prefix; none where the namespace is not there. Policies of repositories are left out for who
 * may not manage access there.
 * @throws RegistryError as `authorizeNamespace` does for a pull
 */
export async function listEcrTemplates(
  { access, metadata: { read } }: Registry,
  caller: Caller,
  path: string,
): Promise<KeptEcrTemplate[]> {
  await authorizeNamespace(access, caller, "pull", path);
  const namespace = await read.first(findNamespace, { path });
  if (namespace === undefined) return [];
  const templates = (await read.all(listRows, { namespace: namespace.id })).map(readTemplate);
  if (await maySeeGivenPolicies(access, caller, path)) return templates;
  return templates.map((template) => ({ ...template, repositoryPolicy: null }));
}

/**
 * Makes one.
 * @throws IamFault and RegistryError as `bindGivenPolicy` does; RegistryError as the write `createEcrTemplate` does, and as
 * `authorizeNamespace` does for manage-settings
 */
export async function createEcrTemplate(
  { access, metadata }: Registry,
  caller: Caller,
  namespace: string,
  said: Omit<EcrTemplate, "repositoryPolicy">,
  policy: WantedTemplatePolicy | undefined,
): Promise<KeptEcrTemplate> {
  const by = await authorizeNamespace(access, caller, "manage-settings", namespace);
  const given = policy === undefined || policy.text === "" ? null : policy;
  const repositoryPolicy = given && (await bindGivenPolicy(access, caller, namespace, given));
  const template = { ...said, repositoryPolicy };
  return metadata.write("createEcrTemplate", { namespace, template, by, caller: plainCaller(caller) });
}

/**
 * Changes what is named of one.
 * @throws IamFault and RegistryError as `bindGivenPolicy` does; RegistryError as the write `changeEcrTemplate` does, and as
 * `authorizeNamespace` does for manage-settings
 */
export async function changeEcrTemplate(
  { access, metadata }: Registry,
  caller: Caller,
  namespace: string,
  prefix: string,
  said: Partial<Omit<EcrTemplate, "repositoryPolicy">>,
  policy: WantedTemplatePolicy | undefined,
): Promise<KeptEcrTemplate> {
  const by = await authorizeNamespace(access, caller, "manage-settings", namespace);
  let change: Partial<EcrTemplate> = said;
  if (policy !== undefined) {
    const given = policy.text === "" ? null : await bindGivenPolicy(access, caller, namespace, policy);
    change = { ...said, repositoryPolicy: given };
  }
  return metadata.write("changeEcrTemplate", { namespace, prefix, change, by, caller: plainCaller(caller) });
}

/** Deletes one, and tells what it was. @throws RegistryError as the write `deleteEcrTemplate` does, and as `authorizeNamespace` does for manage-settings */
export async function deleteEcrTemplate(
  { access, metadata }: Registry,
  caller: Caller,
  namespace: string,
  prefix: string,
): Promise<KeptEcrTemplate> {
  const by = await authorizeNamespace(access, caller, "manage-settings", namespace);
  return metadata.write("deleteEcrTemplate", { namespace, prefix, by, caller: plainCaller(caller) });
}

/**
 * Refuses a push to a repository that is not there where pushes make repositories by templates of an account only, and none of
 * them is for this name. Another may delete the repository or the template right after this look: then the push makes it, which
 * its caller may do on other faces.
 * @param namespace path of the account's
 * @throws RegistryError NAME_UNKNOWN, and as `authorize` does for a push to what is not there
 */
export async function requirePushTarget(
  { access, metadata: { read } }: Registry,
  caller: Caller,
  namespace: string,
  name: RepositoryName,
): Promise<void> {
  const { id } = await findPlace(access, name);
  if (id !== null) return;
  await authorize(access, caller, "push", name);
  if (chooseTemplate(name, await listPushTemplates(read, [namespace])) === undefined) throw goneRepository(name);
}
