import { RegistryError } from "../oci/index.ts";
import type { Access } from "./access.ts";
import { attributionOf } from "./authorize.ts";
import type { Caller } from "./principal.ts";

/**
 * Waits for what the caller was permitted to do, and notes for the audit rows when it was refused all the same: for tags,
 * rules and states that only the transaction sees.
 */
export async function attempt<T>(
  access: Access,
  caller: Caller,
  tried: { readonly action: string; readonly repository: string; readonly target: string },
  work: Promise<T>,
): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof RegistryError && error.code === "DENIED" && !access.refusals.isNoted(error)) {
      const by = { ...attributionOf(caller), reason: error.message };
      const { tag, setting } = (error.detail ?? {}) as { readonly tag?: string; readonly setting?: string };
      // What a setting refuses for a tag is told to those who wait for events, too.
      const told = tag === undefined || setting === undefined ? {} : { target: tag, event: "tag.refused" };
      access.refusals.note({ by, ...tried, ...told, challenged: false }, error);
    }
    throw error;
  }
}
