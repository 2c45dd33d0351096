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
import { actionsNeeded, decideAction, nameStatement, parseIamPolicy } from "../../policy/index.ts";
import { authorize } from "../authorize.ts";
import { findFacts } from "../facts-at.ts";
import { findStanding } from "../find-standing.ts";
import type { Caller } from "../principal.ts";
import { unknownRepository } from "../unknown-repository.ts";
import { raiseVersion } from "./raise-version.ts";
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
  await requireAllowed(tx, input, id);
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

/**
 * Nobody gives by a policy what they do not have: by grants, or by the policy that is there. What that denies them does not
 * count, since they may take it away.
 */
async function requireAllowed(tx: Transaction, input: SetRepositoryPolicyInput, id: number): Promise<void> {
  const { principal } = input.caller;
  if (principal.kind === "operator" || principal.kind === "system") return;
  const { repository: name, account, text } = input;
  const rights = rightsWithin(tx);
  const standing = await findStanding(rights, principal);
  const place = { kind: "repository", id, name, public: false } as const;
  for (const statement of parseIamPolicy(text, { of: "repository", account }).statements) {
    if (statement.effect === "Deny") continue;
    for (const operation of statement.actions) {
      const facts = await findFacts(rights, standing, principal, place, { whatever: "least", operation });
      for (const action of actionsNeeded(operation)) {
        const ways = [decideAction(facts, action), decideAction({ ...facts, policy: undefined }, action)];
        if (ways.some(({ allowed, tags }) => allowed && tags.length === 0)) continue;
        const message = `${principal.name} may not allow ${operation} on ${name}, as ${nameStatement(statement.name)} does: that takes ${action} there, for all tags`;
        throw new RegistryError("DENIED", message);
      }
    }
  }
}

async function record(tx: Transaction, by: Attribution, action: string, name: string, facts: object): Promise<void> {
  const target = `repository ${name}`;
  await recordChange(tx, by, { action, repository: name, target, event: "access.changed", facts });
  await raiseVersion(tx);
}
