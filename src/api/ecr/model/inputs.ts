import { bytes, flag, list, number, structure, text, word } from "./shape.ts";
import type { Shape } from "./shape.ts";
import {
  accountSettingName,
  credentialArn,
  encryption,
  exclusionFilters,
  imageDigest,
  imageFilter,
  imageId,
  imageIds,
  imageStatus,
  imageTag,
  layerDigest,
  lifecycleText,
  maxResults,
  nextToken,
  policyText,
  prefix,
  principalArn,
  registryId,
  replication,
  repositoryName,
  resourceTags,
  roleArn,
  scanning,
  scanningRules,
  shortPrefix,
  signing,
  tagMutability,
  tagStatus,
  templateEncryption,
  uploadId,
} from "./parts.ts";

const page = { nextToken, maxResults };
const ofRepository = structure({ repositoryName }, { registryId });
const ofImage = structure({ repositoryName, imageId }, { registryId });
const nothing = structure({}, {});

const template = {
  description: text({ max: 256 }),
  encryptionConfiguration: templateEncryption,
  resourceTags,
  imageTagMutability: tagMutability,
  imageTagMutabilityExclusionFilters: exclusionFilters,
  repositoryPolicy: policyText,
  lifecyclePolicy: text({ max: 30_720 }),
  customRoleArn: roleArn,
};
const appliedFor = list(word("REPLICATION", "PULL_THROUGH_CACHE", "CREATE_ON_PUSH"));

/** What each operation of the service takes, by its name. */
export const inputs = {
  BatchCheckLayerAvailability: structure(
    { repositoryName, layerDigests: list(text({ max: 1000 }), { min: 1, max: 100 }) },
    { registryId },
  ),
  BatchDeleteImage: structure({ repositoryName, imageIds }, { registryId }),
  BatchGetImage: structure(
    { repositoryName, imageIds },
    { registryId, acceptedMediaTypes: list(text(), { min: 1, max: 100 }) },
  ),
  BatchGetRepositoryScanningConfiguration: structure(
    { repositoryNames: list(repositoryName, { min: 1, max: 25 }) },
    {},
  ),
  CompleteLayerUpload: structure(
    { repositoryName, uploadId, layerDigests: list(layerDigest, { min: 1, max: 100 }) },
    { registryId },
  ),
  CreatePullThroughCacheRule: structure(
    { ecrRepositoryPrefix: shortPrefix, upstreamRegistryUrl: text() },
    {
      registryId,
      upstreamRegistry: word(
        "ecr",
        "ecr-public",
        "quay",
        "k8s",
        "docker-hub",
        "github-container-registry",
        "azure-container-registry",
        "gitlab-container-registry",
        "chainguard",
      ),
      credentialArn,
      customRoleArn: roleArn,
      upstreamRepositoryPrefix: shortPrefix,
    },
  ),
  CreateRepository: structure(
    { repositoryName },
    {
      registryId,
      tags: resourceTags,
      imageTagMutability: tagMutability,
      imageTagMutabilityExclusionFilters: exclusionFilters,
      imageScanningConfiguration: scanning,
      encryptionConfiguration: encryption,
    },
  ),
  CreateRepositoryCreationTemplate: structure({ prefix, appliedFor }, template),
  DeleteLifecyclePolicy: ofRepository,
  DeletePullThroughCacheRule: structure({ ecrRepositoryPrefix: shortPrefix }, { registryId }),
  DeleteRegistryPolicy: nothing,
  DeleteRepository: structure({ repositoryName }, { registryId, force: flag }),
  DeleteRepositoryCreationTemplate: structure({ prefix }, {}),
  DeleteRepositoryPolicy: ofRepository,
  DeleteSigningConfiguration: nothing,
  DeregisterPullTimeUpdateExclusion: structure({ principalArn }, {}),
  DescribeImageReplicationStatus: ofImage,
  DescribeImageScanFindings: structure({ repositoryName, imageId }, { registryId, ...page }),
  DescribeImageSigningStatus: ofImage,
  DescribeImages: structure({ repositoryName }, { registryId, imageIds, ...page, filter: imageFilter }),
  DescribePullThroughCacheRules: structure(
    {},
    { registryId, ecrRepositoryPrefixes: list(shortPrefix, { min: 1, max: 100 }), ...page },
  ),
  DescribeRegistry: nothing,
  DescribeRepositories: structure(
    {},
    { registryId, repositoryNames: list(repositoryName, { min: 1, max: 100 }), ...page },
  ),
  DescribeRepositoryCreationTemplates: structure({}, { prefixes: list(prefix), ...page }),
  GetAccountSetting: structure({ name: accountSettingName }, {}),
  GetAuthorizationToken: structure({}, { registryIds: list(registryId, { min: 1, max: 10 }) }),
  GetDownloadUrlForLayer: structure({ repositoryName, layerDigest }, { registryId }),
  GetLifecyclePolicy: ofRepository,
  GetLifecyclePolicyPreview: structure(
    { repositoryName },
    {
      registryId,
      imageIds,
      nextToken,
      maxResults: number({ min: 1, max: 100 }),
      filter: structure({}, { tagStatus }),
    },
  ),
  GetRegistryPolicy: nothing,
  GetRegistryScanningConfiguration: nothing,
  GetRepositoryPolicy: ofRepository,
  GetSigningConfiguration: nothing,
  InitiateLayerUpload: ofRepository,
  ListImageReferrers: structure(
    { repositoryName, subjectId: structure({ imageDigest }, {}) },
    {
      registryId,
      filter: structure(
        {},
        { artifactTypes: list(text({ min: 1, max: 255 }), { max: 5 }), artifactStatus: imageStatus },
      ),
      nextToken,
      maxResults: number({ min: 1, max: 50 }),
    },
  ),
  ListImages: structure({ repositoryName }, { registryId, ...page, filter: imageFilter }),
  ListPullTimeUpdateExclusions: structure({}, page),
  ListTagsForResource: structure({ resourceArn: text() }, {}),
  PutAccountSetting: structure({ name: accountSettingName, value: text() }, {}),
  PutImage: structure(
    { repositoryName, imageManifest: text({ min: 1, max: 4_194_304 }) },
    { registryId, imageManifestMediaType: text(), imageTag, imageDigest },
  ),
  PutImageScanningConfiguration: structure({ repositoryName, imageScanningConfiguration: scanning }, { registryId }),
  PutImageTagMutability: structure(
    { repositoryName, imageTagMutability: tagMutability },
    { registryId, imageTagMutabilityExclusionFilters: exclusionFilters },
  ),
  PutLifecyclePolicy: structure({ repositoryName, lifecyclePolicyText: lifecycleText }, { registryId }),
  PutRegistryPolicy: structure({ policyText }, {}),
  PutRegistryScanningConfiguration: structure({}, { scanType: word("BASIC", "ENHANCED"), rules: scanningRules }),
  PutReplicationConfiguration: structure({ replicationConfiguration: replication }, {}),
  PutSigningConfiguration: structure({ signingConfiguration: signing }, {}),
  RegisterPullTimeUpdateExclusion: structure({ principalArn }, {}),
  SetRepositoryPolicy: structure({ repositoryName, policyText }, { registryId, force: flag }),
  StartImageScan: ofImage,
  StartLifecyclePolicyPreview: structure({ repositoryName }, { registryId, lifecyclePolicyText: lifecycleText }),
  TagResource: structure({ resourceArn: text(), tags: resourceTags }, {}),
  UntagResource: structure({ resourceArn: text(), tagKeys: list(text()) }, {}),
  UpdateImageStorageClass: structure(
    { repositoryName, imageId, targetStorageClass: word("STANDARD", "ARCHIVE") },
    { registryId },
  ),
  UpdatePullThroughCacheRule: structure(
    { ecrRepositoryPrefix: shortPrefix },
    { registryId, credentialArn, customRoleArn: roleArn },
  ),
  UpdateRepositoryCreationTemplate: structure({ prefix }, { ...template, appliedFor }),
  UploadLayerPart: structure(
    {
      repositoryName,
      uploadId,
      partFirstByte: number({ min: 0 }),
      partLastByte: number({ min: 0 }),
      layerPartBlob: bytes({ max: 20 * 1024 ** 2 }),
    },
    { registryId },
  ),
  ValidatePullThroughCacheRule: structure({ ecrRepositoryPrefix: shortPrefix }, { registryId }),
} as const satisfies Readonly<Record<string, Shape>>;

export type OperationName = keyof typeof inputs;

/** What an operation is given, checked. */
export type InputOf<K extends OperationName> = NonNullable<(typeof inputs)[K]["type"]>;
