import { RegistryError } from "./error.ts";

export type JsonObject = { readonly [name: string]: unknown };

/** @throws RegistryError MANIFEST_INVALID */
export function parseObject(value: unknown, where: string): JsonObject {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw invalid(where, "is not an object");
}

/** The refusal of a document; `where` names the place, `what` goes on with the sentence. */
export function invalid(where: string, what: string): RegistryError {
  return new RegistryError("MANIFEST_INVALID", `${where} ${what}: build the manifest again with a current tool`, {
    detail: { at: where },
  });
}

/** Names of fields, to be found in any case. */
export function foldedFields(names: readonly string[]): ReadonlyMap<string, string> {
  return new Map(names.map((name) => [fold(name), name]));
}

/**
 * Refuses `Layers` beside or for `layers`: tools in Go take both for the same field, others do not.
 * @throws RegistryError MANIFEST_INVALID
 */
export function refuseOtherCase(object: JsonObject, fields: ReadonlyMap<string, string>, where: string): void {
  for (const key of Object.keys(object)) {
    const field = fields.get(fold(key));
    if (field === undefined || field === key) continue;
    throw invalid(where, `writes ${field} as ${key.slice(0, 40)}, which some tools read and others do not`);
  }
}

/** Both ways, since some letters have only one: the long s, the Kelvin sign. */
function fold(name: string): string {
  return name.toLowerCase().toUpperCase();
}
