import { RegistryError } from "../../../oci/index.ts";
import { deleteRepository as remove, getEcrRepositories, requireRepository } from "../../../registry/index.ts";
import { nameWithin } from "../accounts.ts";
import type { EcrCall } from "../call.ts";
import { EcrError } from "../ecr-error.ts";
import { showRepository } from "../show-repository.ts";

/** `force` deletes images, too; what runs somewhere or is held stays all the same. */
export async function deleteRepository(call: EcrCall<"DeleteRepository">): Promise<object> {
  const { registry, caller, account, input } = call;
  const name = nameWithin(account, input.repositoryName);
  await requireRepository(registry, caller, "delete-repository", name);
  const [was] = await getEcrRepositories(registry, caller, [name]);
  try {
    await remove(registry, caller, name, undefined, { onlyEmpty: input.force !== true });
  } catch (error) {
    if (!(error instanceof RegistryError) || error.code !== "REFERENCED") throw error;
    const message = `The repository with name '${input.repositoryName}' in registry with id '${account.id}' cannot be deleted because it still contains images`;
    throw new EcrError("RepositoryNotEmptyException", message, {}, error);
  }
  return { repository: showRepository(call, was!) };
}
