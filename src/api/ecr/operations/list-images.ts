import { listEcrImages } from "../../../registry/index.ts";
import { nameWithin } from "../accounts.ts";
import type { EcrCall } from "../call.ts";
import { findStatus, showImageId } from "../images.ts";
import { makePageToken, pageSize, readPageToken } from "../page-token.ts";

/** One entry for each tag, and one for each image without a tag. */
export async function listImages(call: EcrCall<"ListImages">): Promise<object> {
  const { registry, caller, account, input } = call;
  const name = nameWithin(account, input.repositoryName);
  const status = findStatus(input.filter?.imageStatus);
  const filter = { tags: input.filter?.tagStatus ?? "ANY", status: status ?? "ANY" };
  const { items, next } = await listEcrImages(registry, caller, name, filter, readPageToken(call), pageSize(call));
  if (status === undefined) return { imageIds: [] };
  return { imageIds: items.map(showImageId), nextToken: next === undefined ? undefined : makePageToken(call, next) };
}
