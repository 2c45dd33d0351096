import { imageDifferences } from "./of-images.ts";
import { registryDifferences } from "./of-registries.ts";
import { repositoryDifferences } from "./of-repositories.ts";
import type { KnownDifference } from "./known-difference.ts";

export type { KnownDifference } from "./known-difference.ts";

/** All that is known, in the order of docs/ecr-differences.md; the first that holds explains a difference. */
export const knownDifferences: readonly KnownDifference[] = [
  ...repositoryDifferences,
  ...imageDifferences,
  ...registryDifferences,
];
