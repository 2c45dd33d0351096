import type { IamPolicy } from "../../policy/index.ts";

/** The policy of a repository or of a registry. */
export interface HeldPolicy {
  /** Id of the repository; the namespace that the registry is, and since when it is there, in milliseconds since 1970. */
  readonly of: number | { readonly path: string; readonly since: number };
  /** Twelve digits: whose users and roles it names. */
  readonly account: string;
  /** Undefined for one that this release cannot read, which denies everything. */
  readonly policy: IamPolicy | undefined;
  /** By ARN, who had it when the policy was set: `account:12`, `robot:3`, `rule:4`. */
  readonly bound: ReadonlyMap<string, readonly string[]>;
  readonly revision: string;
}

/** The policy of a registry. */
export interface RegistryPolicy extends HeldPolicy {
  readonly of: { readonly path: string; readonly since: number };
}

/** A repository that has a policy. */
export interface PolicyPlace {
  readonly id: number;
  readonly name: string;
  readonly public: boolean;
}

/** All policies there are at one version of rights. */
export interface HeldPolicies {
  readonly version: number;
  /** In byte order of their names. */
  readonly places: readonly PolicyPlace[];
  /** By id of the repository. */
  readonly held: ReadonlyMap<number, HeldPolicy>;
  readonly registries: readonly RegistryPolicy[];
}

/** What a process knows of policies. */
export interface PolicyMemory {
  known: HeldPolicies;
  loading: { readonly version: number; readonly done: Promise<HeldPolicies> } | undefined;
}

export function newPolicyMemory(): PolicyMemory {
  return { known: { version: -1, places: [], held: new Map(), registries: [] }, loading: undefined };
}

/** A policy in IAM's form that repositories of a namespace begin with. */
export interface GivenPolicy {
  /** Twelve digits: whose users and roles it names. */
  readonly account: string;
  /** JSON; kept as it is. */
  readonly text: string;
  /** By ARN, who had the name when it was said. */
  readonly bound: Readonly<Record<string, readonly string[]>>;
}
