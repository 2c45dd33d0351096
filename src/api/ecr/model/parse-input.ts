import { EcrError } from "../ecr-error.ts";
import type { Members, Shape } from "./shape.ts";

/** What is wrong with a member: the rule completes "Value … at … failed to satisfy constraint: ". */
interface Violation {
  readonly path: string;
  /** As it is shown. */
  readonly value: string;
  readonly rule: string;
  /** The expression that does not match, where that is what is wrong. */
  readonly pattern?: string;
}

/** Violations that are told at most. */
const told = 10;
/** Characters of a value that are shown. */
const shownLength = 256;

/**
 * Checks an input: types, what is required, bounds, expressions and words. Members that the shape does not know are
 * dropped, and null is as good as absent; bytes are decoded.
 * @param type of the error for what violates a rule
 * @throws EcrError SerializationException for a value of another type, or of the type that is given
 */
export function parseInput<T>(shape: Shape<T>, document: unknown, type: string): T {
  const violations: Violation[] = [];
  const value = parse(shape, document, "", violations);
  if (violations.length === 0) return value as T;
  throw new EcrError(type, describe(violations));
}

function describe(violations: readonly Violation[]): string {
  const [first] = violations;
  if (violations.length === 1 && first?.pattern !== undefined) {
    return `Invalid parameter at '${first.path}' failed to satisfy constraint: 'must satisfy regular expression '${first.pattern}''`;
  }
  const all = violations
    .slice(0, told)
    .map(({ path, value, rule }) => `Value ${value} at '${path}' failed to satisfy constraint: ${rule}`);
  const count = violations.length === 1 ? "1 validation error" : `${violations.length} validation errors`;
  return `${count} detected: ${all.join("; ")}`;
}

function parse(shape: Shape, value: unknown, path: string, violations: Violation[]): unknown {
  switch (shape.kind) {
    case "text":
      return parseText(shape, value, path, violations);
    case "number":
      if (typeof value !== "number" || !Number.isSafeInteger(value)) throw wrongType(path, value, "a whole number");
      checkBounds(shape, value, "value", { path, value: `'${value}'` }, violations);
      return value;
    case "bytes": {
      const decoded = typeof value === "string" ? decodeBase64(value) : undefined;
      if (decoded === undefined) throw wrongType(path, value, "text in base64");
      checkBounds(shape, decoded.length, "length", { path, value: `of ${decoded.length} bytes` }, violations);
      return decoded;
    }
    case "flag":
      if (typeof value !== "boolean") throw wrongType(path, value, "true or false");
      return value;
    case "list": {
      if (!Array.isArray(value)) throw wrongType(path, value, "a list");
      const { min = 0, max = listLimit } = shape;
      checkBounds({ min, max }, value.length, "length", { path, value: `of ${value.length} members` }, violations);
      // A list that is too long is not looked at: it is refused anyway.
      if (value.length > max) return [];
      return value.map((one, index) => parseMember(shape.of, one, `${path}.${index + 1}.member`, violations));
    }
    case "structure":
      return parseStructure(shape.required, shape.optional, value, path, violations);
  }
}

/** Members of a list for which the service states no bound. */
const listLimit = 1000;

function parseText(
  { min = 0, max = Infinity, pattern, values }: Extract<Shape, { readonly kind: "text" }>,
  value: unknown,
  path: string,
  violations: Violation[],
): string {
  if (typeof value !== "string") throw wrongType(path, value, "text");
  const at = { path, value: `'${value.slice(0, shownLength)}'` };
  checkBounds({ min, max }, value.length, "length", at, violations);
  if (values?.includes(value) === false) {
    violations.push({ ...at, rule: `Member must satisfy enum value set: [${values.join(", ")}]` });
  }
  if (pattern !== undefined && value.length <= max && !pattern.pattern.matches(value)) {
    const rule = `Member must satisfy regular expression pattern: ${pattern.shown}`;
    violations.push({ ...at, rule, pattern: pattern.shown });
  }
  return value;
}

function parseStructure(
  required: Members,
  optional: Members,
  value: unknown,
  path: string,
  violations: Violation[],
): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrongType(path, value, "an object");
  const parsed: Record<string, unknown> = {};
  for (const [members, needed] of [[required, true] as const, [optional, false] as const]) {
    for (const [name, shape] of Object.entries(members)) {
      const at = path === "" ? name : `${path}.${name}`;
      const given = Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
      if (given !== undefined && given !== null) parsed[name] = parse(shape, given, at, violations);
      else if (needed) violations.push({ path: at, value: "null", rule: "Member must not be null" });
    }
  }
  return parsed;
}

function parseMember(shape: Shape, value: unknown, path: string, violations: Violation[]): unknown {
  if (value !== null) return parse(shape, value, path, violations);
  violations.push({ path, value: "null", rule: "Member must not be null" });
  return undefined;
}

function checkBounds(
  { min = 0, max = Infinity }: { readonly min?: number; readonly max?: number },
  measured: number,
  what: "length" | "value",
  at: Pick<Violation, "path" | "value">,
  violations: Violation[],
): void {
  if (measured < min) violations.push({ ...at, rule: `Member must have ${what} greater than or equal to ${min}` });
  if (measured > max) violations.push({ ...at, rule: `Member must have ${what} less than or equal to ${max}` });
}

/** Strictly: what is none of it is not passed over. */
function decodeBase64(value: string): Buffer | undefined {
  return value.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(value) ? Buffer.from(value, "base64") : undefined;
}

function wrongType(path: string, value: unknown, wanted: string): EcrError {
  const is = value === null ? "null" : Array.isArray(value) ? "a list" : typeof value === "object" ? "an object" : "";
  const found = is === "" ? `a ${typeof value}` : is;
  const where = path === "" ? "the body" : `'${path}'`;
  return new EcrError("SerializationException", `${where} is ${found}: send ${wanted}`);
}
