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
import { authorize } from "../authorize.ts";
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

export interface SetRepositoryPolicyInput extends PolicyInput {
  /** Twelve digits. */
  readonly account: string;
  /** One that `parseIamPolicy` takes. */
  readonly text: string;
  /** By ARN, who has the name. */
  readonly bound: Readonly<Record<string, readonly string[]>>;
}

/** Gives a repository a policy. @throws RegistryError NAME_UNKNOWN, DENIED also for a caller who lacks what the policy allows */
export async function setRepositoryPolicy(tx: Transaction, input: SetRepositoryPolicyInput): Promise<void> {
  const { repository: name, account, text } = input;
  const { id, by } = await openRepository(tx, input);
  const policy = parseIamPolicy(text, { of: "repository", account });
  await requireAllowed(tx, input.caller, { kind: "repository", id, name, public: false }, policy);
  const bound = JSON.stringify(input.bound);
  const revision = versionOf([account, text, bound]);
  await tx.run(putRepositoryPolicy, { repository: id, account, policy: text, bound, revision, now: tx.now });
  const facts = { policy: JSON.parse(text) as unknown };
  await record(tx, by, "set-repository-policy", name, facts);
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
