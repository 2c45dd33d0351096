import { authorize } from "../../access/index.ts";
import type { Caller } from "../../access/index.ts";
import type { RepositoryName } from "../../oci/index.ts";
import type { Registry } from "../registry.ts";
import type { EcrFactsChange } from "../writes/ecr-repositories.ts";
import type { EcrFacts } from "./facts.ts";

/**
 * Changes what only ECR's clients set of a repository, and tells what holds then.
 * @throws RegistryError NAME_UNKNOWN, and as `authorize` does for manage-settings
 */
export async function changeEcrFacts(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  change: EcrFactsChange,
): Promise<EcrFacts> {
  const permit = await authorize(registry.access, caller, "manage-settings", repository);
  return registry.metadata.write("changeEcrFacts", { repository, permit, ...change });
}
