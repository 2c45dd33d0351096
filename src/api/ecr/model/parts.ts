import { flag, list, number, structure, text, word } from "./shape.ts";

/*
 * What inputs are made of, in the words and with the limits of the service's documentation.
 */

const repositoryPath = String.raw`[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*`;
const prefixPath = String.raw`^(${repositoryPath}\/?|ROOT)$`;

/** Twelve digits at Amazon; fewer are taken. */
export const registryId = text({}, "[0-9]{1,12}");
export const repositoryName = text({ min: 2, max: 256 }, repositoryPath);
export const prefix = text({ min: 1, max: 256 }, prefixPath);
/** Of pull-through rules. */
export const shortPrefix = text({ min: 2, max: 30 }, prefixPath);

export const imageDigest = text();
export const imageTag = text({ min: 1, max: 300 });
export const imageId = structure({}, { imageDigest, imageTag });
export const imageIds = list(imageId, { min: 1, max: 100 });
export const layerDigest = text({}, "[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+");
/** A UUID at Amazon; here it is what opening an upload gave, which clients do not look into. */
export const uploadId = text({ min: 1, max: 200 }, "[0-9a-zA-Z_-]+");

export const nextToken = text();
export const maxResults = number({ min: 1, max: 1000 });

export const tagStatus = word("TAGGED", "UNTAGGED", "ANY");
export const imageStatus = word("ACTIVE", "ARCHIVED", "ACTIVATING", "ANY");
export const imageFilter = structure({}, { tagStatus, imageStatus });

export const tagMutability = word("MUTABLE", "IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION");
export const exclusionFilters = list(
  structure({ filterType: word("WILDCARD"), filter: text({ min: 1, max: 128 }, "^[0-9a-zA-Z._*-]{1,128}$") }, {}),
  { min: 1, max: 5 },
);

const encryptionType = word("AES256", "KMS", "KMS_DSSE");
export const encryption = structure({ encryptionType }, { kmsKey: text({ min: 1, max: 2048 }) });
export const templateEncryption = structure(
  { encryptionType },
  { kmsKey: text({ max: 2048 }, String.raw`^$|arn:aws[a-z0-9-]*:kms:[a-z0-9-]+:[0-9]{12}:key\/[a-z0-9-]+`) },
);
export const scanning = structure({}, { scanOnPush: flag });

/** Unlike all others, these members begin with capitals. */
export const resourceTags = list(structure({ Key: text(), Value: text() }, {}));

export const policyText = text({ max: 10_240 });
export const lifecycleText = text({ min: 100, max: 30_720 });

export const accountSettingName = text({ min: 1, max: 64 });
export const roleArn = text({ max: 2048 });
export const credentialArn = text(
  { min: 50, max: 612 },
  String.raw`^arn:aws(-\w+)*:secretsmanager:[a-zA-Z0-9-:]+:secret:ecr\-pullthroughcache\/[a-zA-Z0-9\/_+=.@-]+$`,
);
export const principalArn = text(
  { max: 200 },
  String.raw`^arn:aws(-[a-z]+)*:iam::[0-9]{12}:(role|user)/[\w+=,.@-]+(/[\w+=,.@-]+)*$`,
);

export const scanningRules = list(
  structure(
    {
      scanFrequency: word("SCAN_ON_PUSH", "CONTINUOUS_SCAN", "MANUAL"),
      repositoryFilters: list(
        structure(
          {
            filter: text({ min: 1, max: 255 }, String.raw`^[a-z0-9*](?:[._\-/a-z0-9*]?[a-z0-9*]+)*$`),
            filterType: word("WILDCARD"),
          },
          {},
        ),
        { max: 100 },
      ),
    },
    {},
  ),
  { max: 2 },
);

export const replication = structure(
  {
    rules: list(
      structure(
        {
          destinations: list(structure({ region: text({ min: 2, max: 25 }, "[0-9a-z-]{2,25}"), registryId }, {}), {
            max: 100,
          }),
        },
        {
          repositoryFilters: list(
            structure(
              {
                filter: text({ min: 2, max: 256 }, "^(?:[a-z0-9]+(?:[._-][a-z0-9]*)*/)*[a-z0-9]*(?:[._-][a-z0-9]*)*$"),
                filterType: word("PREFIX_MATCH"),
              },
              {},
            ),
            { min: 1, max: 100 },
          ),
        },
      ),
      { max: 10 },
    ),
  },
  {},
);

export const signing = structure(
  {
    rules: list(
      structure(
        {
          signingProfileArn: text(
            { max: 200 },
            String.raw`^arn:aws(-[a-z]+)*:signer:[a-z0-9-]+:[0-9]{12}:\/signing-profiles\/[a-zA-Z0-9_]{2,}$`,
          ),
        },
        {
          repositoryFilters: list(
            structure(
              {
                filter: text(
                  { min: 1, max: 256 },
                  "^(?:[a-z0-9*]+(?:[._-][a-z0-9*]+)*/)*[a-z0-9*]+(?:[._-][a-z0-9*]+)*$",
                ),
                filterType: word("WILDCARD_MATCH"),
              },
              {},
            ),
            { min: 1, max: 100 },
          ),
        },
      ),
      { max: 10 },
    ),
  },
  {},
);
