import { readFile } from "node:fs/promises";
import type { z } from "zod";
import { findNearestWord, editDistance } from "../nearest-word.ts";
import { listSettings, variableOf } from "./list-settings.ts";
import type { SettingEntry } from "./list-settings.ts";
import { SettingsError } from "./problem.ts";
import { readYaml } from "./read-yaml.ts";

/** Where the effective value of a setting came from. */
export interface SettingOrigin {
  readonly source: "default" | "file" | "environment" | "flag";
  /** `berth.yaml, line 3` · `BERTH_LISTEN` · `--listen` · the empty text for a default. */
  readonly place: string;
}

/** The effective value of one setting, as its user wrote it. */
export interface SettingValue {
  readonly entry: SettingEntry;
  /** Undefined when it is not set and has no default. */
  readonly value: unknown;
  readonly origin: SettingOrigin;
}

/** Where settings are looked for; later ones win over earlier ones. */
export interface SettingSources {
  /** Path of a YAML file. */
  readonly file?: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Text by setting name, such as `log.level`. */
  readonly flags: Readonly<Record<string, string | boolean | undefined>>;
  /** Of the variables: `BERTH_`. */
  readonly prefix: string;
  /** Variables with the prefix that are no settings. */
  readonly otherVariables: readonly string[];
}

/** What the sources came to. */
export interface EffectiveSettings<S extends z.ZodObject> {
  /** Checked by the schema. */
  readonly settings: z.output<S>;
  /** In the schema's order, groups left out. */
  readonly values: readonly SettingValue[];
  /** Sentences about what was ignored. */
  readonly warnings: readonly string[];
}

/**
 * Lays the sources over each other and checks the result.
 * @throws SettingsError with all problems found
 */
export async function readSettings<S extends z.ZodObject>(
  schema: S,
  sources: SettingSources,
): Promise<EffectiveSettings<S>> {
  const entries = listSettings(schema);
  const found = new Map<string, { value: unknown; origin: SettingOrigin }>();
  if (sources.file !== undefined) {
    for (const [name, { value, line }] of await readYaml(sources.file, entries)) {
      found.set(name, { value, origin: { source: "file", place: `${sources.file}, line ${line}` } });
    }
  }
  const { problems, warnings } = checkVariables(entries, sources);
  for (const entry of entries) {
    if (entry.kind === "group") continue;
    const variable = sources.prefix + variableOf(entry.name);
    const text = sources.environment[variable];
    // An empty variable is how shells and compose files say "not set".
    if (text !== undefined && text !== "") {
      found.set(entry.name, { value: valueOf(entry, text), origin: { source: "environment", place: variable } });
    }
    const flag = sources.flags[entry.name];
    if (flag !== undefined) {
      const value = typeof flag === "string" ? valueOf(entry, flag) : flag;
      found.set(entry.name, { value, origin: { source: "flag", place: flagOf(entry.name) } });
    }
  }
  await readSecretFiles(entries, found, problems);
  const parsed = schema.safeParse(nest(found));
  if (!parsed.success) problems.push(...parsed.error.issues.map((issue) => describeIssue(issue, entries, found)));
  if (problems.length > 0 || !parsed.success) throw new SettingsError(problems);
  const values = entries
    .filter(({ kind }) => kind !== "group")
    .map((entry): SettingValue => {
      const given = found.get(entry.name);
      if (given !== undefined) return { entry, ...given };
      return { entry, value: entry.standard, origin: { source: "default", place: "" } };
    });
  return { settings: parsed.data, values, warnings };
}

/** `log.level` → `--log-level` */
export function flagOf(name: string): string {
  return `--${variableOf(name).toLowerCase().replaceAll("_", "-")}`;
}

type Found = Map<string, { readonly value: unknown; readonly origin: SettingOrigin }>;

const truths: Readonly<Record<string, boolean>> = {
  "1": true,
  true: true,
  yes: true,
  on: true,
  "0": false,
  false: false,
  no: false,
  off: false,
};

/** Text as the kind of value that a file would give; what does not fit stays text, for the schema to refuse. */
function valueOf({ kind }: SettingEntry, text: string): unknown {
  if (kind === "flag") return truths[text.toLowerCase()] ?? text;
  if (kind === "number") return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
  if (kind === "list") return text.split(",").map((item) => item.trim());
  return text;
}

/** A variable one slip away from a setting is a mistake; others may be there for other reasons. */
function checkVariables(entries: readonly SettingEntry[], { environment, prefix, otherVariables }: SettingSources) {
  const known = new Set(otherVariables);
  for (const { name, kind } of entries) if (kind !== "group") known.add(prefix + variableOf(name));
  const problems: string[] = [];
  const warnings: string[] = [];
  for (const variable of Object.keys(environment)) {
    if (!variable.startsWith(prefix) || known.has(variable)) continue;
    const nearest = findNearestWord(variable, known)!;
    if (editDistance(variable, nearest) <= 2) problems.push(`${variable} is not a setting: did you mean ${nearest}?`);
    else warnings.push(`${variable} is not a setting and is ignored; the nearest is ${nearest}`);
  }
  return { problems, warnings };
}

const rank = { default: 0, file: 1, environment: 2, flag: 3 } as const;

/** Puts what `…File` names in the place of the secret, unless a stronger source gives the secret itself. */
async function readSecretFiles(entries: readonly SettingEntry[], found: Found, problems: string[]): Promise<void> {
  for (const { name, secrecy } of entries) {
    const pointer = secrecy === undefined ? undefined : found.get(`${name}File`);
    if (pointer === undefined || typeof pointer.value !== "string") continue;
    const given = found.get(name);
    if (given !== undefined && rank[given.origin.source] > rank[pointer.origin.source]) continue;
    if (given !== undefined && given.origin.source === pointer.origin.source) {
      problems.push(
        `\`${name}\` is given twice, by ${given.origin.place} and ${pointer.origin.place}: keep one of them`,
      );
      continue;
    }
    try {
      const value = (await readFile(pointer.value, "utf8")).trimEnd();
      found.set(name, { value, origin: pointer.origin });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      problems.push(
        `${pointer.origin.place} names ${pointer.value}, which cannot be read (${code}): make it a file that Berth may read`,
      );
    }
  }
}

function nest(found: Found): object {
  const root: Record<string, unknown> = {};
  for (const [name, { value }] of found) {
    const keys = name.split(".");
    const last = keys.pop()!;
    let group = root;
    for (const key of keys) group = (group[key] ??= {}) as Record<string, unknown>;
    group[last] = value;
  }
  return root;
}

function describeIssue(issue: z.core.$ZodIssue, entries: readonly SettingEntry[], found: Found): string {
  // A list's issue lies at one of its items.
  const entry = entries.findLast(({ name }) => {
    const path = issue.path.join(".");
    return path === name || path.startsWith(`${name}.`);
  });
  const given = entry === undefined ? undefined : found.get(entry.name);
  if (entry === undefined || given === undefined) return `${issue.path.join(".")}: ${issue.message}`;
  const is = entry.secrecy === undefined ? `is ${JSON.stringify(given.value)}` : "cannot be used";
  return `${given.origin.place}: \`${entry.name}\` ${is}; it must be ${issue.message}`;
}
