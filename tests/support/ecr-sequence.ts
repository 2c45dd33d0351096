import type { OperationName } from "../../src/api/ecr/model/inputs.ts";
import type { Dice } from "./fuzz-requests.ts";
import { digestOf, types } from "./wire-client.ts";
import {
  account,
  policies,
  repositoryPolicies,
  wrongPolicies,
  wrongRepositoryPolicies,
} from "./ecr-sequence-policies.ts";

/** A call as the sequence makes it. */
export interface SequenceCall {
  readonly operation: OperationName;
  readonly input: any;
  /** The registry before it, by repository and digest: tags. Of Berth, which is asked last. */
  readonly before: ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string>>>;
  /** Made to see what this operation did. */
  readonly after?: OperationName;
}

/** An image that the sequence pushes. */
export interface PoolImage {
  readonly text: string;
  readonly digest: string;
  readonly mediaType: string;
  /** The media type stands in the manifest itself. */
  readonly says: boolean;
  readonly configSize: number;
  /** As ECR counts it. */
  readonly size: number;
  /** Of an index. */
  readonly children: readonly string[];
}

/** Blobs that are in every repository. */
export const poolBlobs = ["{}", '{"os":"linux"}', "a layer", "a much larger layer than the other one"];

const docker = "application/vnd.docker.distribution.manifest.v2+json";
const describe = (mediaType: string, text: string) => {
  return { mediaType, digest: digestOf(text), size: Buffer.byteLength(text) };
};

function makeImage(config: string, layers: readonly string[], mediaType: string, says: boolean): PoolImage {
  const text = JSON.stringify({
    schemaVersion: 2,
    ...(says && { mediaType }),
    config: describe(types.config, config),
    layers: layers.map((layer) => describe(types.layer, layer)),
  });
  const all = [config, ...layers].map((one) => Buffer.byteLength(one));
  const size = all.reduce((sum, one) => sum + one, 0);
  return { text, digest: digestOf(text), mediaType, says, configSize: all[0]!, size, children: [] };
}

const [empty, linux, small, large] = poolBlobs as [string, string, string, string];

export const pool: readonly PoolImage[] = [
  makeImage(empty, [small], types.manifest, true),
  makeImage(linux, [small], types.manifest, true),
  makeImage(empty, [large], types.manifest, true),
  makeImage(linux, [large, small], docker, true),
  makeImage(linux, [small, large], docker, false),
];

const children = pool.slice(0, 2);
const indexText = JSON.stringify({
  schemaVersion: 2,
  mediaType: types.index,
  manifests: children.map(({ text, mediaType }) => describe(mediaType, text)),
});
export const poolIndex: PoolImage = {
  text: indexText,
  digest: digestOf(indexText),
  mediaType: types.index,
  says: true,
  configSize: 0,
  size: Math.max(...children.map(({ size }) => size)),
  children: children.map(({ digest }) => digest),
};
/** Puts the images that an index lists, and it. */
export function putIndex(repositoryName: string): { readonly operation: "PutImage"; readonly input: object }[] {
  return [...children, poolIndex].map(({ text, digest }, at) => {
    const image = { imageManifest: text, imageDigest: digest, imageTag: ["one", "two", "list"][at] };
    return { operation: "PutImage", input: { repositoryName, ...image } };
  });
}

/** Names a layer that is nowhere. */
const hollow = makeImage(empty, ["nowhere"], types.manifest, true);

const names = ["app", "team/app", "team/sub/x", "a-b.c_d", "prod/web"];
const wrongNames = ["none/such", "none/such", "Upper", "a"];
const tags = ["v1", "v2", "latest", "dev-1", "release-1.0"];
const filters = ["dev-*", "v*", "latest", "*-1*", "release-1.0"];
const scanFilters = ["*", "prod*", "app", "team/*"];
export const region = "eu-central-1";

/** What moto 5.2.1 has nothing of. */
export const lackingOperations: readonly OperationName[] = [
  "BatchCheckLayerAvailability",
  "CompleteLayerUpload",
  "CreatePullThroughCacheRule",
  "CreateRepositoryCreationTemplate",
  "DeletePullThroughCacheRule",
  "DeleteRepositoryCreationTemplate",
  "DeleteSigningConfiguration",
  "DeregisterPullTimeUpdateExclusion",
  "DescribeImageReplicationStatus",
  "DescribeImageSigningStatus",
  "DescribePullThroughCacheRules",
  "DescribeRepositoryCreationTemplates",
  "GetAccountSetting",
  "GetDownloadUrlForLayer",
  "GetLifecyclePolicyPreview",
  "GetSigningConfiguration",
  "InitiateLayerUpload",
  "ListImageReferrers",
  "ListPullTimeUpdateExclusions",
  "PutAccountSetting",
  "PutSigningConfiguration",
  "RegisterPullTimeUpdateExclusion",
  "StartLifecyclePolicyPreview",
  "UpdateImageStorageClass",
  "UpdatePullThroughCacheRule",
  "UpdateRepositoryCreationTemplate",
  "UploadLayerPart",
  "ValidatePullThroughCacheRule",
];

/** Makes the next call, mostly one that finds what it names. */
export function makeCall(dice: Dice, held: SequenceCall["before"]): SequenceCall {
  const made = [...held.keys()];
  const name = () => (dice.once(25) || made.length === 0 ? dice.pick([...names, ...wrongNames]) : dice.pick(made));
  const repositoryName = name();
  const images = held.get(repositoryName) ?? new Map<string, Set<string>>();
  const ofRegistry = dice.once(6) ? { registryId: account } : dice.once(120) ? { registryId: "210987654321" } : {};
  const of = { repositoryName, ...ofRegistry };
  const digest = () =>
    images.size > 0 && !dice.once(6) ? dice.pick([...images.keys()]) : dice.pick([...pool, poolIndex, hollow]).digest;
  const held_tags = [...images.values()].flatMap((all) => [...all]);
  const tag = () => (held_tags.length > 0 && !dice.once(5) ? dice.pick(held_tags) : dice.pick(tags));
  const imageId = () => {
    if (dice.once(60)) return dice.pick([{}, { imageDigest: "nonsense" }, { imageDigest: "sha256:00" }]);
    if (dice.once(6)) {
      const imageDigest = digest();
      const own = [...(images.get(imageDigest) ?? [])];
      return { imageDigest, imageTag: own.length > 0 && dice.once(2) ? dice.pick(own) : tag() };
    }
    return dice.once(2) ? { imageTag: tag() } : { imageDigest: digest() };
  };
  const imageIds = () => Array.from({ length: dice.pick([1, 1, 1, 2, 3]) }, imageId);
  const resourceArn = dice.once(40)
    ? dice.pick(["nonsense", `arn:aws:ecr:${region}:${account}:registry/x`])
    : `arn:aws:ecr:${region}:${account}:repository/${repositoryName}`;
  const filter = dice.once(4) ? { filter: { tagStatus: dice.pick(["TAGGED", "UNTAGGED", "ANY"]) } } : {};
  const mutability = () => {
    const mode = dice.pick(["MUTABLE", "IMMUTABLE", "MUTABLE", "IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION"]);
    const wanted = mode.endsWith("EXCLUSION") !== dice.once(15);
    const excluded = Array.from({ length: 1 + dice.below(2) }, () => ({
      filterType: "WILDCARD",
      filter: dice.pick(filters),
    }));
    return { imageTagMutability: mode, ...(wanted && { imageTagMutabilityExclusionFilters: excluded }) };
  };
  const scanning = () => dice.pick([{ scanOnPush: true }, { scanOnPush: false }, {}]);
  const resourceTags = () =>
    Array.from(new Set([dice.pick(["Team", "Env"]), dice.pick(["Env", "Owner", dice.once(8) ? "aws:x" : "x"])])).map(
      (Key) => ({ Key, Value: dice.pick(["one", "two", ""]) }),
    );
  const makes: readonly (readonly [weight: number, OperationName, () => object])[] = [
    [
      made.length < 3 ? 60 : made.length < names.length ? 8 : 1,
      "CreateRepository",
      () => ({
        repositoryName: dice.once(20) ? dice.pick(wrongNames) : dice.pick(names),
        ...(dice.once(3) && mutability()),
        ...(dice.once(3) && { imageScanningConfiguration: scanning() }),
        ...(dice.once(4) && { tags: resourceTags() }),
        ...(dice.once(5) && {
          encryptionConfiguration: dice.pick([
            { encryptionType: "AES256" },
            { encryptionType: "KMS" },
            { encryptionType: "KMS", kmsKey: `arn:aws:kms:${region}:${account}:key/k-1` },
            { encryptionType: "AES256", kmsKey: "k" },
          ]),
        }),
      }),
    ],
    [1, "DeleteRepository", () => ({ ...of, ...(dice.once(3) && { force: dice.once(2) }) })],
    [
      4,
      "DescribeRepositories",
      () => (dice.once(3) ? {} : { repositoryNames: Array.from({ length: 1 + dice.below(2) }, name) }),
    ],
    [
      24,
      "PutImage",
      () => {
        const again = () => pool.find(({ digest: of }) => images.has(of)) ?? pool[0]!;
        const mayList = children.every((child) => images.has(child.digest));
        const image = dice.once(40)
          ? hollow
          : dice.once(mayList ? 5 : 60)
            ? poolIndex
            : dice.once(3)
              ? again()
              : dice.pick(pool);
        return {
          ...of,
          imageManifest: dice.once(80) ? "no manifest" : image.text,
          ...(dice.once(40) ? {} : { imageDigest: dice.once(60) ? digestOf("other") : image.digest }),
          ...((!image.says || dice.once(4)) && !dice.once(40) && { imageManifestMediaType: image.mediaType }),
          ...(!dice.once(4) && { imageTag: dice.pick(tags) }),
        };
      },
    ],
    [6, "ListImages", () => ({ ...of, ...filter })],
    [9, "DescribeImages", () => ({ ...of, ...(dice.once(2) ? { imageIds: imageIds() } : filter) })],
    [7, "BatchGetImage", () => ({ ...of, imageIds: imageIds() })],
    [7, "BatchDeleteImage", () => ({ ...of, imageIds: imageIds() })],
    [4, "PutImageTagMutability", () => ({ ...of, ...mutability() })],
    [2, "PutImageScanningConfiguration", () => ({ ...of, imageScanningConfiguration: scanning() })],
    [
      3,
      "PutLifecyclePolicy",
      () => {
        const document = dice.once(3) ? dice.pick(wrongPolicies) : dice.pick(policies);
        const text = typeof document === "string" ? document : JSON.stringify(document);
        return { ...of, lifecyclePolicyText: text.padEnd(100) };
      },
    ],
    [3, "GetLifecyclePolicy", () => of],
    [1, "DeleteLifecyclePolicy", () => of],
    [2, "TagResource", () => ({ resourceArn, tags: resourceTags() })],
    [1, "UntagResource", () => ({ resourceArn, tagKeys: [dice.pick(["Team", "Env", "none"])] })],
    [3, "ListTagsForResource", () => ({ resourceArn })],
    [2, "BatchGetRepositoryScanningConfiguration", () => ({ repositoryNames: [repositoryName] })],
    [
      1,
      "PutRegistryScanningConfiguration",
      () => ({
        scanType: dice.pick(["BASIC", "BASIC", "ENHANCED"]),
        rules: dice.once(3)
          ? []
          : [
              {
                scanFrequency: dice.once(8) ? "CONTINUOUS_SCAN" : "SCAN_ON_PUSH",
                repositoryFilters: [{ filter: dice.pick(scanFilters), filterType: "WILDCARD" }],
              },
            ],
      }),
    ],
    [1, "GetRegistryScanningConfiguration", () => ({})],
    [
      1,
      "PutReplicationConfiguration",
      () => {
        const to = (where: string) => ({ destinations: [{ region: where, registryId: account }] });
        const filtered = { ...to("us-east-1"), repositoryFilters: [{ filter: "prod", filterType: "PREFIX_MATCH" }] };
        const rules = dice.pick<object[]>([
          [],
          [to("eu-west-1")],
          [filtered],
          [to(region)],
          [to("eu-west-1"), filtered],
        ]);
        return { replicationConfiguration: { rules } };
      },
    ],
    [1, "DescribeRegistry", () => ({})],
    [1, "GetAuthorizationToken", () => (dice.once(3) ? { registryIds: [account] } : {})],
    [1, "DescribeImageScanFindings", () => ({ ...of, imageId: imageId() })],
    [1, "StartImageScan", () => ({ ...of, imageId: imageId() })],
    [
      3,
      "SetRepositoryPolicy",
      () => {
        const document = dice.once(3) ? dice.pick(wrongRepositoryPolicies) : dice.pick(repositoryPolicies);
        return { ...of, policyText: typeof document === "string" ? document : JSON.stringify(document) };
      },
    ],
    [3, "GetRepositoryPolicy", () => of],
    [1, "DeleteRepositoryPolicy", () => of],
  ];
  let at = dice.below(makes.reduce((sum, [weight]) => sum + weight, 0));
  const [, operation, make] = makes.find(([weight]) => (at -= weight) < 0)!;
  return { operation, input: make(), before: held };
}
