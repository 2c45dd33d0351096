import {
  deleteRepositoryPolicy as deleteRow,
  findRepositoryPolicy,
  putRepositoryPolicy,
  recordChange,
  takeRepository,
} from "../../metadata/index.ts";
import type { Attribution, Transaction } from "../../metadata/index.ts";
import { versionOf } from "../../lib/index.ts";
import { parseRepositoryName, RegistryError } from "../../oci/index.ts";
import { parseIamPolicy } from "../../policy/index.ts";
import { authorize, authorizeNamespace } from "../authorize.ts";
import type { GivenPolicy } from "../policies/held-policy.ts";
import type { Caller } from "../principal.ts";
import { unknownRepository } from "../unknown-repository.ts";
import { raiseVersion } from "./raise-version.ts";
import { requireAllowed } from "./require-allowed.ts";
import { rightsWithin } from "./rights-within.ts";

interface PolicyInput {
  readonly caller: Caller;
  /** Name. */
  readonly repository: string;
}

/** With a text that `parseIamPolicy` takes. */
export interface SetRepositoryPolicyInput extends PolicyInput, GivenPolicy {}

/** Gives a repository a policy. @throws RegistryError NAME_UNKNOWN, DENIED also for a caller who lacks what the policy allows */
export async function setRepositoryPolicy(tx: Transaction, input: SetRepositoryPolicyInput): Promise<void> {
  const { repository: name, account, text } = input;
  const { id, by } = await openRepository(tx, input);
  const policy = parseIamPolicy(text, { of: "repository", account });
  await requireAllowed(tx, input.caller, { kind: "repository", id, name, public: false }, policy);
  await put(tx, by, { id, name }, input, {});
}

/**
 * Gives a repository that this transaction makes the policy that it begins with.
 * @param by who makes it, who need not be who said the policy
 * @param from for the audit row: what said it
 */
export function beginRepositoryPolicy(
  tx: Transaction,
  by: Attribution,
  repository: { readonly id: number; readonly name: string },
  policy: GivenPolicy,
  from: string,
): Promise<void> {
  return put(tx, by, repository, policy, { template: from });
}

/**
 * Refuses who could not set such a policy of every repository to come below a namespace.
 * @param policy what they would begin with; undefined where the caller takes one away
 * @throws RegistryError DENIED also for a caller who lacks what the policy allows
 */
export async function requireGiver(
  tx: Transaction,
  caller: Caller,
  namespace: string,
  policy: GivenPolicy | undefined,
): Promise<void> {
  await authorizeNamespace(rightsWithin(tx), caller, "manage-access", namespace);
  if (policy === undefined) return;
  const { account, text } = policy;
  const place = { kind: "namespace", path: namespace } as const;
  await requireAllowed(tx, caller, place, parseIamPolicy(text, { of: "repository", account }), "beside");
}

async function put(
  tx: Transaction,
  by: Attribution,
  { id, name }: { readonly id: number; readonly name: string },
  { account, text, bound: names }: GivenPolicy,
  facts: object,
): Promise<void> {
  const bound = JSON.stringify(names);
  const revision = versionOf([account, text, bound]);
  await tx.run(putRepositoryPolicy, { repository: id, account, policy: text, bound, revision, now: tx.now });
  await record(tx, by, "set-repository-policy", name, { policy: JSON.parse(text) as unknown, ...facts });
}

/** Takes a repository's policy away. @throws RegistryError NOT_FOUND where it has none, NAME_UNKNOWN, DENIED */
export async function deleteRepositoryPolicy(tx: Transaction, input: PolicyInput): Promise<{ readonly text: string }> {
  const { repository: name } = input;
  const { id, by } = await openRepository(tx, input);
  const row = await tx.first(findRepositoryPolicy, { repository: id });
  if (row === undefined) throw new RegistryError("NOT_FOUND", `${name} has no policy`, { detail: { name } });
  await tx.run(deleteRow, { repository: id });
  await record(tx, by, "delete-repository-policy", name, { policy: JSON.parse(row.policy) as unknown });
  return { text: row.policy };
}

async function openRepository(
  tx: Transaction,
  { caller, repository }: PolicyInput,
): Promise<{ readonly id: number; readonly by: Attribution }> {
  const name = parseRepositoryName(repository);
  const { by } = await authorize(rightsWithin(tx), caller, "manage-access", name);
  const row = await tx.first(takeRepository, { name });
  if (row === undefined) throw unknownRepository(name);
  return { id: row.id, by };
}

async function record(tx: Transaction, by: Attribution, action: string, name: string, facts: object): Promise<void> {
  const target = `repository ${name}`;
  await recordChange(tx, by, { action, repository: name, target, event: "access.changed", facts });
  await raiseVersion(tx);
}
