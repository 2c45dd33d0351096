import { PolicyFault } from "./policy-fault.ts";

/** A rule of ECR's grammar, its form checked. */
export interface EcrRule {
  readonly rulePriority: number;
  readonly description?: string;
  readonly selection: {
    readonly tagStatus: "tagged" | "untagged" | "any";
    readonly tagPrefixList?: readonly string[];
    readonly tagPatternList?: readonly string[];
    readonly storageClass?: "standard" | "archive";
    readonly countType: "imageCountMoreThan" | "sinceImagePushed" | "sinceImagePulled" | "sinceImageTransitioned";
    readonly countUnit?: "days";
    readonly countNumber: number;
  };
  readonly action: { readonly type: "expire" | "transition"; readonly targetStorageClass?: "archive" };
}

type Json = Readonly<Record<string, unknown>>;

const constraint = "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: ";
const oneSchema = (matched: number) => `instance failed to match exactly one schema (matched ${matched} out of 2)`;

/** @returns the refusal of PutLifecyclePolicy */
export function ecrFault(detail: string): PolicyFault {
  return new PolicyFault(`${constraint}'Lifecycle policy validation failure: ${detail}'`);
}

/** Checks the form of a policy's text (LifecyclePolicyText). @throws PolicyFault in ECR's words */
export function parseEcrRules(text: string): readonly EcrRule[] {
  if (text.length < 100) {
    throw new PolicyFault(`${constraint}'Member must have length greater than or equal to 100'`);
  }
  if (text.length > 30_720) {
    throw new PolicyFault(`${constraint}'Member must have length less than or equal to 30720'`);
  }
  const policy = parseObject(text);
  requireFields(policy, ["rules"], ["rules"]);
  const rules = arrayOf(policy["rules"]);
  if (rules.length === 0)
    throw ecrFault("array is too short: must have at least 1 elements but instance has 0 elements");
  if (rules.length > 50) {
    throw ecrFault(`array is too long: must have at most 50 elements but instance has ${rules.length} elements`);
  }
  return rules.map((rule) => {
    const object = objectOf(rule);
    requireFields(
      object,
      ["action", "rulePriority", "selection"],
      ["action", "description", "rulePriority", "selection"],
    );
    requireInteger(object["rulePriority"], 1);
    if (object["description"] !== undefined) requireString(object["description"]);
    checkSelection(objectOf(object["selection"]));
    checkAction(objectOf(object["action"]));
    // Each field was checked.
    const checked = object as unknown as EcrRule;
    checkTogether(checked);
    return checked;
  });
}

function parseObject(text: string): Json {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch {
    // The same refusal.
  }
  throw ecrFault("Could not map policyString into LifecyclePolicy.");
}

function checkSelection(selection: Json): void {
  requireFields(
    selection,
    ["countNumber", "countType", "tagStatus"],
    ["countNumber", "countType", "countUnit", "storageClass", "tagPatternList", "tagPrefixList", "tagStatus"],
  );
  requireEnum(selection["tagStatus"], ["tagged", "untagged", "any"]);
  const types = ["imageCountMoreThan", "sinceImagePushed", "sinceImagePulled", "sinceImageTransitioned"];
  if (!types.includes(selection["countType"] as string)) throw ecrFault(oneSchema(0));
  if (selection["countUnit"] !== undefined) requireEnum(selection["countUnit"], ["days"]);
  if (selection["storageClass"] !== undefined) requireEnum(selection["storageClass"], ["standard", "archive"]);
  requireInteger(selection["countNumber"], selection["countType"] === "sinceImageTransitioned" ? 90 : 1);
  for (const name of ["tagPrefixList", "tagPatternList"]) {
    if (selection[name] !== undefined) arrayOf(selection[name]).forEach(requireString);
  }
}

function checkAction(action: Json): void {
  requireFields(action, ["type"], ["targetStorageClass", "type"]);
  requireEnum(action["type"], ["expire", "transition"]);
  if (action["targetStorageClass"] !== undefined) requireEnum(action["targetStorageClass"], ["archive"]);
}

/** What the fields of one rule must be beside each other. */
function checkTogether({ selection, action }: EcrRule): void {
  const { tagStatus, tagPrefixList, tagPatternList, countType, countUnit, storageClass = "standard" } = selection;
  const lists = [tagPrefixList, tagPatternList].filter((list) => list !== undefined);
  if (tagStatus !== "tagged" && lists.length > 0) {
    const names = ["tagPatternList", "tagPrefixList"].filter((name) => Object.hasOwn(selection, name));
    throw ecrFault(`object instance has properties which are not allowed by the schema: (${JSON.stringify(names)})`);
  }
  if (tagStatus === "tagged") {
    if (lists.length === 2) throw ecrFault(oneSchema(2));
    if (lists.every(({ length }) => length === 0)) {
      throw ecrFault("Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED.");
    }
    const wide = tagPatternList?.find((pattern) => pattern.split("*").length > 5);
    if (wide !== undefined)
      throw ecrFault(`Pattern ${JSON.stringify(wide)} in tagPatternList has more than 4 wildcards.`);
  }
  if ((countType === "imageCountMoreThan") === (countUnit !== undefined)) throw ecrFault(oneSchema(0));
  const class_ = countType === "sinceImageTransitioned" ? "archive" : "standard";
  if (storageClass !== class_) throw ecrFault(`countType=${countType} requires storageClass=${class_}.`);
  if ((action.type === "transition") !== (action.targetStorageClass !== undefined)) throw ecrFault(oneSchema(0));
  if (countType === "sinceImagePulled" && action.type === "expire") {
    throw ecrFault("countType=sinceImagePulled requires action type transition.");
  }
  if (countType === "sinceImageTransitioned" && action.type === "transition") {
    throw ecrFault("countType=sinceImageTransitioned requires action type expire.");
  }
}

function requireFields(object: Json, required: readonly string[], allowed: readonly string[]): void {
  const missing = required.filter((name) => !Object.hasOwn(object, name));
  if (missing.length > 0) throw ecrFault(`object has missing required properties (${JSON.stringify(missing)})`);
  const unknown = Object.keys(object).filter((name) => !allowed.includes(name));
  if (unknown.length === 0) return;
  throw ecrFault(
    `object instance has properties which are not allowed by the schema: (${JSON.stringify(unknown.toSorted())})`,
  );
}

function requireEnum(value: unknown, values: readonly string[]): void {
  if (values.includes(value as string)) return;
  throw ecrFault(
    `instance value (${JSON.stringify(value)}) not found in enum (possible values: ${JSON.stringify(values)})`,
  );
}

function requireInteger(value: unknown, minimum: number): void {
  if (!Number.isInteger(value)) throw wrongType(value, "integer");
  if ((value as number) >= minimum) return;
  throw ecrFault(
    `numeric instance is lower than the required minimum (minimum: ${minimum}, found: ${JSON.stringify(value)})`,
  );
}

function requireString(value: unknown): void {
  if (typeof value !== "string") throw wrongType(value, "string");
}

function arrayOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw wrongType(value, "array");
  return value;
}

function objectOf(value: unknown): Json {
  if (!isObject(value)) throw wrongType(value, "object");
  return value;
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function wrongType(value: unknown, allowed: string): PolicyFault {
  const type =
    value === null ? "null" : Array.isArray(value) ? "array" : Number.isInteger(value) ? "integer" : typeof value;
  return ecrFault(`instance type (${type}) does not match any allowed primitive type (allowed: ["${allowed}"])`);
}
