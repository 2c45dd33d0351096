/** What clients of ECR set of a repository beside its settings; without a row it is as ECR has it by itself. */
export interface EcrRepositoryTable {
  repository_id: number;
  /** 1 when `scanOnPush` is set. */
  scan_on_push: number;
  /** `AES256`, `KMS` or `KMS_DSSE`. Nothing is encrypted by it. */
  encryption: string;
  /** ARN of the key; null for AES256. */
  kms_key: string | null;
  /** JSON: list of `{key, value}`, by key. */
  tags: string;
}

/** A setting of an account's registry that only ECR has, or a key of KMS that its clients named. */
export interface EcrSettingTable {
  /** Twelve digits. */
  account: string;
  /** `BLOB_MOUNTING`, …; `kms-key/<id>`, `kms-alias/<region>/<name>` and `pull-through-cache-rule/<prefix>`, whose values are JSON. */
  name: string;
  value: string;
  changed_at: number;
}

/** What repositories begin with that a push makes below a namespace. */
export interface EcrTemplateTable {
  namespace_id: number;
  /** Path below the namespace without a slash at its end; `ROOT` for all that no other is for. */
  prefix: string;
  /** JSON: what the client said. */
  document: string;
  created_at: number;
  changed_at: number;
}

/** The policy of a repository in IAM's form. */
export interface RepositoryPolicyTable {
  repository_id: number;
  /** Twelve digits: whose users and roles it names. */
  account: string;
  /** As its client wrote it. */
  policy: string;
  /** JSON: who had which of the ARNs that it names when it was set, `{"arn:…": ["account:12"]}`. */
  bound: string;
  /** Tells one policy from another. */
  revision: string;
  changed_at: number;
}

/** The policy of a registry in IAM's form: of a namespace. */
export interface RegistryPolicyTable extends Omit<RepositoryPolicyTable, "repository_id"> {
  namespace_id: number;
  /** `V1` or `V2`: which actions it was read with. */
  scope: string;
}
