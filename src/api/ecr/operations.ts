import type { EcrCall } from "./call.ts";
import type { OperationName } from "./model/inputs.ts";
import { createRepository } from "./operations/create-repository.ts";
import { deleteRepository } from "./operations/delete-repository.ts";
import { describeRepositories } from "./operations/describe-repositories.ts";
import { getAuthorizationToken } from "./operations/get-authorization-token.ts";

interface Common {
  /** Bytes of a call's body at most, where that is more than for others. */
  readonly bodyLimit?: number;
  /** Type of the error for an input that the model does not allow; InvalidParameterException where nothing is said. */
  readonly invalid?: "ValidationException";
}

/** An operation that is served, with what it does; or one that is refused, with an error of its model and the reason. */
export type Entry<K extends OperationName> = Common &
  (
    | {
        /** Answers with the members of its output; those that are undefined are absent. @throws EcrError, RegistryError */
        run(call: EcrCall<K>): Promise<object> | object;
        /** It changes something: a registry that is read-only refuses it. */
        readonly writes: boolean;
        /** What is enforced, for the guide. */
        readonly about: string;
      }
    | {
        /** Type of the error. */
        readonly refused: string;
        /** Why, for the guide and the error's message. */
        readonly reason: string;
      }
  );

const reads = false;
const writes = true;

const noImages = "images are pushed, pulled, listed and deleted by the Distribution API only, as yet";
const noLayers = "layers come and go by the Distribution API only, as yet";
const noTags = "tags of repositories are set when they are made, and not changed, as yet";
const noScanner = "there is no scanner yet";
const noPolicies = "grants of Berth decide who may do what; policies in IAM's form are not evaluated yet";
const noLifecycle = "lifecycle policies are set by Berth's own commands, as yet";
const noReplication = "nothing is replicated yet";
const noUpstream = "there is no pull-through cache yet";
const noTemplates = "templates are set by Berth's own commands, as yet";
const noSigning = "nothing is signed when it is pushed";
const noExclusions = "the times of all pulls are kept";
const noSettings = "an account has no settings of its own yet";

const invalid = "InvalidParameterException";

/** All operations of the service's model. `docs/guide/ecr.md` shows the same table. */
export const operations: { readonly [K in OperationName]: Entry<K> } = {
  BatchCheckLayerAvailability: { refused: invalid, reason: noLayers },
  BatchDeleteImage: { refused: invalid, reason: noImages },
  BatchGetImage: { refused: invalid, reason: noImages },
  BatchGetRepositoryScanningConfiguration: { refused: invalid, reason: noScanner },
  CompleteLayerUpload: { refused: invalid, reason: noLayers },
  CreatePullThroughCacheRule: { refused: "UnsupportedUpstreamRegistryException", reason: noUpstream },
  CreateRepository: {
    run: createRepository,
    writes,
    about:
      "`imageTagMutability` is the setting `tagOverwrite`, and enforced; scanning, encryption and tags are kept and shown, and do nothing",
  },
  CreateRepositoryCreationTemplate: { refused: invalid, reason: noTemplates },
  DeleteLifecyclePolicy: { refused: invalid, reason: noLifecycle },
  DeletePullThroughCacheRule: { refused: "PullThroughCacheRuleNotFoundException", reason: noUpstream },
  DeleteRegistryPolicy: { refused: "RegistryPolicyNotFoundException", reason: noPolicies },
  DeleteRepository: {
    run: deleteRepository,
    writes,
    about: "without `force` only when it holds no image; what is held or runs somewhere stays; can be undone",
  },
  DeleteRepositoryCreationTemplate: { refused: "TemplateNotFoundException", reason: noTemplates },
  DeleteRepositoryPolicy: { refused: "RepositoryPolicyNotFoundException", reason: noPolicies },
  DeleteSigningConfiguration: {
    refused: "SigningConfigurationNotFoundException",
    reason: noSigning,
    invalid: "ValidationException",
  },
  DeregisterPullTimeUpdateExclusion: { refused: "ExclusionNotFoundException", reason: noExclusions },
  DescribeImageReplicationStatus: { refused: invalid, reason: noReplication },
  DescribeImageScanFindings: { refused: "ScanNotFoundException", reason: noScanner },
  DescribeImageSigningStatus: { refused: invalid, reason: noSigning },
  DescribeImages: { refused: invalid, reason: noImages },
  DescribePullThroughCacheRules: { refused: "PullThroughCacheRuleNotFoundException", reason: noUpstream },
  DescribeRegistry: { refused: invalid, reason: noReplication },
  DescribeRepositories: {
    run: describeRepositories,
    writes: reads,
    about: "those that the caller may pull from; a setting that ECR cannot say shows as the nearest that is not looser",
  },
  DescribeRepositoryCreationTemplates: { refused: invalid, reason: noTemplates },
  GetAccountSetting: { refused: invalid, reason: noSettings },
  GetAuthorizationToken: {
    run: getAuthorizationToken,
    writes: reads,
    about: "a password for the user `AWS`, for 12 hours",
  },
  GetDownloadUrlForLayer: { refused: invalid, reason: noLayers },
  GetLifecyclePolicy: { refused: invalid, reason: noLifecycle },
  GetLifecyclePolicyPreview: { refused: "LifecyclePolicyPreviewNotFoundException", reason: noLifecycle },
  GetRegistryPolicy: { refused: "RegistryPolicyNotFoundException", reason: noPolicies },
  GetRegistryScanningConfiguration: { refused: invalid, reason: noScanner },
  GetRepositoryPolicy: { refused: "RepositoryPolicyNotFoundException", reason: noPolicies },
  GetSigningConfiguration: { refused: "SigningConfigurationNotFoundException", reason: noSigning },
  InitiateLayerUpload: { refused: invalid, reason: noLayers },
  ListImageReferrers: { refused: invalid, reason: noImages },
  ListImages: { refused: invalid, reason: noImages },
  ListPullTimeUpdateExclusions: { refused: invalid, reason: noExclusions },
  ListTagsForResource: { refused: invalid, reason: noTags },
  PutAccountSetting: { refused: invalid, reason: noSettings },
  PutImage: { refused: invalid, reason: noImages },
  PutImageScanningConfiguration: { refused: invalid, reason: noScanner },
  PutImageTagMutability: { refused: invalid, reason: "`berth settings set` changes it, as yet" },
  PutLifecyclePolicy: { refused: invalid, reason: noLifecycle },
  PutRegistryPolicy: { refused: invalid, reason: noPolicies },
  PutRegistryScanningConfiguration: { refused: invalid, reason: noScanner },
  PutReplicationConfiguration: { refused: invalid, reason: noReplication },
  PutSigningConfiguration: { refused: invalid, reason: noSigning },
  RegisterPullTimeUpdateExclusion: { refused: invalid, reason: noExclusions },
  SetRepositoryPolicy: { refused: invalid, reason: noPolicies },
  StartImageScan: { refused: "ValidationException", reason: noScanner },
  StartLifecyclePolicyPreview: { refused: invalid, reason: noLifecycle },
  TagResource: { refused: invalid, reason: noTags },
  UntagResource: { refused: invalid, reason: noTags },
  UpdateImageStorageClass: {
    refused: "ImageStorageClassUpdateNotSupportedException",
    reason: "every image can be pulled at once; there is no archive",
  },
  UpdatePullThroughCacheRule: { refused: "PullThroughCacheRuleNotFoundException", reason: noUpstream },
  UpdateRepositoryCreationTemplate: { refused: "TemplateNotFoundException", reason: noTemplates },
  UploadLayerPart: { refused: invalid, reason: noLayers },
  ValidatePullThroughCacheRule: { refused: "PullThroughCacheRuleNotFoundException", reason: noUpstream },
};
