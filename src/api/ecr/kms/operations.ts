import { randomUUID } from "node:crypto";
import { putEcrSetting } from "../../../registry/index.ts";
import { placeOf, rootArn } from "../accounts.ts";
import { EcrError } from "../ecr-error.ts";
import { secondsOf } from "../show-repository.ts";
import type { SideCall, SideOperation } from "../side-call.ts";
import { aliasOperations, namedByAlias } from "./aliases.ts";
import type { KmsInput, KmsName } from "./inputs.ts";
import { changeKey, getKey, keyArn, settingOf } from "./keys.ts";
import type { KeptKey } from "./keys.ts";

const day = 86_400_000;
/** Days that a key waits to be deleted where nobody says. */
const standardWindow = 30;

/** All calls about keys that are served. */
export const kmsOperations: { readonly [K in KmsName]: SideOperation<KmsInput<K>> } = {
  CancelKeyDeletion: {
    writes: true,
    async run(call) {
      const { id } = await changeKey(call, (key) => ({ ...key, deletedAt: null }), "pending");
      return { KeyId: keyArn(call, id) };
    },
  },
  CreateAlias: aliasOperations.CreateAlias,
  CreateKey: {
    writes: true,
    async run(call) {
      const { registry, caller, region, input, now } = call;
      if (input.MultiRegion === true) throw refused("keys are of one region: leave MultiRegion out");
      const key: KeptKey = {
        ...{ id: randomUUID(), region, createdAt: now, description: input.Description ?? "", rotates: false },
        policy: input.Policy ?? standardPolicy(call),
        tags: readTags(input.Tags ?? []),
        deletedAt: null,
      };
      await putEcrSetting(registry, caller, placeOf(call), settingOf(key.id), JSON.stringify(key));
      return { KeyMetadata: show(call, key) };
    },
  },
  DeleteAlias: aliasOperations.DeleteAlias,
  DescribeKey: {
    writes: false,
    run: async (call) => ({ KeyMetadata: show(call, await getKey(await namedByAlias(call))) }),
  },
  DisableKeyRotation: {
    writes: true,
    run: async (call) => changed(changeKey(call, (key) => ({ ...key, rotates: false }))),
  },
  EnableKeyRotation: {
    writes: true,
    run: async (call) => changed(changeKey(call, (key) => ({ ...key, rotates: true }))),
  },
  GetKeyPolicy: {
    writes: false,
    run: async (call) => ({ Policy: (await getKey(call)).policy, PolicyName: "default" }),
  },
  GetKeyRotationStatus: {
    writes: false,
    run: async (call) => ({ KeyRotationEnabled: (await getKey(call)).rotates }),
  },
  ListAliases: aliasOperations.ListAliases,
  ListResourceTags: {
    writes: false,
    async run(call) {
      const { tags } = await getKey(call);
      return { Tags: Object.entries(tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue })), Truncated: false };
    },
  },
  PutKeyPolicy: {
    writes: true,
    run: async (call) => changed(changeKey(call, (key) => ({ ...key, policy: call.input.Policy }))),
  },
  ScheduleKeyDeletion: {
    writes: true,
    async run(call) {
      const { input, now } = call;
      const deletedAt = now + (input.PendingWindowInDays ?? standardWindow) * day;
      const { id } = await changeKey(call, (key) => ({ ...key, deletedAt }));
      return { KeyId: keyArn(call, id), KeyState: "PendingDeletion", DeletionDate: secondsOf(deletedAt) };
    },
  },
  TagResource: {
    writes: true,
    async run(call) {
      const added = readTags(call.input.Tags);
      return changed(changeKey(call, (key) => ({ ...key, tags: bounded({ ...key.tags, ...added }) })));
    },
  },
  UntagResource: {
    writes: true,
    async run(call) {
      const gone = new Set(call.input.TagKeys);
      const left = (tags: KeptKey["tags"]) =>
        Object.fromEntries(Object.entries(tags).filter(([key]) => !gone.has(key)));
      return changed(changeKey(call, (key) => ({ ...key, tags: left(key.tags) })));
    },
  },
  UpdateAlias: aliasOperations.UpdateAlias,
  UpdateKeyDescription: {
    writes: true,
    run: async (call) => changed(changeKey(call, (key) => ({ ...key, description: call.input.Description }))),
  },
};

async function changed(work: Promise<unknown>): Promise<object> {
  await work;
  return {};
}

function show(call: SideCall, key: KeptKey): object {
  const pending = key.deletedAt !== null;
  return {
    AWSAccountId: call.account.id,
    KeyId: key.id,
    Arn: keyArn(call, key.id),
    CreationDate: secondsOf(key.createdAt),
    Enabled: !pending,
    Description: key.description,
    KeyUsage: "ENCRYPT_DECRYPT",
    KeyState: pending ? "PendingDeletion" : "Enabled",
    DeletionDate: key.deletedAt === null ? undefined : secondsOf(key.deletedAt),
    Origin: "AWS_KMS",
    KeyManager: "CUSTOMER",
    CustomerMasterKeySpec: "SYMMETRIC_DEFAULT",
    KeySpec: "SYMMETRIC_DEFAULT",
    EncryptionAlgorithms: ["SYMMETRIC_DEFAULT"],
    MultiRegion: false,
  };
}

/** What Amazon gives a key where nobody says. */
function standardPolicy({ region, account }: SideCall): string {
  const root = rootArn(region, account);
  const own = { Sid: "Enable IAM User Permissions", Effect: "Allow", Principal: { AWS: root } };
  const statement = { ...own, Action: "kms:*", Resource: "*" };
  return JSON.stringify({ Version: "2012-10-17", Id: "key-default-1", Statement: [statement] });
}

/** Tags of a key at most. */
const tagLimit = 50;

function readTags(tags: readonly { readonly TagKey: string; readonly TagValue: string }[]): Record<string, string> {
  return bounded(Object.fromEntries(tags.map(({ TagKey, TagValue }) => [TagKey, TagValue])));
}

function bounded<T extends object>(tags: T): T {
  if (Object.keys(tags).length <= tagLimit) return tags;
  throw new EcrError("LimitExceededException", `a key has at most ${tagLimit} tags`);
}

function refused(message: string): EcrError {
  return new EcrError("UnsupportedOperationException", message);
}
