import type { Condition } from "./form.ts";
import { explainUnknown, findKey } from "./keys.ts";
import { operators, parseBoolean } from "./operators.ts";
import type { Operator } from "./operators.ts";
import type { Refuse } from "./parse-principals.ts";
import { isObject } from "./read-document.ts";
import { parseExact, parseVariables, parseWildcard } from "./wildcard.ts";
import type { Variable, Wildcard } from "./wildcard.ts";

/** Reads the texts of a policy: with policy variables in documents of the version 2012-10-17 alone. */
export type ReadText = (text: string, wild: boolean) => Wildcard;

/** @throws what `refuse` makes, for variables whose value cannot be known or may not be there */
export function textReader(version: string, refuse: Refuse): ReadText {
  if (version !== "2012-10-17") return (text, wild) => (wild ? parseWildcard(text) : parseExact(text));
  return (text, wild) => parseVariables(text, wild, (inner) => parseVariable(inner, refuse));
}

function parseVariable(inner: string, refuse: Refuse): Variable {
  const [, name = "", standard] = /^([^,\s]+)(?:\s*,\s*'([^']*)')?$/.exec(inner) ?? [];
  const known = findKey(name);
  const written = `the policy variable \${${inner}}`;
  if (known === undefined) throw refuse(`${written} cannot be evaluated: ${explainUnknown(name)}`);
  if (known.mayBeAbsent === true && standard === undefined) {
    throw refuse(`${written} has no value for some callers: give it one for those, \${${name}, 'none'}`);
  }
  return { key: name.toLowerCase(), standard };
}

/** Reads `Condition`. @throws what `refuse` makes */
export function parseConditions(value: unknown, read: ReadText, refuse: Refuse): readonly Condition[] {
  if (value === undefined) return [];
  if (!isObject(value)) throw refuse('Condition is no object: write { "StringEquals": { "aws:username": "alice" } }');
  return Object.entries(value).flatMap(([operator, keys]) => {
    if (!isObject(keys) || Object.keys(keys).length === 0) {
      throw refuse(`the condition ${operator} names no key: write { "${operator}": { "aws:username": "alice" } }`);
    }
    const written = new Set<string>();
    return Object.entries(keys).map(([key, values]) => {
      // Names are compared without regard to case: twice the same would be one of them lost to some readers.
      if (written.has(key.toLowerCase()))
        throw refuse(`the condition ${operator} names ${key} twice: put both into one list`);
      written.add(key.toLowerCase());
      return parseCondition(operator, key, values, read, refuse);
    });
  });
}

const shape = /^(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?$/;

function parseCondition(written: string, key: string, values: unknown, read: ReadText, refuse: Refuse): Condition {
  const [, quantifier, name = "", ifExists] = shape.exec(written) ?? [];
  const said = `the condition ${written} on ${key}`;
  const operator = operators.get(name);
  if (operator === undefined && name !== "Null") throw refuse(explainOperator(written, name));
  const known = findKey(key);
  if (known === undefined) throw refuse(`${said} cannot be evaluated: ${explainUnknown(key)}`);
  const { kind } = known;
  const common = {
    key: key.toLowerCase(),
    kind,
    quantifier:
      quantifier === undefined ? undefined : quantifier === "ForAllValues" ? ("all" as const) : ("any" as const),
    ifExists: ifExists !== undefined,
  };
  const texts = valuesOf(values, said, refuse);
  const refuseValue: Refuse = (what) => refuse(`${said}: ${what}`);
  if (operator === undefined) {
    if (quantifier !== undefined || ifExists !== undefined) {
      throw refuse(
        `${said} cannot be evaluated: Null asks whether the key is there, so it takes neither prefix nor suffix`,
      );
    }
    return { ...common, negated: false, values: { absent: texts.map((text) => parseBoolean(text, refuseValue)) } };
  }
  if (!operator.kinds.includes(kind)) throw refuse(explainKind(said, kind));
  return { ...common, negated: operator.negated, values: texts.map((text) => operator.parse(text, read, refuseValue)) };
}

function explainOperator(written: string, name: string): string {
  const near = [...operators.keys(), "Null"].find((one) => one.toLowerCase() === name.toLowerCase());
  const cure = near === undefined ? `write one of ${[...operators.keys(), "Null"].join(", ")}` : `write ${near}`;
  return `the condition operator ${JSON.stringify(written)} cannot be evaluated: ${cure}`;
}

function explainKind(said: string, kind: Condition["kind"]): string {
  const fitting = [...operators]
    .filter(([, { kinds }]: [string, Operator]) => kinds.includes(kind))
    .map(([name]) => name);
  return `${said} compares what is no such value: use one of ${fitting.join(", ")}`;
}

/** Texts, numbers and booleans, as JSON writes them. */
function valuesOf(value: unknown, said: string, refuse: Refuse): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length === 0) throw refuse(`${said} compares with an empty list, which nothing meets: fill it`);
  return list.map((one) => {
    if (typeof one === "string" || typeof one === "number" || typeof one === "boolean") return String(one);
    throw refuse(`${said} compares with ${JSON.stringify(one)}: write a text`);
  });
}
