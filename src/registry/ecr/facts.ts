import type { EcrRepositoryRow } from "../../metadata/index.ts";
import type { TagRule } from "../../policy/index.ts";

/** A tag of a repository as ECR has them, with which people sort what they pay for; nothing here depends on it. */
export interface ResourceTag {
  readonly key: string;
  readonly value: string;
}

/** What only ECR's clients set of a repository. */
export interface EcrFacts {
  readonly scanOnPush: boolean;
  /** `key` is the ARN of a key. Kept and shown: nothing is encrypted by it. */
  readonly encryption: { readonly type: "AES256" | "KMS" | "KMS_DSSE"; readonly key: string | null };
  /** By key, in byte order. */
  readonly tags: readonly ResourceTag[];
}

/** As ECR has it where a client says nothing of tags. */
export const tagsThatMove: TagRule = { rule: "allow", except: [], by: null };

const standardFacts: EcrFacts = { scanOnPush: false, encryption: { type: "AES256", key: null }, tags: [] };

/** What a row says; undefined is as ECR has it by itself. */
export function factsOf(row: EcrRepositoryRow | undefined): EcrFacts {
  if (row === undefined) return standardFacts;
  return {
    scanOnPush: row.scan_on_push === 1,
    encryption: { type: row.encryption as EcrFacts["encryption"]["type"], key: row.kms_key },
    tags: JSON.parse(row.tags) as readonly ResourceTag[],
  };
}
