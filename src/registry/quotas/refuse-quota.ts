import { RegistryError } from "../../oci/index.ts";
import { quotaKeys } from "../../policy/index.ts";
import type { QuotaRefusal } from "../../policy/index.ts";

/** What a client is told that would exceed the quota of a namespace. */
export function quotaError(path: string, refusal: QuotaRefusal): RegistryError {
  const { resource, sentence, limit, used, adding } = refusal;
  const detail = { quota: quotaKeys[resource], namespace: path, limit, used, adding };
  return new RegistryError("DENIED", sentence, { detail });
}

/** Whether an error is one of those. */
export function isQuotaError(error: unknown): boolean {
  if (!(error instanceof RegistryError) || error.code !== "DENIED") return false;
  return (error.detail as { readonly quota?: unknown } | undefined)?.quota !== undefined;
}
