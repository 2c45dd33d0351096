import type { z } from "zod";
import { settingValues } from "../contract/index.ts";
import { parseSize } from "../lib/index.ts";
import { usageError } from "./command-error.ts";
import { shapeOf } from "./field-flags.ts";

/** What a person types for values that are no plain text, by key; JSON does for all of them. */
const shortForms: Readonly<Record<string, (text: string) => unknown>> = {
  tagOverwrite: readTagRule,
  tagDelete: readTagRule,
  tagFormat: (text) => {
    const [, format, except] = /^(any|semver)(?: except (\S+))?$/.exec(text) ?? [];
    if (format === undefined) throw usageError(`${JSON.stringify(text)} is no format: write any, semver, or JSON`);
    return { semver: format === "semver", except: listIn(except) };
  },
  quotaStorage: (text) => readQuota(text, parseSize),
  quotaPending: (text) => readQuota(text, parseSize),
  quotaImages: (text) => readQuota(text, readCount),
  quotaRepositories: (text) => readQuota(text, readCount),
  quotaWarnings: (text) => text.split(",").map(readCount),
  labels: (text) => Object.fromEntries(text.split(",").map((pair) => splitOnce(pair, "="))),
};

/**
 * `key=value`, as the contract has it: `visibility=public`, `labels=tier=1,owner=web`, `tagDelete=refuse`, or JSON.
 * @throws CommandError
 */
export function parseSetting(text: string): Readonly<Record<string, unknown>> {
  const [key, value] = splitOnce(text, "=");
  const shape: Readonly<Record<string, z.ZodType>> = settingValues.shape;
  const schema = Object.hasOwn(shape, key) ? shape[key] : undefined;
  if (schema === undefined) {
    throw usageError(`${JSON.stringify(key)} is no setting: ${Object.keys(shape).join(", ")} are`);
  }
  const { type } = shapeOf(schema);
  if (type === "string" || type === "enum") return { [key]: value };
  return { [key]: /^[{[]/.test(value) ? readJson(key, value) : (shortForms[key] ?? unreadable(key))(value) };
}

/** `refuse`, `refuse except latest,dev-*`, `allow except v* by maintainer`. */
function readTagRule(text: string): unknown {
  const [, rule, except, by] = /^(allow|refuse)(?: except (\S+))?(?: by (\S+))?$/.exec(text) ?? [];
  if (rule !== undefined) return { rule, except: listIn(except), by: by ?? null };
  throw usageError(
    `${JSON.stringify(text)} is no rule: write "refuse except latest,dev-*" or "allow except v* by owner"`,
  );
}

/** `none`, or what the reader makes of it. */
function readQuota(text: string, read: (text: string) => number): number | null {
  try {
    return text === "none" ? null : read(text);
  } catch (error) {
    throw usageError(`${(error as Error).message}: write none for no limit`);
  }
}

function readCount(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw usageError(`${JSON.stringify(text)} is no whole number`);
}

function listIn(text: string | undefined): readonly string[] {
  return text === undefined ? [] : text.split(",");
}

function readJson(key: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw usageError(`the value of ${key} is not JSON: quote it for the shell, as in '${key}={"a": 1}'`);
  }
}

function unreadable(key: string): never {
  throw usageError(`the value of ${key} is given as JSON: '${key}={…}'`);
}

function splitOnce(text: string, sign: string): [string, string] {
  const at = text.indexOf(sign);
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw usageError(`${JSON.stringify(text)} is no setting: write key=value, such as visibility=public`);
}
