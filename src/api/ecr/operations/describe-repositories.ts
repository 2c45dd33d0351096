import { getEcrRepositories, listEcrRepositoriesBelow } from "../../../registry/index.ts";
import { nameWithin } from "../accounts.ts";
import type { EcrCall } from "../call.ts";
import { invalidParameter } from "../errors.ts";
import { makePageToken, pageSize, readPageToken } from "../page-token.ts";
import { showRepository } from "../show-repository.ts";

export async function describeRepositories(call: EcrCall<"DescribeRepositories">): Promise<object> {
  const { registry, caller, account, input } = call;
  if (input.repositoryNames !== undefined) {
    if (input.nextToken !== undefined || input.maxResults !== undefined) {
      throw invalidParameter("repositoryNames", "must be given without nextToken and maxResults");
    }
    const names = input.repositoryNames.map((name) => nameWithin(account, name));
    const found = await getEcrRepositories(registry, caller, names);
    return { repositories: found.map((one) => showRepository(call, one)) };
  }
  const after = readPageToken(call) ?? "";
  const page = await listEcrRepositoriesBelow(registry, caller, account.namespace, after, pageSize(call));
  const last = page.repositories.at(-1);
  return {
    repositories: page.repositories.map((one) => showRepository(call, one)),
    nextToken: page.more && last !== undefined ? makePageToken(call, last.name) : undefined,
  };
}
