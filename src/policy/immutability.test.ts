import { expect, test } from "vitest";
import { mayRefuse, refuseTag } from "./immutability.ts";
import type { TagSettings } from "./immutability.ts";
import { resolveSettings } from "./settings.ts";
import type { SettingFact } from "./settings.ts";
import { isFormatAsStrict, isRelease, isRuleAsStrict, isVersion } from "./tag-rules.ts";
import type { TagRule } from "./tag-rules.ts";

const root = { namespace: "" };
const team = { namespace: "team" };
const app = { repository: "team/app" };
const facts = { held: {}, matches: (expression: string, tag: string) => new RegExp(`^(?:${expression})$`).test(tag) };
const rule = (text: "allow" | "refuse", except: readonly string[] = [], by: TagRule["by"] = null): TagRule => ({
  rule: text,
  except,
  by,
});
const settings = (...given: readonly SettingFact[]): TagSettings => resolveSettings(given);
const said = (at: SettingFact["at"], key: string, value: unknown, enforced = false) => ({ at, key, value, enforced });
const hex = "0123456789abcdef".repeat(4);

test("by default releases do not move, other tags do, and all may be deleted", () => {
  const standard = settings();
  const moves = (tag: string) => refuseTag(standard, "overwrite", tag, facts) === undefined;
  expect(["v1.2.3", "1.2.3", "0.0.0", "v10.20.30"].filter(moves)).toEqual([]);
  const others = [
    "latest",
    "1",
    "v1.2",
    "1.2.3-rc.1",
    "v1.2.3-SNAPSHOT",
    "1.2.3.4",
    "01.2.3",
    "x1.2.3",
    "1.2.3-alpine",
  ];
  expect(others.filter((tag) => !moves(tag))).toEqual([]);
  expect(refuseTag(standard, "delete", "v1.2.3", facts)).toBeUndefined();
  expect(refuseTag(standard, "make", "v1.2.3", facts)).toBeUndefined();
  expect([mayRefuse(standard, "overwrite"), mayRefuse(standard, "delete"), mayRefuse(standard, "make")]).toEqual([
    true,
    false,
    false,
  ]);
});

test("the refusal says which setting, from where, and what to do", () => {
  const given = settings(said(team, "tagOverwrite", rule("refuse", ["latest", "dev-*"], "maintainer")));
  expect(refuseTag(given, "overwrite", "v1", facts)).toEqual({
    ...{ tag: "v1", act: "overwrite", setting: "tagOverwrite", from: "namespace team" },
    sentence:
      "the tag v1 may not be moved to another manifest: tagOverwrite of namespace team refuses that for every tag but latest, dev-*, unless a maintainer does it. Push under a new tag, or ask a maintainer to change tagOverwrite",
  });
  expect(refuseTag(settings(), "overwrite", "v1.0.0", facts)?.sentence).toContain(
    "the default of tagOverwrite refuses that for releases such as v1.2.3. Push under a new tag",
  );
});

test("a role that the setting names, or a higher one, may, for the tags that it is for", () => {
  const given = settings(said(team, "tagOverwrite", rule("allow", ["v*"], "maintainer")));
  const may = (held: object, tag = "v1") => refuseTag(given, "overwrite", tag, { ...facts, held }) === undefined;
  expect([may({}), may({ writer: [] }), may({ maintainer: [] }), may({ owner: [] })]).toEqual([
    ...[false, false, true, true],
  ]);
  expect([may({ maintainer: [["v2*"]] }), may({ maintainer: [["v2*"]] }, "v2.1"), may({}, "main")]).toEqual([
    ...[false, true, true],
  ]);
});

test("required forms: semantic versions and expressions; a tag that is there keeps what it is", () => {
  const given = settings(said(app, "tagFormat", { semver: true, regex: ["build-[0-9]+"], except: ["latest"] }));
  const allowed = (tag: string, act: "make" | "overwrite" | "delete" = "make") =>
    refuseTag(given, act, tag, facts) === undefined;
  const good = ["v1.2.3", "1.2.3-rc.1", "1.0.0_build.5", "build-7", "latest"];
  const bad = ["1.2", "build-x", "xbuild-7", "feature"];
  expect([...good, ...bad].filter((tag) => allowed(tag))).toEqual(good);
  expect([allowed("feature", "delete"), allowed("feature", "overwrite")]).toEqual([true, false]);
  expect(refuseTag(given, "make", "feature", facts)?.sentence).toContain(
    "tagFormat of repository team/app asks for: a semantic version such as v1.2.3, or what matches build-[0-9]+, or one of latest",
  );
});

test("attachments follow their subject and are exempt", () => {
  const given = settings(
    ...["tagOverwrite", "tagDelete"].map((key) => said(root, key, rule("refuse"))),
    said(root, "tagFormat", { semver: true, regex: [], except: [] }),
  );
  for (const tag of [
    `sha256-${hex}`,
    `sha256-${hex}.sig`,
    `sha256-${hex}.att`,
    `sha256-${hex}.sbom`,
    `sha512-${hex}`,
  ]) {
    for (const act of ["make", "overwrite", "delete"] as const) {
      expect(refuseTag(given, act, tag, facts), `${act} ${tag}`).toBeUndefined();
    }
  }
  for (const tag of [`sha256-${hex}.exe`, `sha256-${hex.slice(1)}`, `sha256-${hex}-x`, `v-sha256-${hex}`]) {
    expect(refuseTag(given, "delete", tag, facts), tag).toBeDefined();
  }
});

test("what is enforced above holds beside a value that is neither stricter nor looser", () => {
  const given = settings(
    said(root, "tagOverwrite", rule("allow", ["@releases"]), true),
    said(app, "tagOverwrite", rule("allow", ["prod-*"])),
  );
  const moves = (tag: string) => refuseTag(given, "overwrite", tag, facts)?.from;
  expect([moves("v1.2.3"), moves("prod-1"), moves("dev")]).toEqual([
    ...["the root namespace", "repository team/app", undefined],
  ]);
  expect(given.tagOverwrite.overridden).toHaveLength(1);
});

test("stricter is told from the patterns; where it cannot be told it is not taken for it", () => {
  const stricter: [TagRule, TagRule][] = [
    [rule("allow"), rule("allow")],
    [rule("refuse"), rule("allow", ["v*"], "writer")],
    [rule("allow", ["*"]), rule("refuse", ["x"])],
    [rule("allow", ["v*", "x"]), rule("allow", ["v1*"])],
    [rule("refuse", ["dev-*"]), rule("refuse", ["dev-*", "latest"])],
    [rule("refuse", ["dev-a*"]), rule("refuse", ["d*-*"])],
    [rule("refuse", ["dev-*", "latest"]), rule("allow", ["@releases", "v*"])],
    [rule("allow", ["v*"], "owner"), rule("allow", ["v*"], "maintainer")],
    [rule("allow", ["1.2.3", "*"]), rule("allow", ["@releases"])],
  ];
  for (const [value, bound] of stricter)
    expect(isRuleAsStrict(value, bound), JSON.stringify([value, bound])).toBe(true);
  const looser: [TagRule, TagRule][] = [
    [rule("allow"), rule("allow", ["v*"])],
    [rule("allow", ["v1*"]), rule("allow", ["v*"])],
    [rule("refuse", ["latest", "x"]), rule("refuse", ["latest"])],
    [rule("refuse", ["v*"]), rule("allow", ["@releases"])],
    [rule("refuse", ["1.2.*"]), rule("allow", ["@releases"])],
    [rule("allow", ["v*"]), rule("refuse", ["latest"])],
    [rule("refuse", [], "maintainer"), rule("refuse")],
    [rule("refuse", [], "writer"), rule("refuse", [], "owner")],
    [rule("refuse", ["a*"]), rule("allow", ["*b"])],
  ];
  for (const [value, bound] of looser) expect(isRuleAsStrict(value, bound), JSON.stringify([value, bound])).toBe(false);
  const any = { semver: false, regex: [], except: [] };
  expect([isFormatAsStrict(any, any), isFormatAsStrict(any, { ...any, semver: true })]).toEqual([true, false]);
  expect(isFormatAsStrict({ ...any, semver: true }, { semver: true, regex: ["a"], except: [] })).toBe(true);
  expect(isFormatAsStrict({ ...any, regex: ["a"], except: ["b"] }, { ...any, regex: ["a"] })).toBe(false);
});

test("a rule that is called stricter refuses whatever the other refuses", () => {
  const pieces = ["*", "v*", "v1*", "*1", "dev-*", "*-a", "latest", "1.2.3", "@releases", "*.*", "v*.1"];
  const tags = ["v1", "v1.1", "v1.2.1", "1.2.3", "v1.0.0", "latest", "dev-a", "dev-1", "x", "x-a", "1.1", "vx.1"];
  const rules = (["allow", "refuse"] as const).flatMap((kind) => [
    rule(kind),
    ...pieces.map((one) => rule(kind, [one])),
    ...pieces.map((one, index) => rule(kind, [one, pieces[(index * 7 + 3) % pieces.length]!])),
  ]);
  let compared = 0;
  for (const value of rules) {
    for (const bound of rules) {
      if (!isRuleAsStrict(value, bound)) continue;
      compared++;
      const refused = (given: TagRule, tag: string) =>
        refuseTag(settings(said(app, "tagOverwrite", given)), "overwrite", tag, facts) !== undefined;
      for (const tag of tags) {
        if (refused(bound, tag)) expect(refused(value, tag), JSON.stringify([value, bound, tag])).toBe(true);
      }
    }
  }
  expect(compared).toBeGreaterThan(300);
  expect([isRelease("1.2.3-a"), isVersion("1.2.3-a"), isVersion("1.2.3-01")]).toEqual([false, true, false]);
});
