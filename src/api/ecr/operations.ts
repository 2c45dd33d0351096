import type { Entry } from "./entry.ts";
import type { OperationName } from "./model/inputs.ts";
import { getAccountSetting, putAccountSetting } from "./operations/account-settings.ts";
import { batchCheckLayerAvailability } from "./operations/batch-check-layer-availability.ts";
import { batchDeleteImage } from "./operations/batch-delete-image.ts";
import { batchGetImage } from "./operations/batch-get-image.ts";
import { completeLayerUpload } from "./operations/complete-layer-upload.ts";
import { createRepository } from "./operations/create-repository.ts";
import * as templates from "./operations/creation-templates.ts";
import { deleteRepository } from "./operations/delete-repository.ts";
import { describeRepositories } from "./operations/describe-repositories.ts";
import { describeImages } from "./operations/describe-images.ts";
import { deleteLifecyclePolicy, getLifecyclePolicy, putLifecyclePolicy } from "./operations/lifecycle-policies.ts";
import { getLifecyclePolicyPreview, startLifecyclePolicyPreview } from "./operations/lifecycle-previews.ts";
import { putImageTagMutability } from "./operations/put-image-tag-mutability.ts";
import * as pullThrough from "./operations/pull-through-cache-rules.ts";
import { getAuthorizationToken } from "./operations/get-authorization-token.ts";
import { getDownloadUrlForLayer } from "./operations/get-download-url-for-layer.ts";
import { describeImageScanFindings, startImageScan } from "./operations/image-scans.ts";
import { initiateLayerUpload } from "./operations/initiate-layer-upload.ts";
import { listImageReferrers } from "./operations/list-image-referrers.ts";
import { listImages } from "./operations/list-images.ts";
import { putImage } from "./operations/put-image.ts";
import {
  batchGetRepositoryScanningConfiguration,
  getRegistryScanningConfiguration,
  putRegistryScanningConfiguration,
} from "./operations/registry-scanning.ts";
import {
  describeImageReplicationStatus,
  describeRegistry,
  putReplicationConfiguration,
} from "./operations/replication.ts";
import * as exclusions from "./operations/pull-time-exclusions.ts";
import * as registryPolicies from "./operations/registry-policies.ts";
import { deleteRepositoryPolicy, getRepositoryPolicy, setRepositoryPolicy } from "./operations/repository-policies.ts";
import { putImageScanningConfiguration } from "./operations/put-image-scanning-configuration.ts";
import * as signing from "./operations/signing.ts";
import { listTagsForResource, tagResource, untagResource } from "./operations/tags.ts";
import { updateImageStorageClass } from "./operations/update-image-storage-class.ts";
import { uploadLayerPart } from "./operations/upload-layer-part.ts";

/** Bytes. */
const mebibyte = 1024 ** 2;

const [reads, writes] = [false, true];

/** All operations of the service's model. `docs/guide/ecr.md` shows the same table. */
export const operations: { readonly [K in OperationName]: Entry<K> } = {
  BatchCheckLayerAvailability: {
    run: batchCheckLayerAvailability,
    writes: reads,
    about: "what is there is kept from collection for a while; `ARCHIVED` where only archived images have it",
  },
  BatchDeleteImage: {
    run: batchDeleteImage,
    writes,
    about:
      "a tag, and with its last one the image; what a rule, a hold or use keeps is a failure `ImageInaccessible` with the sentence; can be undone",
  },
  BatchGetImage: {
    run: batchGetImage,
    writes: reads,
    about: "manifests byte for byte, but for what is archived; a pull",
  },
  BatchGetRepositoryScanningConfiguration: {
    run: batchGetRepositoryScanningConfiguration,
    writes: reads,
    about: "what the rules and `scanOnPush` come to; nothing is scanned yet",
  },
  CompleteLayerUpload: { run: completeLayerUpload, writes, about: "the digest is checked; quotas hold" },
  CreatePullThroughCacheRule: {
    run: pullThrough.createPullThroughCacheRule,
    writes,
    about: "checked and kept; nothing is pulled through yet; whether there is a secret of `credentialArn` is not asked",
  },
  CreateRepository: {
    run: createRepository,
    writes,
    about:
      "`imageTagMutability` is the setting `tagOverwrite`, and enforced; scanning, encryption and tags are kept and shown, and do nothing",
  },
  CreateRepositoryCreationTemplate: {
    run: templates.createRepositoryCreationTemplate,
    writes,
    about:
      "a push to a name below `prefix` makes the repository so, with `CREATE_ON_PUSH`; kept for the other uses, which do not act yet; a `repositoryPolicy` takes `manage-access`",
  },
  DeleteLifecyclePolicy: {
    run: deleteLifecyclePolicy,
    writes,
    about: "the repository's own; what a namespace says holds from then on",
  },
  DeletePullThroughCacheRule: { run: pullThrough.deletePullThroughCacheRule, writes, about: "the rule" },
  DeleteRegistryPolicy: { run: registryPolicies.deleteRegistryPolicy, writes, about: "gives what it was" },
  DeleteRepository: {
    run: deleteRepository,
    writes,
    about: "without `force` only when it holds no image; what is held or runs somewhere stays; can be undone",
  },
  DeleteRepositoryCreationTemplate: {
    run: templates.deleteRepositoryCreationTemplate,
    writes,
    about: "repositories that began with it stay as they are",
  },
  DeleteRepositoryPolicy: {
    run: deleteRepositoryPolicy,
    writes,
    about: "grants alone decide from then on",
  },
  DeleteSigningConfiguration: {
    run: signing.deleteSigningConfiguration,
    writes,
    about: "gives what it was",
    invalid: "ValidationException",
  },
  DeregisterPullTimeUpdateExclusion: {
    run: exclusions.deregisterPullTimeUpdateExclusion,
    writes,
    about: "the principal's pulls count again, on all nodes within two seconds",
  },
  DescribeImageReplicationStatus: {
    run: describeImageReplicationStatus,
    writes: reads,
    about: "nothing is replicated yet: `replicationStatuses` is empty",
  },
  DescribeImageScanFindings: {
    run: describeImageScanFindings,
    writes: reads,
    about: "`ScanNotFoundException` for every image: there is no scanner yet",
  },
  DescribeImageSigningStatus: {
    run: signing.describeImageSigningStatus,
    writes: reads,
    about: "nothing is signed yet: `signingStatuses` is empty",
  },
  DescribeImages: {
    run: describeImages,
    writes: reads,
    about:
      "every manifest, children of an index among them; sizes as ECR counts them; `lastRecordedPullTime` to the minute; archived ones by their id, or with the filter",
  },
  DescribePullThroughCacheRules: {
    run: pullThrough.describePullThroughCacheRules,
    writes: reads,
    about: "as they were written; nothing is pulled through yet",
  },
  DescribeRegistry: {
    run: describeRegistry,
    writes: reads,
    about: "the rules that were put; nothing is replicated yet",
  },
  DescribeRepositories: {
    run: describeRepositories,
    writes: reads,
    about: "those that the caller may pull from; a setting that ECR cannot say shows as the nearest that is not looser",
  },
  DescribeRepositoryCreationTemplates: {
    run: templates.describeRepositoryCreationTemplates,
    writes: reads,
    about:
      "by prefix; those that are not there are passed over; `repositoryPolicy` is shown to who may `manage-access`",
  },
  GetAccountSetting: { run: getAccountSetting, writes: reads, about: "what was set, or what is so here" },
  GetAuthorizationToken: {
    run: getAuthorizationToken,
    writes: reads,
    about: "a password for the user `AWS`, for 12 hours",
  },
  GetDownloadUrlForLayer: {
    run: getDownloadUrlForLayer,
    writes: reads,
    about: "an address for an hour, or until the caller may no longer pull; none for what is archived",
  },
  GetLifecyclePolicy: {
    run: getLifecyclePolicy,
    writes: reads,
    about: "the policy that holds, also where a namespace says it; one in another grammar than ECR's is none",
  },
  GetLifecyclePolicyPreview: {
    run: getLifecyclePolicyPreview,
    writes: reads,
    about: "the preview that was started last, for a day",
  },
  GetRegistryPolicy: { run: registryPolicies.getRegistryPolicy, writes: reads, about: "the text as it was put" },
  GetRegistryScanningConfiguration: {
    run: getRegistryScanningConfiguration,
    writes: reads,
    about: "as it was put, or `BASIC` without rules",
  },
  GetRepositoryPolicy: { run: getRepositoryPolicy, writes: reads, about: "the text as it was set" },
  GetSigningConfiguration: { run: signing.getSigningConfiguration, writes: reads, about: "as it was put" },
  InitiateLayerUpload: { run: initiateLayerUpload, writes, about: "`uploadId` is no UUID" },
  ListImageReferrers: {
    run: listImageReferrers,
    writes: reads,
    about: "the same list as `/v2/<name>/referrers/<digest>`; archived ones with the filter",
  },
  ListImages: {
    run: listImages,
    writes: reads,
    about: "each tag, each image without one; archived ones with the filter",
  },
  ListPullTimeUpdateExclusions: {
    run: exclusions.listPullTimeUpdateExclusions,
    writes: reads,
    about: "those of the account, at most 100 a page",
  },
  ListTagsForResource: { run: listTagsForResource, writes: reads, about: "as they were set" },
  PutAccountSetting: {
    run: putAccountSetting,
    writes,
    about:
      "`REGISTRY_POLICY_SCOPE` says which actions a registry policy takes; of the others only what is so here is taken: `AWS_NATIVE`, and `ENABLED` for `BLOB_MOUNTING`",
  },
  PutImage: {
    run: putImage,
    writes,
    about: "manifests byte for byte; everything that one names must be there; tags move as `imageTagMutability` says",
    bodyLimit: 9 * mebibyte,
  },
  PutImageScanningConfiguration: {
    run: putImageScanningConfiguration,
    writes,
    about: "kept and shown; nothing is scanned yet",
  },
  PutImageTagMutability: {
    run: putImageTagMutability,
    writes,
    about: "the setting `tagOverwrite`, enforced for every client; deletes go on",
  },
  PutLifecyclePolicy: {
    run: putLifecyclePolicy,
    writes,
    about: "the setting `lifecycle`, run with ECR's own semantics, also for the archive",
  },
  PutRegistryPolicy: {
    run: registryPolicies.putRegistryPolicy,
    writes,
    about:
      "evaluated like a repository's, for all repositories of the account and for what this API does to the registry; what it says of replication and import is kept, and does not act yet",
  },
  PutRegistryScanningConfiguration: {
    run: putRegistryScanningConfiguration,
    writes,
    about: "checked, kept and shown; nothing is scanned yet",
  },
  PutReplicationConfiguration: {
    run: putReplicationConfiguration,
    writes,
    about: "checked, kept and shown; nothing is replicated yet",
  },
  PutSigningConfiguration: {
    run: signing.putSigningConfiguration,
    writes,
    about: "checked, kept and shown; nothing is signed yet",
  },
  RegisterPullTimeUpdateExclusion: {
    run: exclusions.registerPullTimeUpdateExclusion,
    writes,
    about:
      "pulls by this user, robot or role move no `lastRecordedPullTime`, by any client, on all nodes within two seconds",
  },
  SetRepositoryPolicy: {
    run: setRepositoryPolicy,
    writes,
    about:
      "evaluated for every client, beside grants; Deny wins; what cannot be evaluated is refused with its statement; nobody allows what they lack",
  },
  StartImageScan: {
    run: startImageScan,
    writes,
    about: "`ValidationException` for every image: there is no scanner yet",
  },
  StartLifecyclePolicyPreview: {
    run: startLifecyclePolicyPreview,
    writes,
    about: "a job; one at a time for each repository",
  },
  TagResource: { run: tagResource, writes, about: "kept and shown" },
  UntagResource: { run: untagResource, writes, about: "kept and shown" },
  UpdateImageStorageClass: {
    run: updateImageStorageClass,
    writes,
    about:
      "archived images are kept and not served, with what refers to them; no space is saved; back at once, or by a push",
  },
  UpdatePullThroughCacheRule: { run: pullThrough.updatePullThroughCacheRule, writes, about: "what is not named stays" },
  UpdateRepositoryCreationTemplate: {
    run: templates.updateRepositoryCreationTemplate,
    writes,
    about: "what is not named stays; an empty text takes away what was said",
  },
  UploadLayerPart: {
    run: uploadLayerPart,
    writes,
    about: "parts in their order, each up to 20 MiB; small ones are taken, too",
    bodyLimit: 28 * mebibyte,
  },
  ValidatePullThroughCacheRule: {
    run: pullThrough.validatePullThroughCacheRule,
    writes: reads,
    about: "`isValid` is false, and `failure` says that nothing is pulled through yet",
  },
};
