import { RegistryError } from "../../../oci/index.ts";
import type { RepositoryName } from "../../../oci/index.ts";
import { changeEcrFacts, getEcrRepositories } from "../../../registry/index.ts";
import { findRepositoryOf, nameWithin } from "../accounts.ts";
import type { EcrCall } from "../call.ts";
import { EcrError } from "../ecr-error.ts";
import { invalidParameter, unknownRepository } from "../errors.ts";
import { readTags } from "../resource-tags.ts";

/** All tags, by key; none is an empty list. */
export async function listTagsForResource(call: EcrCall<"ListTagsForResource">): Promise<object> {
  const { registry, caller } = call;
  const [repository] = await getEcrRepositories(registry, caller, [getRepositoryOf(call)]);
  return { tags: repository!.tags.map(({ key, value }) => ({ Key: key, Value: value })) };
}

/** Tags of the same key get the new value. */
export async function tagResource(call: EcrCall<"TagResource">): Promise<object> {
  const { registry, caller, input } = call;
  const repository = getRepositoryOf(call);
  try {
    await changeEcrFacts(registry, caller, repository, { setTags: readTags(input.tags) });
  } catch (error) {
    if (!(error instanceof RegistryError) || error.code !== "REQUEST_INVALID") throw error;
    throw new EcrError("TooManyTagsException", error.message, {}, error);
  }
  return {};
}

/** Keys that no tag has are passed over. */
export async function untagResource(call: EcrCall<"UntagResource">): Promise<object> {
  const { registry, caller, input } = call;
  await changeEcrFacts(registry, caller, getRepositoryOf(call), { removeTags: input.tagKeys });
  return {};
}

/** @throws EcrError InvalidParameterException, RepositoryNotFoundException */
function getRepositoryOf(call: EcrCall<"ListTagsForResource" | "TagResource" | "UntagResource">): RepositoryName {
  const found = findRepositoryOf(call.input.resourceArn);
  if (found === undefined) throw invalidParameter("resourceArn", "Invalid ARN");
  if (found.region !== call.region) throw unknownRepository(call, found.name);
  return nameWithin(call.account, found.name);
}
