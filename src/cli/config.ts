import { z } from "zod";
import { configSchema, readConfig } from "../config.ts";
import type { SettingValue } from "../lib/settings/index.ts";
import { exitCodes } from "./exit-codes.ts";
import type { GivenFlags } from "./flags.ts";
import { printResult } from "./print-result.ts";
import type { Output } from "./print-result.ts";

/** `berth config` */
export async function showConfig(flags: GivenFlags, output: Output, schema: boolean): Promise<number> {
  if (schema) {
    const value = schemaForEditors();
    await printResult(output === "table" ? "json" : output, { value, rows: [] });
    return exitCodes.done;
  }
  const { values, warnings } = await readConfig(flags, process.env);
  for (const warning of warnings) process.stderr.write(`berth: ${warning}\n`);
  await printResult(output, {
    value: values.map((given) => ({ name: given.entry.name, value: maskSecret(given) ?? null, ...given.origin })),
    heading: ["SETTING", "VALUE", "FROM"],
    rows: values.map((given) => [given.entry.name, cellOf(maskSecret(given)), given.origin.place || "default"]),
  });
  return exitCodes.done;
}

/** JSON Schema (2020-12) of the configuration file. */
function schemaForEditors(): object {
  return z.toJSONSchema(configSchema, {
    io: "input",
    override: ({ jsonSchema }) => void delete jsonSchema["secrecy"],
  });
}

const mask = "********";

/** The value as it may be shown. */
function maskSecret({ entry, value }: SettingValue): unknown {
  const isEmpty = value === undefined || (Array.isArray(value) && value.length === 0);
  if (entry.secrecy === undefined || isEmpty) return value;
  return entry.secrecy === "password" && typeof value === "string" ? maskPassword(value) : mask;
}

/** Hides the password before the host, and one among the options. */
function maskPassword(value: string): string {
  if (!value.includes("://")) return value;
  const url = new URL(value);
  if (url.password !== "") url.password = mask;
  for (const name of url.searchParams.keys()) if (/password|secret|key$/i.test(name)) url.searchParams.set(name, mask);
  return url.href;
}

function cellOf(value: unknown): string {
  if (value === undefined) return "(not set)";
  if (Array.isArray(value)) return value.length === 0 ? "(none)" : value.join(", ");
  return typeof value === "string" ? value : JSON.stringify(value);
}
