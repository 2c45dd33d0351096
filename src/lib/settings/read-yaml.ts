import { readFile } from "node:fs/promises";
import { findNearestWord } from "../nearest-word.ts";
import type { SettingEntry } from "./list-settings.ts";
import { SettingsError } from "./problem.ts";

/** A value that a file gives, and its line, counted from 1. */
export interface FileValue {
  readonly value: unknown;
  readonly line: number;
}

/**
 * Reads the settings of a YAML file; a key with no value counts as absent.
 * @returns by name, such as `collection.pin`
 * @throws SettingsError naming file, line and the nearest known key
 */
export async function readYaml(path: string, entries: readonly SettingEntry[]): Promise<Map<string, FileValue>> {
  const text = await readText(path);
  const { LineCounter, isMap, isScalar, parseDocument } = await import("yaml");
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number) => `${path}, line ${lines.linePos(offset).line}`;
  if (document.errors.length > 0) {
    throw new SettingsError(
      document.errors.map((error) => `${at(error.pos[0])}: this is not YAML: ${lowerFirst(error.message)}`),
    );
  }
  const problems: string[] = [];
  const values = new Map<string, FileValue>();
  const walk = (node: unknown, prefix: string) => {
    if (!isMap(node)) {
      const what = prefix === "" ? "the file holds" : `\`${prefix.slice(0, -1)}\` holds`;
      problems.push(
        `${at((node as { range: [number] }).range[0])}: ${what} no settings: write them as \`name: value\``,
      );
      return;
    }
    for (const { key, value } of node.items) {
      const name = prefix + (isScalar(key) ? String(key.value) : String(key));
      const offset = (key as { range: [number] }).range[0];
      const entry = entries.find((candidate) => candidate.name === name);
      if (entry === undefined) problems.push(`${at(offset)}: ${unknownSetting(name, entries)}`);
      else if (value === null || (isScalar(value) && value.value === null)) continue;
      else if (entry.kind === "group") walk(value, `${name}.`);
      else {
        const plain = (value as { toJS(of: typeof document): unknown }).toJS(document);
        values.set(name, { value: plain, line: lines.linePos(offset).line });
      }
    }
  };
  if (document.contents !== null && !(isScalar(document.contents) && document.contents.value === null)) {
    walk(document.contents, "");
  }
  if (problems.length > 0) throw new SettingsError(problems);
  return values;
}

/** What to tell about a name that no setting has. */
export function unknownSetting(name: string, entries: readonly SettingEntry[]): string {
  const names = entries.map((entry) => entry.name);
  const last = (text: string) => text.slice(text.lastIndexOf(".") + 1);
  // A key in the wrong group is as likely as a slip of the finger.
  const moved = names.find((candidate) => last(candidate).toLowerCase() === last(name).toLowerCase());
  return `\`${name}\` is not a setting; the nearest is \`${moved ?? findNearestWord(name, names)}\``;
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why =
      code === "ENOENT" ? "it does not exist" : code === "EISDIR" ? "it is a directory" : (code ?? "it failed");
    throw new SettingsError(
      [`the settings file ${path} cannot be read (${why}): name a readable YAML file with --config or BERTH_CONFIG`],
      { cause },
    );
  }
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
