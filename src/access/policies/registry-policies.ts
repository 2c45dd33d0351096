import { findEcrSetting, listRegistryPoliciesAt } from "../../metadata/index.ts";
import type { RegistryPolicyRow } from "../../metadata/index.ts";
import { parseIamPolicy } from "../../policy/index.ts";
import type { Access } from "../access.ts";
import { authorizeNamespace } from "../authorize.ts";
import { plainCaller } from "../principal.ts";
import type { Caller } from "../principal.ts";
import { bindNames } from "./bind-names.ts";
import { findPoliciesAt } from "./held-policies.ts";

/** A registry as clients of ECR know one. */
interface RegistryPlace {
  /** Twelve digits. */
  readonly account: string;
  /** Path of the namespace that it is. */
  readonly namespace: string;
}

/** Name of the setting that says which actions policies of registries are about. */
export const scopeSetting = "REGISTRY_POLICY_SCOPE";

/**
 * Gives a registry a policy in the place of the one that it has. It acts on every request to its repositories, and on what the ECR API does to it,
 * from then on, on all nodes within two seconds.
 * @param text JSON; kept as it is
 * @throws IamFault for what cannot be evaluated, or names nobody; RegistryError DENIED when the caller may not manage access
 * there, or lacks what it allows; NAMESPACE_UNKNOWN
 */
export async function putRegistryPolicy(
  access: Access,
  caller: Caller,
  { account, namespace }: RegistryPlace,
  text: string,
): Promise<void> {
  await authorizeNamespace(access, caller, "manage-access", namespace);
  const { read } = access.metadata;
  const setting = await read.first(findEcrSetting, { account, name: scopeSetting });
  const scope = setting?.value === "V1" ? "V1" : "V2";
  const policy = parseIamPolicy(text, { of: "registry", account, scope, everyRegion: true });
  const bound = Object.fromEntries(await bindNames(read, policy));
  const input = { caller: plainCaller(caller), namespace, account, scope, text, bound } as const;
  await access.metadata.write("putRegistryPolicy", input);
}

/** The text of a registry's policy; undefined where it has none. @throws RegistryError as `authorizeNamespace` does for manage-access */
export async function findRegistryPolicyText(
  access: Access,
  caller: Caller,
  namespace: string,
): Promise<string | undefined> {
  await authorizeNamespace(access, caller, "manage-access", namespace);
  return (await findRow(access, namespace))?.policy;
}

/** Takes a registry's policy away. @returns its text @throws RegistryError NOT_FOUND where it has none, and DENIED */
export async function deleteRegistryPolicy(access: Access, caller: Caller, namespace: string): Promise<string> {
  const input = { caller: plainCaller(caller), namespace };
  return (await access.metadata.write("deleteRegistryPolicy", input)).text;
}

/**
 * Which actions the policy of a registry was read with; undefined where it has none.
 * @throws RegistryError as `authorizeNamespace` does for manage-settings
 */
export async function findRegistryPolicyScope(
  access: Access,
  caller: Caller,
  namespace: string,
): Promise<string | undefined> {
  await authorizeNamespace(access, caller, "manage-settings", namespace);
  return (await findRow(access, namespace))?.scope;
}

/** How many statements of a registry's policy nothing comes of as yet, and whose registry it is; undefined where there are none. */
export async function findIdleStatements(
  access: Access,
  namespace: string,
): Promise<{ readonly account: string; readonly count: number } | undefined> {
  const held = await findPoliciesAt(access, { kind: "namespace", path: namespace });
  const own = held.find(({ of }) => typeof of !== "number" && of.path === namespace);
  const count = own?.policy?.statements.filter(({ idle }) => idle).length ?? 0;
  return own === undefined || count === 0 ? undefined : { account: own.account, count };
}

async function findRow({ metadata: { read } }: Access, namespace: string): Promise<RegistryPolicyRow | undefined> {
  return (await read.all(listRegistryPoliciesAt, { paths: [namespace] }))[0];
}
