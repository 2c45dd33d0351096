import { isFormatAsStrict, isRuleAsStrict, releases } from "./tag-rules.ts";
import type { TagFormat, TagRule } from "./tag-rules.ts";
import { lengthOf } from "./undo.ts";

/** Values by key. A key is here when what it sets is there. */
export interface SettingValues {
  /** Whether anybody may pull. */
  readonly visibility: "public" | "private";
  /** Whether a push makes a repository that is not there. */
  readonly repositoryCreation: "on-push" | "explicit";
  /** Whether a push may move a tag that is there to another manifest. */
  readonly tagOverwrite: TagRule;
  /** Whether a tag may be taken away, by itself or with its manifest or repository. */
  readonly tagDelete: TagRule;
  /** Which tags may be made. */
  readonly tagFormat: TagFormat;
  /** Whether what runs somewhere may be taken away by hand. */
  readonly inUse: "refuse" | "warn";
  /** How long deletes and tag moves can be undone, such as `7d`, `0s` for never; null for what the server says. */
  readonly undoWindow: string | null;
  /** For people; empty for none. */
  readonly description: string;
  /** For programs. */
  readonly labels: Readonly<Record<string, string>>;
  /** The lifecycle policy, as it was written; null for none. */
  readonly lifecycle: Readonly<Record<string, unknown>> | null;
  /** Bytes that a namespace may have, with all below it; null for any number. */
  readonly quotaStorage: number | null;
  /** Images. */
  readonly quotaImages: number | null;
  readonly quotaRepositories: number | null;
  /** Bytes that deletes may keep below a namespace; null for as many as `quotaStorage`. */
  readonly quotaPending: number | null;
  /** Percent of a quota at which others are told. */
  readonly quotaWarnings: readonly number[];
}

export type SettingKey = keyof SettingValues;

/** How values of one key stand to one another. */
export interface SettingRule<V> {
  /** What holds where nobody says anything. */
  readonly standard: V;
  /** A repository may not have it. */
  readonly namespacesOnly?: true;
  /**
   * Whether a value is at least as strict as another, as far as that can be known. Without it the key is a matter of taste
   * and cannot be enforced.
   */
  readonly isAsStrict?: (value: V, bound: V) => boolean;
  /** Neither of two values need be the stricter one: then both hold. */
  readonly partial?: true;
}

/** Every key of settings; `contract/settings.ts` says what its values look like. Add a key together with what it does. */
export const settingRules: { readonly [K in SettingKey]: SettingRule<SettingValues[K]> } = {
  visibility: { standard: "private", isAsStrict: (value, bound) => value === "private" || bound === "public" },
  repositoryCreation: {
    standard: "on-push",
    namespacesOnly: true,
    isAsStrict: (value, bound) => value === "explicit" || bound === "on-push",
  },
  // Installations that are older than this setting have one at the root that allows everything (0017-tag-rules).
  tagOverwrite: {
    standard: { rule: "allow", except: [releases], by: null },
    isAsStrict: isRuleAsStrict,
    partial: true,
  },
  tagDelete: { standard: { rule: "allow", except: [], by: null }, isAsStrict: isRuleAsStrict, partial: true },
  tagFormat: { standard: { semver: false, regex: [], except: [] }, isAsStrict: isFormatAsStrict, partial: true },
  inUse: { standard: "refuse", isAsStrict: (value, bound) => value === "refuse" || bound === "warn" },
  undoWindow: {
    standard: null,
    isAsStrict: (value, bound) => lengthOf(value ?? "") >= lengthOf(bound ?? ""),
  },
  description: { standard: "" },
  labels: { standard: {} },
  lifecycle: { standard: null },
  quotaStorage: { standard: null, namespacesOnly: true, isAsStrict: isQuotaAsStrict },
  quotaImages: { standard: null, namespacesOnly: true, isAsStrict: isQuotaAsStrict },
  quotaRepositories: { standard: null, namespacesOnly: true, isAsStrict: isQuotaAsStrict },
  quotaPending: { standard: null, namespacesOnly: true, isAsStrict: isQuotaAsStrict },
  quotaWarnings: { standard: [80, 95], namespacesOnly: true },
};

/** Lower is stricter. */
function isQuotaAsStrict(value: number | null, bound: number | null): boolean {
  return bound === null || (value !== null && value <= bound);
}

export const settingKeys = Object.keys(settingRules) as readonly SettingKey[];

/** Whether a word is a key. */
export function isSettingKey(word: string): word is SettingKey {
  return Object.hasOwn(settingRules, word);
}
