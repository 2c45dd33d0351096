import {
  deleteRegistryPolicy as deleteRow,
  listRegistryPoliciesAt,
  putRegistryPolicy as putRow,
  recordChange,
} from "../../metadata/index.ts";
import type { Attribution, Transaction } from "../../metadata/index.ts";
import { versionOf } from "../../lib/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { parseIamPolicy } from "../../policy/index.ts";
import { authorizeNamespace } from "../authorize.ts";
import type { Caller } from "../principal.ts";
import { getNamespace } from "./namespaces.ts";
import { raiseVersion } from "./raise-version.ts";
import { requireAllowed } from "./require-allowed.ts";
import { rightsWithin } from "./rights-within.ts";

interface PolicyInput {
  readonly caller: Caller;
  /** Path of the namespace that the registry is. */
  readonly namespace: string;
}

export interface PutRegistryPolicyInput extends PolicyInput {
  /** Twelve digits. */
  readonly account: string;
  readonly scope: "V1" | "V2";
  /** One that `parseIamPolicy` takes. */
  readonly text: string;
  /** By ARN, who has the name. */
  readonly bound: Readonly<Record<string, readonly string[]>>;
}

/** Gives a registry a policy. @throws RegistryError NAMESPACE_UNKNOWN, DENIED also for a caller who lacks what the policy allows */
export async function putRegistryPolicy(tx: Transaction, input: PutRegistryPolicyInput): Promise<void> {
  const { caller, namespace: path, account, scope, text } = input;
  const by = await authorizeNamespace(rightsWithin(tx), caller, "manage-access", path);
  const { id } = await getNamespace(tx, path);
  const policy = parseIamPolicy(text, { of: "registry", account, scope, everyRegion: true });
  await requireAllowed(tx, caller, { kind: "namespace", path }, policy);
  const bound = JSON.stringify(input.bound);
  const revision = versionOf([account, scope, text, bound]);
  await tx.run(putRow, { namespace: id, account, scope, policy: text, bound, revision, now: tx.now });
  await record(tx, by, "put-registry-policy", path, text);
}

/** Takes a registry's policy away. @throws RegistryError NOT_FOUND where it has none, DENIED */
export async function deleteRegistryPolicy(
  tx: Transaction,
  { caller, namespace: path }: PolicyInput,
): Promise<{ readonly text: string }> {
  const by = await authorizeNamespace(rightsWithin(tx), caller, "manage-access", path);
  const [row] = await tx.all(listRegistryPoliciesAt, { paths: [path] });
  if (row === undefined) throw new RegistryError("NOT_FOUND", `the registry has no policy`, { detail: { name: path } });
  await tx.run(deleteRow, { namespace: row.namespace_id });
  await record(tx, by, "delete-registry-policy", path, row.policy);
  return { text: row.policy };
}

async function record(tx: Transaction, by: Attribution, action: string, path: string, text: string): Promise<void> {
  const target = path === "" ? "the server" : `namespace ${path}`;
  const facts = { policy: JSON.parse(text) as unknown };
  await recordChange(tx, by, { action, repository: "", target, event: "access.changed", facts });
  await raiseVersion(tx);
}
