import { ruleOfMutability } from "../../../policy/index.ts";
import { changeSettings } from "../../../registry/index.ts";
import { nameWithin } from "../accounts.ts";
import type { EcrCall } from "../call.ts";
import { showMutability } from "../show-repository.ts";
import { readMutability } from "./create-repository.ts";

/** A value without filters takes those away that were there. */
export async function putImageTagMutability(call: EcrCall<"PutImageTagMutability">): Promise<object> {
  const { registry, caller, account, input } = call;
  const mutability = readMutability(input)!;
  const set = { tagOverwrite: ruleOfMutability(mutability) };
  const change = { set, unset: [], enforce: [], relax: [] };
  await changeSettings(registry, caller, { repository: nameWithin(account, input.repositoryName) }, change, undefined);
  const { mode, filters } = mutability;
  return { registryId: account.id, repositoryName: input.repositoryName, ...showMutability(mode, filters) };
}
