import type { StatementName } from "./iam-fault.ts";
import type { Wildcard } from "./wildcard.ts";
import type { AddressBlock } from "./addresses.ts";
import type { KnownKey } from "./keys.ts";

/** Whom a statement names. */
export interface PrincipalList {
  /** True for `*`. */
  readonly everybody: boolean;
  /** Everybody of the account. */
  readonly account: boolean;
  /** ARNs of users and roles. */
  readonly arns: readonly string[];
}

/** How one value of a request is compared with one of the policy. */
export type Comparison =
  | { readonly by: "text"; readonly wildcard: Wildcard; readonly fold: boolean }
  /** Six parts, between colons. */
  | { readonly by: "arn"; readonly parts: readonly Wildcard[] }
  | { readonly by: "address"; readonly block: AddressBlock }
  | { readonly by: "boolean"; readonly value: boolean }
  /** Milliseconds since 1970. */
  | { readonly by: "order"; readonly order: Order; readonly value: number };

export type Order = "=" | "<" | "<=" | ">" | ">=";

/** One key of one operator. */
export interface Condition {
  /** In lower case. */
  readonly key: string;
  readonly kind: KnownKey["kind"];
  /** `ForAllValues:` and `ForAnyValue:`. */
  readonly quantifier: "all" | "any" | undefined;
  /** `…IfExists`. */
  readonly ifExists: boolean;
  /** The operators with `Not`: none of the values may match. */
  readonly negated: boolean;
  /** Any of them; `null` asks whether the key is there. */
  readonly values: readonly Comparison[] | { readonly absent: readonly boolean[] };
}

/** A statement whose every part can be evaluated. */
export interface IamStatement {
  readonly name: StatementName;
  readonly effect: "Allow" | "Deny";
  readonly principals: PrincipalList;
  /** The principals are those that it is not about. */
  readonly notPrincipal: boolean;
  /** Actions of ECR that it is about, by their full names. */
  readonly actions: ReadonlySet<string>;
  /** Patterns of ARNs; undefined for all. */
  readonly resources: readonly Wildcard[] | undefined;
  readonly notResource: boolean;
  /** All must be met. */
  readonly conditions: readonly Condition[];
  /** Whether a condition or resource asks for what differs from one request of a caller to the next. */
  readonly ofRequest: boolean;
  /** It means everybody alike, whoever asks: one request of two callers is the same to it. */
  readonly common: boolean;
  /** It is about what no registry of this kind does, or about others than its own users, so that nothing comes of it. */
  readonly idle: boolean;
}

/** A policy of a repository or registry, read whole. */
export interface IamPolicy {
  readonly statements: readonly IamStatement[];
  /** ARNs of users and roles that it names, each once. */
  readonly arns: readonly string[];
  /** Whether the answer for one caller, action and resource may differ from one request to the next. */
  readonly ofRequest: boolean;
}

/** What a policy is for. */
export interface PolicyPlace {
  /** A repository's policy is about that repository; a registry's names its repositories in `Resource`. */
  readonly of: "repository" | "registry";
  /** Account whose registry it is: 12 digits. */
  readonly account: string;
  /** Of a registry's policy: with `V1` it is about replication, import and new repositories alone. */
  readonly scope?: "V1" | "V2" | undefined;
  /** The registry answers for every region and partition: what a Resource says of those is passed over. */
  readonly everyRegion?: true;
}
