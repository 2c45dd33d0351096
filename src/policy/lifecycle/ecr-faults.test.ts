import { expect, test } from "vitest";
import { parseEcrPolicy, PolicyFault } from "./index.ts";

const selection = { tagStatus: "untagged", countType: "sinceImagePushed", countUnit: "days", countNumber: 7 };
const rule = { rulePriority: 1, description: "x".repeat(100), selection, action: { type: "expire" } };
const select = (changes: object) => ({ rules: [{ ...rule, selection: { ...selection, ...changes } }] });
const tagged = (changes: object) => select({ tagStatus: "tagged", ...changes });
const rules = (...list: object[]) => ({ rules: list.map((one) => ({ ...rule, ...one })) });
const without = (object: object, ...names: string[]) =>
  Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));

test("a policy like those of Amazon's guide is taken", () => {
  expect(parseEcrPolicy(JSON.stringify(rules({}))).rules).toHaveLength(1);
});

test("the text has 100 to 30,720 characters", () => {
  const constraint = "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: ";
  expect(() => parseEcrPolicy("{}")).toThrow(`${constraint}'Member must have length greater than or equal to 100'`);
  expect(() => parseEcrPolicy(JSON.stringify(rules({ description: "x".repeat(30_720) })))).toThrow(
    `${constraint}'Member must have length less than or equal to 30720'`,
  );
});

test.each<[unknown, string]>([
  ["no object", "Could not map policyString into LifecyclePolicy."],
  [[rule], "Could not map policyString into LifecyclePolicy."],
  [{ rule: [rule] }, 'object has missing required properties (["rules"])'],
  [{ rules: [rule], extra: 1 }, 'object instance has properties which are not allowed by the schema: (["extra"])'],
  [{ rules: {}, x: "x".repeat(100) }, 'object instance has properties which are not allowed by the schema: (["x"])'],
  [
    { rules: [without(rule, "rulePriority", "selection")] },
    'object has missing required properties (["rulePriority","selection"])',
  ],
  [
    rules({ selection: without(selection, "countType", "countNumber") }),
    'object has missing required properties (["countNumber","countType"])',
  ],
  [rules({ action: {} }), 'object has missing required properties (["type"])'],
  [rules({ x: 1 }), 'object instance has properties which are not allowed by the schema: (["x"])'],
  [select({ tagPrefix: ["v"] }), 'object instance has properties which are not allowed by the schema: (["tagPrefix"])'],
  [
    rules({ action: { type: "delete" } }),
    'instance value ("delete") not found in enum (possible values: ["expire","transition"])',
  ],
  [
    select({ tagStatus: "all" }),
    'instance value ("all") not found in enum (possible values: ["tagged","untagged","any"])',
  ],
  [select({ countUnit: "hours" }), 'instance value ("hours") not found in enum (possible values: ["days"])'],
  [select({ countUnit: null }), 'instance value (null) not found in enum (possible values: ["days"])'],
  [select({ countNumber: 0 }), "numeric instance is lower than the required minimum (minimum: 1, found: 0)"],
  [rules({ rulePriority: 0 }), "numeric instance is lower than the required minimum (minimum: 1, found: 0)"],
  [
    select({ countNumber: "7" }),
    'instance type (string) does not match any allowed primitive type (allowed: ["integer"])',
  ],
  [
    select({ countNumber: 1.5 }),
    'instance type (number) does not match any allowed primitive type (allowed: ["integer"])',
  ],
  [rules({ selection: [] }), 'instance type (array) does not match any allowed primitive type (allowed: ["object"])'],
  [
    tagged({ tagPrefixList: "v" }),
    'instance type (string) does not match any allowed primitive type (allowed: ["array"])',
  ],
  [
    tagged({ tagPrefixList: [1] }),
    'instance type (integer) does not match any allowed primitive type (allowed: ["string"])',
  ],
  [select({ countType: "sinceImageBuilt" }), "instance failed to match exactly one schema (matched 0 out of 2)"],
  [select({ countType: "imageCountMoreThan" }), "instance failed to match exactly one schema (matched 0 out of 2)"],
  [
    rules({ selection: without(selection, "countUnit") }),
    "instance failed to match exactly one schema (matched 0 out of 2)",
  ],
  [
    tagged({ tagPrefixList: ["v"], tagPatternList: ["v*"] }),
    "instance failed to match exactly one schema (matched 2 out of 2)",
  ],
  [tagged({}), "Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED."],
  [tagged({ tagPrefixList: [] }), "Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED."],
  [tagged({ tagPatternList: ["*a*b*c*d*"] }), 'Pattern "*a*b*c*d*" in tagPatternList has more than 4 wildcards.'],
  [
    select({ tagPrefixList: ["v"] }),
    'object instance has properties which are not allowed by the schema: (["tagPrefixList"])',
  ],
  [
    select({ tagStatus: "any", tagPatternList: ["v*"] }),
    'object instance has properties which are not allowed by the schema: (["tagPatternList"])',
  ],
  [rules({}, { rulePriority: 2 }), "Only one rule can select Untagged images per storage class."],
  [rules({}, {}), "Rule priorities must be unique: 1 is used more than once."],
  [
    rules({ selection: { ...selection, tagStatus: "any" } }, { rulePriority: 2 }),
    "Rule for tagStatus=ANY must have the lowest priority per storage class",
  ],
  [
    rules(
      { selection: { ...selection, tagStatus: "tagged", tagPrefixList: ["a", "b"] } },
      { rulePriority: 2, selection: { ...selection, tagStatus: "tagged", tagPrefixList: ["b", "a"] } },
    ),
    "Each tagPrefixList must be unique per storage class.",
  ],
  [select({ countType: "sinceImagePulled" }), "countType=sinceImagePulled requires action type transition."],
  [
    select({ countType: "sinceImageTransitioned", countNumber: 90 }),
    "countType=sinceImageTransitioned requires storageClass=archive.",
  ],
  [
    select({ countType: "sinceImageTransitioned", countNumber: 89, storageClass: "archive" }),
    "numeric instance is lower than the required minimum (minimum: 90, found: 89)",
  ],
  [select({ storageClass: "archive" }), "countType=sinceImagePushed requires storageClass=standard."],
  [rules({ action: { type: "transition" } }), "instance failed to match exactly one schema (matched 0 out of 2)"],
  [
    rules({ action: { type: "expire", targetStorageClass: "archive" } }),
    "instance failed to match exactly one schema (matched 0 out of 2)",
  ],
  [
    { rules: [], description: "" },
    'object instance has properties which are not allowed by the schema: (["description"])',
  ],
  [
    { rules: Array.from({ length: 51 }, () => rule) },
    "array is too long: must have at most 50 elements but instance has 51 elements",
  ],
])("ECR refuses %j", (policy, detail) => {
  const text = JSON.stringify(policy).padEnd(100);
  const message = `Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation failure: ${detail}'`;
  const take = () => parseEcrPolicy(text);
  expect(take).toThrow(PolicyFault);
  expect(take).toThrow(message);
});

test("archive and standard have an any and an untagged rule each", () => {
  const archive = {
    selection: {
      tagStatus: "any",
      storageClass: "archive",
      countType: "sinceImageTransitioned",
      countUnit: "days",
      countNumber: 90,
    },
  };
  expect(parseEcrPolicy(JSON.stringify(rules(archive, { rulePriority: 2 }))).rules).toHaveLength(2);
});
