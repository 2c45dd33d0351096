import type { EcrRepository } from "../../registry/index.ts";
import { arnOf, findHostAccount, nameFor } from "./accounts.ts";
import type { EcrCall } from "./call.ts";

type Showing = Pick<EcrCall, "account" | "region" | "outside" | "ecr">;

/** A repository as answers show it. */
export function showRepository(call: Showing, repository: EcrRepository): object {
  const { account, region } = call;
  const repositoryName = nameFor(account, repository.name);
  const { mode, filters } = repository.mutability;
  return {
    repositoryArn: arnOf("ecr", region, account, `repository/${repositoryName}`),
    registryId: account.id,
    repositoryName,
    repositoryUri: uriOf(call, repository.name),
    createdAt: secondsOf(repository.createdAt),
    ...showMutability(mode, filters),
    imageScanningConfiguration: { scanOnPush: repository.scanOnPush },
    encryptionConfiguration: {
      encryptionType: repository.encryption.type,
      kmsKey: repository.encryption.key ?? undefined,
    },
  };
}

export function showMutability(imageTagMutability: string, filters: readonly string[]): object {
  const shown = filters.map((filter) => ({ filterType: "WILDCARD", filter }));
  return {
    imageTagMutability,
    imageTagMutabilityExclusionFilters: shown.length === 0 ? undefined : shown,
  };
}

/** What clients push to and pull from. Under the name of an account's host the account's own names hold. */
function uriOf(call: Showing, name: string): string {
  const host = hostFor(call);
  return `${host}/${findHostAccount(host) === undefined ? name : nameFor(call.account, name)}`;
}

/** The registry's host, with its port, as the client reaches it. */
export function hostFor({ ecr, outside }: Pick<EcrCall, "ecr" | "outside">): string {
  return ecr.settings.publicHost ?? outside.host;
}

/** Times are numbers of seconds since 1970, with a fraction. */
export function secondsOf(milliseconds: number): number {
  return milliseconds / 1000;
}
