import { isTagAllowed, roles } from "./permissions.ts";
import type { RolesHeld } from "./permissions.ts";
import { describePlace } from "./settings.ts";
import type { EffectiveSetting, EffectiveSettings, PlacedValue, SettingPlace } from "./settings.ts";
import { allowsAny, isVersion, namesTag, refusesSome, refusesTag, releases } from "./tag-rules.ts";
import type { TagFormat, TagRule } from "./tag-rules.ts";

/** What is about to be done to a tag: made where there is none, moved to another manifest, or taken away. */
export type TagAct = "make" | "overwrite" | "delete";

/** The settings that decide about tags. */
export type TagSettings = Pick<EffectiveSettings, "tagOverwrite" | "tagDelete" | "tagFormat">;

/** Who does it, and how texts are compared. */
export interface TagFacts {
  /** Roles of whoever does it, each with the tags that it is for. */
  readonly held: RolesHeld;
  /** Tags of attachments are as others where tags are overwritten, as Amazon ECR has it. */
  readonly strict?: boolean | undefined;
  /** Whether an expression in RE2's syntax matches the whole tag. */
  readonly matches: (expression: string, tag: string) => boolean;
}

/** Why something must not be done to a tag. */
export interface TagRefusal {
  readonly tag: string;
  readonly act: TagAct;
  readonly setting: "tagOverwrite" | "tagDelete" | "tagFormat";
  /** As people read it: `namespace team`, `the default`. */
  readonly from: string;
  /** What is refused, by which setting, from where, and what to do. */
  readonly sentence: string;
}

/** Tags of this form follow the manifest that they name in their name: signatures, attestations, lists of referrers. */
const attachment = /^sha(?:256|512)-[0-9a-f]{64}(?:[.](?:sig|att|sbom))?$/;

/**
 * Whether something may be done to a tag; undefined when it may. Every path asks that makes, moves or removes tags, in the
 * transaction that does it: pushes, deletes, lifecycle, undo, replication. A tag that stays where it is is not asked about, but
 * for a strict push.
 */
export function refuseTag(settings: TagSettings, act: TagAct, tag: string, facts: TagFacts): TagRefusal | undefined {
  if (attachment.test(tag)) {
    return facts.strict && act === "overwrite"
      ? byRule(settings.tagOverwrite, "tagOverwrite", act, tag, facts)
      : undefined;
  }
  if (act === "delete") return byRule(settings.tagDelete, "tagDelete", act, tag, facts);
  const moved = act === "overwrite" ? byRule(settings.tagOverwrite, "tagOverwrite", act, tag, facts) : undefined;
  return moved ?? byFormat(settings.tagFormat, act, tag, facts);
}

/** Whether there may be tags to which this must not be done; no spares looking at them. */
export function mayRefuse(settings: TagSettings, act: TagAct): boolean {
  if (act === "delete") return all(settings.tagDelete).some(({ value }) => refusesSome(value));
  const formats = all(settings.tagFormat).some(({ value }) => !allowsAny(value));
  return formats || (act === "overwrite" && all(settings.tagOverwrite).some(({ value }) => refusesSome(value)));
}

function all<V>({ value, at, also }: EffectiveSetting<V>): readonly PlacedValue<V>[] {
  return [{ value, at }, ...also];
}

function byRule(
  setting: EffectiveSetting<TagRule>,
  name: "tagOverwrite" | "tagDelete",
  act: TagAct,
  tag: string,
  { held }: TagFacts,
): TagRefusal | undefined {
  const refusing = all(setting).find(({ value }) => refusesTag(value, tag) && !isExempt(value, tag, held));
  if (refusing === undefined) return undefined;
  const { rule, except, by } = refusing.value;
  const from = describePlace(refusing.at);
  const done = act === "delete" ? "deleted" : "moved to another manifest";
  const listed = except.map((one) => (one === releases ? "releases such as v1.2.3" : one)).join(", ");
  const which = rule === "refuse" ? (listed === "" ? "every tag" : `every tag but ${listed}`) : listed;
  const role = by === null ? "" : `, unless a ${by} does it`;
  const cure =
    act === "delete"
      ? `Leave it, or ask a maintainer to change ${name}`
      : `Push under a new tag, or ask a maintainer to change ${name}`;
  const sentence = `the tag ${tag} may not be ${done}: ${settingFrom(name, refusing.at)} refuses that for ${which}${role}. ${cure}`;
  return { tag, act, setting: name, from, sentence };
}

function settingFrom(name: string, at: SettingPlace | undefined): string {
  return at === undefined ? `the default of ${name}` : `${name} of ${describePlace(at)}`;
}

function isExempt({ by }: TagRule, tag: string, held: RolesHeld): boolean {
  if (by === null) return false;
  return roles.slice(roles.indexOf(by)).some((role) => held[role] !== undefined && isTagAllowed(held[role], tag));
}

function byFormat(
  setting: EffectiveSetting<TagFormat>,
  act: TagAct,
  tag: string,
  { matches }: TagFacts,
): TagRefusal | undefined {
  const refusing = all(setting).find(({ value }) => !isAllowed(value, tag, matches));
  if (refusing === undefined) return undefined;
  const { semver, regex, except } = refusing.value;
  const forms = [
    ...(semver ? ["a semantic version such as v1.2.3"] : []),
    ...regex.map((one) => `what matches ${one}`),
  ];
  const others = except.length === 0 ? "" : `, or one of ${except.join(", ")}`;
  const from = describePlace(refusing.at);
  const sentence = `the tag ${tag} has not the form that ${settingFrom("tagFormat", refusing.at)} asks for: ${forms.join(", or ")}${others}. Push under a tag of that form, or ask a maintainer to change tagFormat`;
  return { tag, act, setting: "tagFormat", from, sentence };
}

function isAllowed(format: TagFormat, tag: string, matches: TagFacts["matches"]): boolean {
  if (allowsAny(format) || namesTag(format.except, tag)) return true;
  return (format.semver && isVersion(tag)) || format.regex.some((one) => matches(one, tag));
}
