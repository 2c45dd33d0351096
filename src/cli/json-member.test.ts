import fc from "fast-check";
import { expect, test } from "vitest";
import { findBreak, removeMember, setMember } from "./json-member.ts";

test.each([
  ["{}", '{\n\t"credHelpers": {\n\t\t"r.example": "berth"\n\t}\n}'],
  ['{"auths":{}}', '{"credHelpers":{"r.example":"berth"},"auths":{}}'],
  ['{\n  "auths": {}\n}\n', '{\n  "credHelpers": {\n    "r.example": "berth"\n  },\n  "auths": {}\n}\n'],
  [
    '{\n\t"credHelpers": {\n\t\t"other": "ecr-login"\n\t}\n}',
    '{\n\t"credHelpers": {\n\t\t"r.example": "berth",\n\t\t"other": "ecr-login"\n\t}\n}',
  ],
  ['{"a":1,"credHelpers":{}}', '{"a":1,"credHelpers":{"r.example":"berth"}}'],
  ['{\n  "credHelpers": {}\n}', '{\n  "credHelpers": {\n    "r.example": "berth"\n  }\n}'],
  ['{"credHelpers": {"r.example" : "old"} }', '{"credHelpers": {"r.example" : "berth"} }'],
])("%j becomes %j", (before, after) => {
  expect(setMember(before, "credHelpers", "r.example", "berth")).toBe(after);
});

test.each([
  ['{"credHelpers":{"r.example":"berth"},"n":1e400}', '{"credHelpers":{},"n":1e400}'],
  ['{"credHelpers":{"a":"b", "r.example":"berth"}}', '{"credHelpers":{"a":"b"}}'],
  ['{"credHelpers":{"r.example":"berth", "a":"b"}}', '{"credHelpers":{"a":"b"}}'],
  ['{"auths":{}}', '{"auths":{}}'],
])("taken out of %j it is %j", (before, after) => {
  expect(removeMember(before, "credHelpers", "r.example")).toBe(after);
});

test("nothing but the member changes, whatever else there is and however it is written", () => {
  const helpers = fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true });
  const config = fc.tuple(fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true }), fc.option(helpers));
  fc.assert(
    fc.property(config, fc.string(), fc.constantFrom(0, 1, 2, "\t"), ([others, given], host, indent) => {
      const value = { ...others, ...(given === null ? {} : { credHelpers: given }) };
      const text = JSON.stringify(value, null, indent);
      const set = setMember(text, "credHelpers", host, "berth");
      const plain = JSON.parse(text) as typeof value;
      expect(JSON.parse(set)).toEqual({
        ...plain,
        credHelpers: { ...(plain["credHelpers"] as object), [host]: "berth" },
      });
      const { [host]: _gone, ...rest } = (plain["credHelpers"] ?? {}) as Record<string, string>;
      expect(JSON.parse(removeMember(set, "credHelpers", host))).toEqual({ ...plain, credHelpers: rest });
    }),
    { numRuns: 2_000 },
  );
});

test.each([
  ['{\n"a":\n}', 7],
  ['{"a":1,}', 7],
  ["{a}", 1],
  ["[1 2]", 3],
  ['{\n "a": 1\n "b": 2}', 11],
  ['{"a":1', 6],
  ['{"a": "b\n"}', 6],
  ["{} {}", 3],
  ["{]", 1],
])("%j stops to be JSON at %i", (text, index) => {
  expect(findBreak(text)).toBe(index);
});

test("JSON does not break; what is broken is found to be broken", () => {
  fc.assert(
    fc.property(fc.json(), fc.nat(), fc.constantFrom("{", "]", ",", '"', "x", ""), (text, at, put) => {
      expect(findBreak(text)).toBeUndefined();
      const cut = at % (text.length + 1);
      const broken = text.slice(0, cut) + put + text.slice(cut + 1);
      const found = findBreak(broken);
      let whole = true;
      try {
        JSON.parse(broken);
      } catch {
        whole = false;
      }
      expect(found === undefined).toBe(whole);
    }),
    { numRuns: 2_000 },
  );
});
