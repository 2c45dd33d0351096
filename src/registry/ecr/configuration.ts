import { authorizeNamespace, findIdleStatements } from "../../access/index.ts";
import type { Caller } from "../../access/index.ts";
import { findEcrSetting as findRow, findNamespace, listEcrSettings, listEcrTemplates } from "../../metadata/index.ts";
import type { Reader } from "../../metadata/index.ts";
import type { RepositoryName } from "../../oci/index.ts";
import type { Registry } from "../registry.ts";
import { deleteEcrSetting, namesFrom } from "./account-settings.ts";
import type { SettingsOfAccount } from "./account-settings.ts";
import { getEcrRepositories } from "./describe-repositories.ts";
import { readTemplate } from "./template.ts";

/** What clients of ECR configure of an account by which nothing acts yet: it is kept, and read back as it was written. */
export type EcrConfiguration = keyof typeof idle;

/** What people are told about each. */
const idle = {
  replication: "nothing is replicated yet",
  scanning: "nothing is scanned yet",
  signing: "nothing is signed yet",
};

/** Before the names of rules of the pull-through cache among the settings of an account; a rule's own is its prefix. */
export const pullThroughRules = "pull-through-cache-rule/";

/** The document that was put; undefined for none. @throws RegistryError as `authorizeNamespace` does for a pull */
export async function findEcrConfiguration(
  { access, metadata }: Registry,
  caller: Caller,
  { account, namespace }: SettingsOfAccount,
  name: EcrConfiguration,
): Promise<unknown> {
  await authorizeNamespace(access, caller, "pull", namespace);
  return parse(await metadata.read.first(findRow, { account, name }));
}

/** Puts a document in the place of the one that was. @throws RegistryError as `authorizeNamespace` does for manage-settings */
export async function putEcrConfiguration(
  { access, metadata }: Registry,
  caller: Caller,
  { account, namespace }: SettingsOfAccount,
  name: EcrConfiguration,
  document: object,
): Promise<void> {
  const by = await authorizeNamespace(access, caller, "manage-settings", namespace);
  await metadata.write("putEcrSetting", { account, name, value: JSON.stringify(document), shown: document, by });
}

/**
 * What decides when a repository of an account is scanned: what it says itself, and the account's document.
 * @throws RegistryError NAME_UNKNOWN, and as `authorize` does for a pull
 */
export async function findScannedRepository(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  account: string,
): Promise<{ readonly scanOnPush: boolean; readonly document: unknown }> {
  const [found] = await getEcrRepositories(registry, caller, [repository]);
  const row = await registry.metadata.read.first(findRow, { account, name: "scanning" });
  return { scanOnPush: found!.scanOnPush, document: parse(row) };
}

/**
 * One sentence for each document of a namespace's accounts, and each template of it, by which nothing acts. Whoever asks may read
 * what the namespace says.
 */
export async function describeIdleConfiguration(
  { access, metadata }: Registry,
  namespace: string,
  accounts: readonly string[],
): Promise<string[]> {
  const sentences = await describeIdleTemplates(metadata.read, namespace);
  const policy = accounts.length === 0 ? undefined : await findIdleStatements(access, namespace);
  if (policy !== undefined) {
    const statements = policy.count === 1 ? "1 statement" : `${policy.count} statements`;
    const said = `the registry policy of account ${policy.account} for replication or import`;
    sentences.push(`clients of ECR set ${statements} of ${said}: nothing is replicated or imported yet`);
  }
  for (const account of accounts) {
    for (const [name, consequence] of Object.entries(idle)) {
      const document = parse(await metadata.read.first(findRow, { account, name })) as { rules: object[] } | undefined;
      const count = document?.rules.length ?? 0;
      if (count === 0) continue;
      sentences.push(sayIdle(count, name, account, consequence));
    }
    const { length } = await metadata.read.all(listEcrSettings, { account, ...namesFrom(pullThroughRules) });
    if (length > 0) sentences.push(sayIdle(length, "pull-through cache", account, "nothing is pulled through yet"));
  }
  return sentences;
}

function sayIdle(count: number, name: string, account: string, consequence: string): string {
  const rules = count === 1 ? "1 rule" : `${count} rules`;
  return `clients of ECR set ${rules} for the ${name} of account ${account}: ${consequence}`;
}

async function describeIdleTemplates(read: Reader, path: string): Promise<string[]> {
  const namespace = await read.first(findNamespace, { path });
  const rows = namespace === undefined ? [] : await read.all(listEcrTemplates, { namespace: namespace.id });
  return rows.flatMap((row) => {
    const { prefix, appliedFor } = readTemplate(row);
    const idleUses = [...new Set(appliedFor)].filter((use) => use !== "CREATE_ON_PUSH");
    if (idleUses.length === 0) return [];
    return [
      `clients of ECR set the template ${prefix} for ${idleUses.join(" and ")}: nothing makes repositories so yet`,
    ];
  });
}

/** Takes a document away. @returns what it was; undefined for none @throws RegistryError as `authorizeNamespace` does for manage-settings */
export async function deleteEcrConfiguration(
  registry: Registry,
  caller: Caller,
  of: SettingsOfAccount,
  name: EcrConfiguration,
): Promise<unknown> {
  const value = await deleteEcrSetting(registry, caller, of, name);
  return value === undefined ? undefined : parse({ value });
}

function parse(row: { readonly value: string } | undefined): unknown {
  return row === undefined ? undefined : JSON.parse(row.value);
}
