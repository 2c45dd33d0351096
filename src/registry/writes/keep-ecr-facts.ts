import { putEcrRepository } from "../../metadata/index.ts";
import type { Transaction } from "../../metadata/index.ts";
import type { EcrFacts } from "../ecr/facts.ts";

/** Keeps what only ECR's clients set of a repository that this transaction has locked or made. */
export async function keepEcrFacts(
  tx: Transaction,
  repository: number,
  { scanOnPush, encryption, tags }: EcrFacts,
): Promise<void> {
  const sorted = tags.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  await tx.run(putEcrRepository, {
    ...{ repository, scanOnPush: Number(scanOnPush), encryption: encryption.type, kmsKey: encryption.key },
    tags: JSON.stringify(sorted),
  });
}
