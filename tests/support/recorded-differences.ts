/** Where Berth answers a recorded call otherwise than moto did. One that differs no more has to go. */
export interface RecordedDifference {
  readonly operation: string;
  /** Numbers of the calls. */
  readonly calls: readonly number[];
  /** Each of them differs in each of these calls. */
  readonly members: readonly string[];
  readonly reason: string;
}

export const recordedDifferences: readonly RecordedDifference[] = [
  {
    operation: "GetCallerIdentity",
    calls: [0, 1, 12, 20, 28, 38, 46, 47, 100, 101, 111, 117, 120, 126, 127, 157, 159, 164],
    members: ["UserId", "Arn"],
    reason: "whoever calls an open server is the account's owner; moto has a user of its own",
  },
  {
    operation: "CreateKey",
    calls: [2],
    members: ["KeyMetadata.MultiRegion"],
    reason: "moto says null; the key is of one region",
  },
  {
    operation: "DescribeKey",
    calls: [3, 13, 21, 39, 52],
    members: ["KeyMetadata.MultiRegion"],
    reason: "moto says null; the key is of one region",
  },
  {
    operation: "GetKeyPolicy",
    calls: [4, 14, 22, 40],
    members: ["Policy", "PolicyName"],
    reason: "the same document with other spaces; the service's answer names the policy, too",
  },
  {
    operation: "PutImageScanningConfiguration",
    calls: [33],
    members: ["imageScanningConfiguration.scanOnPush"],
    reason: "`{}` comes from a client that leaves out what is false; moto leaves things as they are",
  },
  {
    operation: "DescribeRepositories",
    calls: [34, 43],
    members: ["repositories.*.imageScanningConfiguration.scanOnPush"],
    reason: "after call 33",
  },
  {
    operation: "DeleteRepository",
    calls: [49],
    members: ["repository.imageScanningConfiguration.scanOnPush"],
    reason: "after call 33",
  },
  {
    operation: "ScheduleKeyDeletion",
    calls: [51],
    members: ["KeyId", "KeyState"],
    reason: "the service's answer has the key's ARN, and what becomes of it",
  },
  {
    operation: "GetCallerIdentity",
    calls: [132, 166],
    members: ["(answer)"],
    reason: "the recorder was told to refuse, to see what Terraform does then",
  },
  {
    operation: "PutImage",
    calls: [142, 143],
    members: ["(answer)"],
    reason: "a layer has a media type that is none, and is not there; moto looks at no layer",
  },
  {
    operation: "PutImage",
    calls: [144],
    members: ["__type", "message"],
    reason: "a layer has a media type that is none, and is not there; moto looks at no layer",
  },
  {
    operation: "DescribeImages",
    calls: [145],
    members: ["imageDetails.*"],
    reason: "the images of calls 142 and 143 were not put; moto does not look at the filter, either",
  },
  {
    operation: "GetLifecyclePolicyPreview",
    calls: [147, 148, 149, 150, 151],
    members: ["__type", "message"],
    reason: "moto has no such operation",
  },
  {
    operation: "GetDownloadUrlForLayer",
    calls: [152, 153, 154, 155, 156],
    members: ["__type", "message"],
    reason: "moto has no such operation",
  },
  {
    operation: "DescribeImages",
    calls: [160, 168],
    members: ["(answer)"],
    reason: "the images of calls 142 and 143 were not put",
  },
  {
    operation: "DescribeImages",
    calls: [161, 169],
    members: ["imageDetails.*"],
    reason: "the images of calls 142 and 143 were not put",
  },
  {
    operation: "GetUser",
    calls: [165],
    members: ["(answer)"],
    reason: "calls about users are not served: AWS clients of a registry can do without",
  },
  {
    operation: "CreateRepositoryCreationTemplate",
    calls: [103],
    members: ["repositoryCreationTemplate.encryptionConfiguration"],
    reason: "Amazon fills in what is not said of encryption",
  },
  {
    operation: "DescribeRepositoryCreationTemplates",
    calls: [104, 112, 123],
    members: ["repositoryCreationTemplates.*.encryptionConfiguration"],
    reason: "Amazon fills in what is not said of encryption",
  },
  {
    operation: "DeleteRepositoryCreationTemplate",
    calls: [130],
    members: ["repositoryCreationTemplate.encryptionConfiguration"],
    reason: "Amazon fills in what is not said of encryption",
  },
  {
    operation: "CreatePullThroughCacheRule",
    calls: [105],
    members: ["upstreamRegistry"],
    reason: "the service's answer has it; moto leaves it out",
  },
  {
    operation: "DescribePullThroughCacheRules",
    calls: [110, 114, 119, 121],
    members: ["pullThroughCacheRules.*.upstreamRegistry", "pullThroughCacheRules.*.updatedAt"],
    reason: "the service's answer has them; moto leaves them out",
  },
  {
    operation: "UpdatePullThroughCacheRule",
    calls: [118],
    members: ["createdAt", "updatedAt", "upstreamRegistryUrl"],
    reason: "the service's answer has when it was changed, and not what cannot be",
  },
  {
    operation: "CreatePullThroughCacheRule",
    calls: [146],
    members: ["(answer)"],
    reason: "Docker Hub is asked with a login: a rule without credentials is refused",
  },
  {
    operation: "DescribePullThroughCacheRules",
    calls: [158],
    members: ["(answer)"],
    reason: "the rule of call 146 was refused",
  },
  {
    operation: "DescribePullThroughCacheRules",
    calls: [167],
    members: ["message"],
    reason: "the recorder was told to answer so",
  },
];
