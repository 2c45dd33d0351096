import type { Action } from "../permissions.ts";

/**
 * What each action of Berth stands for where no operation of ECR says it: the Distribution API, and the management API. A
 * policy denies the action when it denies any of them, and allows it when it allows all of them. Those without any are no
 * matter of a policy.
 */
export const ecrActionsOf: Readonly<Record<Action, readonly string[]>> = {
  pull: ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
  push: [
    "ecr:PutImage",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:BatchCheckLayerAvailability",
  ],
  "overwrite-tag": ["ecr:PutImage"],
  delete: ["ecr:BatchDeleteImage"],
  "create-repository": ["ecr:CreateRepository"],
  "delete-repository": ["ecr:DeleteRepository"],
  "manage-settings": [
    "ecr:PutImageTagMutability",
    "ecr:PutLifecyclePolicy",
    "ecr:DeleteLifecyclePolicy",
    "ecr:StartLifecyclePolicyPreview",
    "ecr:PutImageScanningConfiguration",
    "ecr:UpdateImageStorageClass",
    "ecr:TagResource",
    "ecr:UntagResource",
  ],
  "manage-robots": [],
  "manage-access": [],
  "read-audit": [],
  "report-usage": [],
};

/** Actions of Berth that an operation of ECR takes; one that is not listed only reads, and takes `pull`. */
const needed: ReadonlyMap<string, readonly Action[]> = new Map<string, readonly Action[]>([
  ...(["InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload"] as const).map(
    (name) => [`ecr:${name}`, ["push"]] as const,
  ),
  // It is a part of a push, and tells what is there.
  ["ecr:BatchCheckLayerAvailability", ["pull", "push"]],
  ["ecr:PutImage", ["push", "overwrite-tag"]],
  ["ecr:ReplicateImage", ["push", "overwrite-tag"]],
  ["ecr:BatchImportUpstreamImage", ["push", "overwrite-tag"]],
  ["ecr:BatchDeleteImage", ["delete"]],
  ["ecr:CreateRepository", ["create-repository"]],
  ["ecr:DeleteRepository", ["delete-repository"]],
  ...(
    [
      "PutImageTagMutability",
      "PutLifecyclePolicy",
      "DeleteLifecyclePolicy",
      "StartLifecyclePolicyPreview",
      "GetLifecyclePolicyPreview",
      "PutImageScanningConfiguration",
      "StartImageScan",
      "UpdateImageStorageClass",
      "TagResource",
      "UntagResource",
    ] as const
  ).map((name) => [`ecr:${name}`, ["pull", "manage-settings"]] as const),
  ...(
    [
      "CreatePullThroughCacheRule",
      "CreateRepositoryCreationTemplate",
      "DeletePullThroughCacheRule",
      "DeleteRepositoryCreationTemplate",
      "DeleteSigningConfiguration",
      "DeregisterPullTimeUpdateExclusion",
      "PutAccountSetting",
      "PutRegistryScanningConfiguration",
      "PutReplicationConfiguration",
      "PutSigningConfiguration",
      "RegisterPullTimeUpdateExclusion",
      "UpdatePullThroughCacheRule",
      "UpdateRepositoryCreationTemplate",
      "ValidatePullThroughCacheRule",
    ] as const
  ).map((name) => [`ecr:${name}`, ["pull", "manage-settings"]] as const),
  ...(
    [
      "SetRepositoryPolicy",
      "GetRepositoryPolicy",
      "DeleteRepositoryPolicy",
      "PutRegistryPolicy",
      "GetRegistryPolicy",
      "DeleteRegistryPolicy",
    ] as const
  ).map((name) => [`ecr:${name}`, ["manage-access"]] as const),
]);

const reading: readonly Action[] = ["pull"];

/** What an action of ECR takes here. @param action its full name: `ecr:PutImage` */
export function actionsNeeded(action: string): readonly Action[] {
  return needed.get(action) ?? reading;
}
