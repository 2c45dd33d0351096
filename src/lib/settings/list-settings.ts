import type { z } from "zod";
import type { Secrecy } from "./kinds.ts";

/** One setting of a schema, or a group of them. */
export interface SettingEntry {
  /** `collection.pin` */
  readonly name: string;
  /** How text from the environment or a flag becomes a value. */
  readonly kind: "group" | "text" | "number" | "flag" | "list";
  readonly about: string;
  /** As a user would write it; undefined when there is none. */
  readonly standard: unknown;
  readonly secrecy: Secrecy | undefined;
  /** Values to choose from. */
  readonly choices: readonly string[] | undefined;
}

/** All settings and groups of a schema in its order, groups before what they hold. */
export function listSettings(schema: z.ZodObject, prefix = ""): SettingEntry[] {
  return Object.entries(schema.shape).flatMap(([key, field]) => {
    const entry = entryOf(`${prefix}${key}`, field as z.ZodType);
    if (entry.kind !== "group") return [entry];
    return [entry, ...listSettings(innermost(field as z.ZodType) as z.ZodObject, `${entry.name}.`)];
  });
}

/** `collection.pin` → `COLLECTION_PIN`, `storageCredentials.accessKeyId` → `STORAGE_CREDENTIALS_ACCESS_KEY_ID`. */
export function variableOf(name: string): string {
  return name
    .replaceAll(/([a-z])([A-Z])/g, "$1_$2")
    .replaceAll(".", "_")
    .toUpperCase();
}

const kinds: Readonly<Record<string, SettingEntry["kind"]>> = {
  object: "group",
  boolean: "flag",
  number: "number",
  array: "list",
};

type Layer = z.ZodType & {
  readonly _zod: { readonly def: { readonly type: string; readonly innerType?: Layer; readonly in?: Layer } };
};

/** What stands inside optional, default and transform. */
function* layersOf(field: z.ZodType): Generator<Layer> {
  let layer: Layer | undefined = field as Layer;
  while (layer !== undefined) {
    yield layer;
    const def: Layer["_zod"]["def"] = layer._zod.def;
    layer = def.innerType ?? def.in;
  }
}

function innermost(field: z.ZodType): z.ZodType {
  return [...layersOf(field)].at(-1)!;
}

function entryOf(name: string, field: z.ZodType): SettingEntry {
  const layers = [...layersOf(field)];
  const { def } = layers.at(-1)!._zod;
  const find = <T>(read: (layer: Layer) => T | undefined) => layers.map(read).find((value) => value !== undefined);
  return {
    name,
    kind: kinds[def.type] ?? "text",
    about: find((layer) => layer.description) ?? "",
    standard: find((layer) => (layer._zod.def as { defaultValue?: unknown }).defaultValue),
    secrecy: find((layer) => layer.meta()?.["secrecy"] as Secrecy | undefined),
    choices: "entries" in def ? Object.values(def.entries as Record<string, string>) : undefined,
  };
}
