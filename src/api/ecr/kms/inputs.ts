import { flag, list, number, structure, text, word } from "../model/shape.ts";
import type { Shape } from "../model/shape.ts";

/** Id of a key, or its ARN. */
const KeyId = text({ min: 1, max: 2048 });
/** Begins with `alias/`. */
const AliasName = text({ min: 1, max: 256 }, "^[a-zA-Z0-9:/_-]+$");
const TargetKeyId = KeyId;
const Description = text({ max: 8192 });
const Tags = list(structure({ TagKey: text({ min: 1, max: 128 }), TagValue: text({ max: 256 }) }, {}), { max: 50 });
const policy = text({ min: 1, max: 32_768 });
const ofKey = structure({ KeyId }, {});

/** Calls of the Key Management Service that clients of ECR make about a key that a repository names. */
export const kmsInputs = {
  CancelKeyDeletion: ofKey,
  CreateAlias: structure({ AliasName, TargetKeyId }, {}),
  CreateKey: structure(
    {},
    {
      Description,
      KeyUsage: word("ENCRYPT_DECRYPT"),
      KeySpec: word("SYMMETRIC_DEFAULT"),
      CustomerMasterKeySpec: word("SYMMETRIC_DEFAULT"),
      Origin: word("AWS_KMS"),
      MultiRegion: flag,
      Policy: policy,
      BypassPolicyLockoutSafetyCheck: flag,
      Tags,
    },
  ),
  DeleteAlias: structure({ AliasName }, {}),
  DescribeKey: ofKey,
  DisableKeyRotation: ofKey,
  EnableKeyRotation: structure({ KeyId }, { RotationPeriodInDays: number({ min: 90, max: 2560 }) }),
  GetKeyPolicy: structure({ KeyId }, { PolicyName: text({ min: 1, max: 128 }) }),
  GetKeyRotationStatus: ofKey,
  ListAliases: structure({}, { KeyId, Limit: number({ min: 1, max: 100 }), Marker: text({ min: 1, max: 320 }) }),
  ListResourceTags: structure({ KeyId }, { Limit: number({ min: 1, max: 1000 }), Marker: text({ max: 1024 }) }),
  PutKeyPolicy: structure(
    { KeyId, Policy: policy },
    { PolicyName: text({ min: 1, max: 128 }), BypassPolicyLockoutSafetyCheck: flag },
  ),
  ScheduleKeyDeletion: structure({ KeyId }, { PendingWindowInDays: number({ min: 7, max: 30 }) }),
  TagResource: structure({ KeyId, Tags }, {}),
  UntagResource: structure({ KeyId, TagKeys: list(text({ min: 1, max: 128 }), { max: 50 }) }, {}),
  UpdateAlias: structure({ AliasName, TargetKeyId }, {}),
  UpdateKeyDescription: structure({ KeyId, Description }, {}),
} as const satisfies Readonly<Record<string, Shape>>;

export type KmsName = keyof typeof kmsInputs;

export type KmsInput<K extends KmsName> = NonNullable<(typeof kmsInputs)[K]["type"]>;
