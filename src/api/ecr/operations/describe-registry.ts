import { authorizeNamespace } from "../../../access/index.ts";
import type { EcrCall } from "../call.ts";

/** The account, and that nothing of it is replicated. Whoever may not pull in it learns nothing. */
export async function describeRegistry({ registry, caller, account }: EcrCall<"DescribeRegistry">): Promise<object> {
  await authorizeNamespace(registry.access, caller, "pull", account.namespace);
  return { registryId: account.id, replicationConfiguration: { rules: [] } };
}
