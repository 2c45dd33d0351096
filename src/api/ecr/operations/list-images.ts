import { listEcrImages } from "../../../registry/index.ts";
import { nameWithin } from "../accounts.ts";
import type { EcrCall } from "../call.ts";
import { showImageId, wantsActive } from "../images.ts";
import { makePageToken, pageSize, readPageToken } from "../page-token.ts";

/** One entry for each tag, and one for each image without a tag. */
export async function listImages(call: EcrCall<"ListImages">): Promise<object> {
  const { registry, caller, account, input } = call;
  const name = nameWithin(account, input.repositoryName);
  const status = input.filter?.tagStatus ?? "ANY";
  const { items, next } = await listEcrImages(registry, caller, name, status, readPageToken(call), pageSize(call));
  return {
    imageIds: wantsActive(input.filter?.imageStatus) ? items.map(showImageId) : [],
    nextToken: next === undefined ? undefined : makePageToken(call, next),
  };
}
