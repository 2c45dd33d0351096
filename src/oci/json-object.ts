import { RegistryError } from "./error.ts";

export type JsonObject = { readonly [name: string]: unknown };

/** @throws RegistryError MANIFEST_INVALID */
export function parseObject(value: unknown, where: string): JsonObject {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw invalid(where, "is not an object");
}

export function invalid(where: string, what: string): RegistryError {
  return new RegistryError("MANIFEST_INVALID", `${where} ${what}: build the manifest again with a current tool`, {
    detail: { at: where },
  });
}
