import { expect } from "vitest";
import type { EcrStep } from "./aws-clients.ts";
import type { OperationName } from "../../src/api/ecr/model/inputs.ts";
import { digestOf, types } from "./wire-client.ts";

/** One call, and what it gives where the operation is served. */
export interface EcrExample extends EcrStep {
  /** Members of the answer, as clients show them; undefined for an operation that nobody has shown yet. */
  readonly gives: object | undefined;
}

const repositoryName = "team/app";
const registryId = "000000000000";
const resourceArn = `arn:aws:ecr:eu-central-1:${registryId}:repository/${repositoryName}`;
/** Config and layer in one. */
const blob = "{}";
const layerDigest = digestOf(blob);

const imageOf = (n: string) =>
  JSON.stringify({
    schemaVersion: 2,
    mediaType: types.manifest,
    config: { mediaType: types.config, digest: layerDigest, size: blob.length },
    layers: [{ mediaType: types.layer, digest: layerDigest, size: blob.length }],
    annotations: { n },
  });
const [first, second] = [imageOf("1"), imageOf("2")];
const index = JSON.stringify({
  schemaVersion: 2,
  mediaType: types.index,
  manifests: [{ mediaType: types.manifest, digest: digestOf(first), size: first.length }],
});
const signature = JSON.stringify({
  ...JSON.parse(imageOf("3")),
  artifactType: "application/vnd.example.signature",
  subject: { mediaType: types.manifest, digest: digestOf(first), size: first.length },
});

const lifecyclePolicyText = JSON.stringify({
  rules: [
    {
      rulePriority: 1,
      description: "images without a tag go",
      selection: { tagStatus: "untagged", countType: "imageCountMoreThan", countNumber: 1000 },
      action: { type: "expire" },
    },
  ],
});
const allow = (action: string, resource: object = {}) =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "one",
        Effect: "Allow",
        Principal: { AWS: `arn:aws:iam::${registryId}:root` },
        Action: action,
        ...resource,
      },
    ],
  });
const policyText = allow("ecr:BatchGetImage");
const registryPolicyText = allow("ecr:CreateRepository", {
  Resource: `arn:aws:ecr:eu-central-1:${registryId}:repository/*`,
});
const signingProfileArn = `arn:aws:signer:eu-central-1:${registryId}:/signing-profiles/team`;
const signingConfiguration = { rules: [{ signingProfileArn }] };
const replicationConfiguration = { rules: [{ destinations: [{ region: "eu-west-1", registryId: "123456789012" }] }] };
const scanningRules = [
  { scanFrequency: "SCAN_ON_PUSH", repositoryFilters: [{ filter: "team/*", filterType: "WILDCARD" }] },
];
const principalArn = `arn:aws:iam::${registryId}:role/scanner`;
const ecrRepositoryPrefix = "k8s";

const of = { repositoryName };
const imageId = { imageTag: "v1" };

const call = (operation: OperationName, input: EcrStep["input"], gives?: object): EcrExample => ({
  ...{ operation, input, how: "call", gives },
});
const pages = (operation: OperationName, input: EcrStep["input"], gives?: object): EcrExample => ({
  ...{ operation, input, how: "pages", gives },
});
const wait = (operation: OperationName, how: EcrStep["how"], input: EcrStep["input"]): EcrExample => ({
  ...{ operation, input, how, gives: { waited: true } },
});
const some = expect.anything();
const items = (count: number) => expect.objectContaining({ length: count });

/**
 * Calls that make sense one after the other, on a registry that is empty: each operation once or more, each paginator and
 * waiter once. They leave the registry as they found it, but for what the clients' account is set to.
 * @param host of the server
 */
export const ecrExamples = (host: string): readonly EcrExample[] => [
  call("GetAuthorizationToken", {}, { authorizationData: [{ proxyEndpoint: `http://${host}`, expiresAt: some }] }),
  call(
    "CreateRepository",
    { ...of, imageTagMutability: "MUTABLE", imageScanningConfiguration: { scanOnPush: false } },
    { repository: { ...of, registryId, repositoryArn: resourceArn, repositoryUri: `${host}/${repositoryName}` } },
  ),
  call("DescribeRepositories", { repositoryNames: [repositoryName] }, { repositories: [of] }),
  pages("DescribeRepositories", {}, { repositories: [of] }),
  call("InitiateLayerUpload", of, { uploadId: some, partSize: some }),
  call(
    "UploadLayerPart",
    {
      ...of,
      uploadId: "${InitiateLayerUpload.uploadId}",
      partFirstByte: 0,
      partLastByte: blob.length - 1,
      layerPartBlob: blob,
    },
    { lastByteReceived: blob.length - 1 },
  ),
  call(
    "CompleteLayerUpload",
    { ...of, uploadId: "${InitiateLayerUpload.uploadId}", layerDigests: [layerDigest] },
    { layerDigest },
  ),
  call(
    "BatchCheckLayerAvailability",
    { ...of, layerDigests: [layerDigest] },
    { layers: [{ layerDigest, layerAvailability: "AVAILABLE" }] },
  ),
  ...[first, second, index, signature].map((imageManifest, at) =>
    call(
      "PutImage",
      { ...of, imageManifest, imageTag: `v${at + 1}` },
      { image: { ...of, imageId: { imageTag: `v${at + 1}`, imageDigest: digestOf(imageManifest) } } },
    ),
  ),
  call("GetDownloadUrlForLayer", { ...of, layerDigest }, { layerDigest, downloadUrl: some }),
  call("BatchGetImage", { ...of, imageIds: [imageId] }, { images: [{ imageManifest: first }], failures: [] }),
  call("ListImages", { ...of, filter: { tagStatus: "UNTAGGED" } }, { imageIds: [] }),
  pages("ListImages", of, { imageIds: items(4) }),
  call("DescribeImages", { ...of, imageIds: [imageId] }, { imageDetails: [{ imageDigest: digestOf(first) }] }),
  pages("DescribeImages", of, { imageDetails: items(4) }),
  call(
    "ListImageReferrers",
    { ...of, subjectId: { imageDigest: digestOf(first) } },
    { referrers: [{ digest: digestOf(signature) }] },
  ),
  call(
    "UpdateImageStorageClass",
    { ...of, imageId: { imageTag: "v2" }, targetStorageClass: "ARCHIVE" },
    { ...of, imageStatus: "ARCHIVED" },
  ),
  call(
    "UpdateImageStorageClass",
    { ...of, imageId: { imageTag: "v2" }, targetStorageClass: "STANDARD" },
    { ...of, imageStatus: "ACTIVE" },
  ),
  call("DescribeImageReplicationStatus", { ...of, imageId }, { replicationStatuses: some }),
  call("DescribeImageSigningStatus", { ...of, imageId }, { signingStatuses: some }),
  call("StartImageScan", { ...of, imageId }, { refused: "ValidationException" }),
  {
    ...wait("DescribeImageScanFindings", "ImageScanComplete", { ...of, imageId }),
    gives: { refused: "ScanNotFoundException" },
  },
  call("DescribeImageScanFindings", { ...of, imageId }, { refused: "ScanNotFoundException" }),
  pages("DescribeImageScanFindings", { ...of, imageId }, { refused: "ScanNotFoundException" }),
  call("TagResource", { resourceArn, tags: [{ Key: "team", Value: "a" }] }, {}),
  call("ListTagsForResource", { resourceArn }, { tags: [{ Key: "team", Value: "a" }] }),
  call("UntagResource", { resourceArn, tagKeys: ["team"] }, {}),
  call("PutImageTagMutability", { ...of, imageTagMutability: "IMMUTABLE" }, { imageTagMutability: "IMMUTABLE" }),
  call(
    "PutImageScanningConfiguration",
    { ...of, imageScanningConfiguration: { scanOnPush: true } },
    { imageScanningConfiguration: { scanOnPush: true } },
  ),
  call("PutLifecyclePolicy", { ...of, lifecyclePolicyText }, { ...of, lifecyclePolicyText: some }),
  call("GetLifecyclePolicy", of, { lifecyclePolicyText: some }),
  call("StartLifecyclePolicyPreview", of, { status: some }),
  wait("GetLifecyclePolicyPreview", "LifecyclePolicyPreviewComplete", of),
  call("GetLifecyclePolicyPreview", of, { status: "COMPLETE" }),
  pages("GetLifecyclePolicyPreview", of, { previewResults: [] }),
  call("DeleteLifecyclePolicy", of, { lifecyclePolicyText: some }),
  call("SetRepositoryPolicy", { ...of, policyText }, { ...of, policyText: some }),
  call("GetRepositoryPolicy", of, { policyText: some }),
  call("DeleteRepositoryPolicy", of, { policyText: some }),
  call("PutRegistryPolicy", { policyText: registryPolicyText }, { policyText: some }),
  call("GetRegistryPolicy", {}, { policyText: some }),
  call("DeleteRegistryPolicy", {}, { policyText: some }),
  call("PutAccountSetting", { name: "BLOB_MOUNTING", value: "ENABLED" }, { value: "ENABLED" }),
  call("GetAccountSetting", { name: "BLOB_MOUNTING" }, { value: "ENABLED" }),
  call(
    "PutRegistryScanningConfiguration",
    { scanType: "BASIC", rules: scanningRules },
    { registryScanningConfiguration: { scanType: "BASIC" } },
  ),
  call("GetRegistryScanningConfiguration", {}, { scanningConfiguration: { scanType: "BASIC", rules: scanningRules } }),
  call(
    "BatchGetRepositoryScanningConfiguration",
    { repositoryNames: [repositoryName] },
    { scanningConfigurations: [{ ...of, scanOnPush: true }], failures: [] },
  ),
  call("PutReplicationConfiguration", { replicationConfiguration }, { replicationConfiguration }),
  call("DescribeRegistry", {}, { registryId, replicationConfiguration }),
  call(
    "CreatePullThroughCacheRule",
    { ecrRepositoryPrefix, upstreamRegistryUrl: "registry.k8s.io" },
    { ecrRepositoryPrefix },
  ),
  call("DescribePullThroughCacheRules", {}, { pullThroughCacheRules: [{ ecrRepositoryPrefix }] }),
  pages("DescribePullThroughCacheRules", {}, { pullThroughCacheRules: [{ ecrRepositoryPrefix }] }),
  call("UpdatePullThroughCacheRule", { ecrRepositoryPrefix }, { ecrRepositoryPrefix }),
  call("ValidatePullThroughCacheRule", { ecrRepositoryPrefix }, { ecrRepositoryPrefix }),
  call("DeletePullThroughCacheRule", { ecrRepositoryPrefix }, { ecrRepositoryPrefix }),
  call(
    "CreateRepositoryCreationTemplate",
    { prefix: "team", appliedFor: ["CREATE_ON_PUSH"], description: "of the team" },
    { repositoryCreationTemplate: { prefix: "team" } },
  ),
  call("DescribeRepositoryCreationTemplates", {}, { repositoryCreationTemplates: [{ prefix: "team" }] }),
  pages("DescribeRepositoryCreationTemplates", {}, { repositoryCreationTemplates: [{ prefix: "team" }] }),
  call(
    "UpdateRepositoryCreationTemplate",
    { prefix: "team", description: "changed" },
    { repositoryCreationTemplate: { prefix: "team", description: "changed" } },
  ),
  call("DeleteRepositoryCreationTemplate", { prefix: "team" }, { repositoryCreationTemplate: { prefix: "team" } }),
  call("RegisterPullTimeUpdateExclusion", { principalArn }, { principalArn }),
  call("ListPullTimeUpdateExclusions", {}, { pullTimeUpdateExclusions: [principalArn] }),
  call("DeregisterPullTimeUpdateExclusion", { principalArn }, { principalArn }),
  call("PutSigningConfiguration", { signingConfiguration }, { signingConfiguration }),
  call("GetSigningConfiguration", {}, { signingConfiguration }),
  call("DeleteSigningConfiguration", {}, { signingConfiguration }),
  call(
    "BatchDeleteImage",
    { ...of, imageIds: [{ imageTag: "v3" }, { imageTag: "none" }] },
    { imageIds: [{ imageTag: "v3" }], failures: [{ failureCode: "ImageNotFound" }] },
  ),
  call("DeleteRepository", { ...of, force: true }, { repository: of }),
];
