import { error, messageOf, otherAccount, refusal, typeOf, wrongName } from "./known-difference.ts";
import type { KnownDifference } from "./known-difference.ts";
import { lackingOperations } from "../ecr-sequence.ts";

/** Of every operation, and of repositories with what is set of them. */
export const repositoryDifferences: readonly KnownDifference[] = [
  {
    operations: "every operation",
    when: "the name of a repository violates the model: too short, or in capitals",
    moto: "looks for a repository of that name, or makes it",
    berth: "`InvalidParameterException`",
    reason: "inputs are checked against the service's model before anything is looked up",
    members: refusal,
    holds: (seen) => wrongName(seen) && typeOf(seen.berth) === "InvalidParameterException",
    apart: "repository",
  },
  {
    operations: lackingOperations,
    when: "always",
    moto: "status 404 or 500",
    berth: "what [the guide](guide/ecr.md) says of it",
    reason: "moto has no such operation",
    members: refusal,
    holds: ({ moto, berth }) => moto.status >= 404 && typeof moto.body === "string" && berth.status <= 400,
  },
  {
    operations: "every operation",
    when: "`registryId` names an account that is not there",
    moto: "`RepositoryNotFoundException` with that account, or no look at it at all",
    berth: "the first account's answer; what changes something is refused with `InvalidParameterException`",
    reason:
      "examples and old scripts name accounts that never were; a typing error must not change what has the same name in another one",
    members: refusal,
    holds: (seen) =>
      otherAccount(seen) &&
      (typeOf(seen.moto) === "RepositoryNotFoundException" || messageOf(seen.berth).includes("There is no account")),
    apart: "repository",
  },
  // CreateRepository and its settings
  {
    operations: ["CreateRepository"],
    when: "`encryptionType` is AES256, and `kmsKey` is given",
    moto: "keeps both",
    berth: "`InvalidParameterException`",
    reason: "a key that encrypts nothing is a mistake",
    members: ["(answer)", "message"],
    holds: ({ call: { input }, berth }) =>
      input.encryptionConfiguration?.kmsKey === "k" && messageOf(berth).includes("encryptionConfiguration"),
    apart: "repository",
  },
  {
    operations: ["CreateRepository", "TagResource"],
    when: "a tag's key begins with `aws:`",
    moto: "keeps it",
    berth: "`InvalidTagParameterException`",
    reason: "these keys are reserved",
    members: refusal,
    holds: ({ call: { input }, berth }) =>
      input.tags?.some((tag: { Key: string }) => tag.Key === "aws:x") &&
      typeOf(berth) === "InvalidTagParameterException",
    apart: "repository",
  },
  {
    operations: ["CreateRepository"],
    when: "the repository is there, and the parameters contradict one another",
    moto: "`RepositoryAlreadyExistsException`",
    berth: "`InvalidParameterException`",
    reason: "parameters are checked first",
    members: error,
    holds: ({ moto, berth, call }) =>
      typeOf(moto) === "RepositoryAlreadyExistsException" &&
      (typeOf(berth) === "InvalidParameterException" || typeOf(berth) === "InvalidTagParameterException") &&
      call.before.has(call.input.repositoryName),
  },
  {
    operations: ["CreateRepository"],
    when: "filters are given with MUTABLE or IMMUTABLE",
    moto: "says that they can't be null",
    berth: "says with which values they may be given",
    reason: "they are not null",
    members: ["message"],
    holds: ({ moto, berth, call: { input } }) =>
      input.imageTagMutabilityExclusionFilters !== undefined &&
      messageOf(moto).includes("can't be null") &&
      messageOf(berth).includes("only"),
  },
  {
    operations: ["CreateRepository", "DescribeRepositories", "DeleteRepository"],
    when: "a filter of tags was given twice",
    moto: "keeps both",
    berth: "keeps it once",
    reason: "the second one changes nothing",
    members: ["repository.imageTagMutabilityExclusionFilters", "repositories.*.imageTagMutabilityExclusionFilters"],
    holds: ({ difference: { theirs, ours } }) =>
      Array.isArray(theirs) &&
      JSON.stringify([...new Map(theirs.map((one) => [one.filter, one])).values()]) === JSON.stringify(ours),
  },
  {
    operations: ["PutImageTagMutability"],
    when: "filters are given with MUTABLE or IMMUTABLE, or none with a value that has some",
    moto: "takes it, as another value than was given",
    berth: "`InvalidParameterException`",
    reason: "the two contradict one another",
    members: refusal,
    holds: ({ call: { input }, berth }) =>
      input.imageTagMutability.endsWith("EXCLUSION") !== (input.imageTagMutabilityExclusionFilters !== undefined) &&
      typeOf(berth) === "InvalidParameterException",
    apart: "repository",
  },
  {
    operations: ["PutImageTagMutability"],
    when: "filters are set",
    moto: "leaves them out of its answer",
    berth: "shows them",
    reason: "the model's answer has them",
    members: ["imageTagMutabilityExclusionFilters"],
    holds: ({ difference: { theirs, ours }, call: { input } }) =>
      theirs === undefined && JSON.stringify(ours) === JSON.stringify(input.imageTagMutabilityExclusionFilters),
  },
  {
    operations: ["PutImageScanningConfiguration"],
    when: "`imageScanningConfiguration` is `{}`",
    moto: "leaves things as they are",
    berth: "sets `scanOnPush` to false",
    reason: "some clients leave a member out that is false; they would change it for ever",
    members: ["imageScanningConfiguration.scanOnPush"],
    holds: ({ difference: { theirs, ours }, call: { input } }) =>
      Object.keys(input.imageScanningConfiguration).length === 0 && theirs === true && ours === false,
    apart: "repository",
  },
  // Lifecycle
  {
    operations: ["PutLifecyclePolicy"],
    when: "rules contradict one another, or a value is out of its bounds",
    moto: "keeps the policy, or says something else about it",
    berth: "`InvalidParameterException` with ECR's sentence",
    reason: "moto knows a part of the grammar, and never runs a policy",
    members: ["(answer)", "message"],
    holds: ({ moto, berth }) =>
      messageOf(berth).startsWith("Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: ") &&
      (moto.status === 200 || typeOf(moto) === "InvalidParameterException"),
    apart: "repository",
  },
];
