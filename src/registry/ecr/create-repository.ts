import { authorize, explainRights, findPlace } from "../../access/index.ts";
import type { Caller } from "../../access/index.ts";
import type { RepositoryName } from "../../oci/index.ts";
import { ruleOfMutability } from "../../policy/index.ts";
import type { TagMutability } from "../../policy/index.ts";
import type { Registry } from "../registry.ts";
import { goneRepository } from "../writes/context.ts";
import { describeNamed } from "./describe-repositories.ts";
import type { EcrRepository } from "./describe-repositories.ts";
import type { EcrFacts } from "./facts.ts";

/**
 * Makes an empty repository with what ECR's clients set of one, and tells what it is like; see the write `createEcrRepository`.
 * @param mutability undefined where the client says nothing
 * @throws RegistryError CONFLICT when it is there, DENIED, and as `authorize` does
 */
export async function createEcrRepository(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  mutability: TagMutability | undefined,
  facts: EcrFacts,
): Promise<EcrRepository> {
  const { access, metadata } = registry;
  const permit = await authorize(access, caller, "create-repository", repository);
  const { kind } = caller.principal;
  const mayLoosen =
    kind === "operator" ||
    (await explainRights(access, caller.principal, await findPlace(access, repository)))["manage-settings"].allowed;
  const overwrite = mutability === undefined ? undefined : ruleOfMutability(mutability);
  await metadata.write("createEcrRepository", { repository, permit, overwrite, mayLoosen, facts });
  // Whoever makes one is told what it is like, and needs no right to pull for that.
  const [made] = await describeNamed(registry, [repository]);
  if (made === undefined) throw goneRepository(repository);
  return made;
}
