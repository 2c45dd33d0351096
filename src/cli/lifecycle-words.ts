import { readFile } from "node:fs/promises";
import { text as readStream } from "node:stream/consumers";
import { parse as parseYaml } from "yaml";
import type { AnswerOf, lifecycleEndpoints } from "../contract/index.ts";
import { askPages } from "./ask-server.ts";
import type { Server } from "./ask-server.ts";
import { CommandError, usageError } from "./command-error.ts";

/** All of a preview, whichever way it was made. */
export type Preview = AnswerOf<typeof lifecycleEndpoints.previewLifecycle>;

/** A policy in a file, as YAML or JSON; `-` is standard input. @throws CommandError */
export async function readPolicy(file: string): Promise<Record<string, unknown>> {
  let text: string;
  try {
    text = file === "-" ? await readStream(process.stdin) : await readFile(file, "utf8");
  } catch (error) {
    throw usageError(`${file} cannot be read: ${(error as Error).message}`);
  }
  let value: unknown;
  try {
    value = parseYaml(text);
  } catch (error) {
    throw usageError(`${file} is neither YAML nor JSON: ${(error as Error).message}`);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw usageError(`${file} holds no policy: a policy has rules`);
}

/** The repository, or those that match a pattern in which `*` stands for any characters. @throws CommandError for none */
export async function chooseRepositories(server: Server, pattern: string): Promise<string[]> {
  const names = pattern.includes("*") ? await findRepositories(server, pattern) : [pattern];
  if (names.length === 0) throw new CommandError(`no repository that you see matches ${pattern}`);
  return names;
}

async function findRepositories(server: Server, pattern: string): Promise<string[]> {
  const parts = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, String.raw`\$&`));
  const expression = new RegExp(`^${parts.join(".*")}$`);
  const names: string[] = [];
  for await (const item of askPages(server, "listRepositories", {}, Infinity)) {
    const { name } = item as { readonly name: string };
    if (expression.test(name)) names.push(name);
  }
  return names;
}

/** Bytes for people, to a tenth. */
export function roughSize(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let [size, unit] = [bytes, 0];
  for (; size >= 1024 && unit < units.length - 1; unit++) size /= 1024;
  return `${unit === 0 ? size : size.toFixed(1)} ${units[unit]}`;
}

/** The number of a run or a preview. @throws CommandError */
export function numberOf(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw usageError(`${JSON.stringify(text)} is no number`);
}
