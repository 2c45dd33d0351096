import { RegistryError } from "../oci/index.ts";

/** @param versions what the client has seen; undefined for any state @throws RegistryError VERSION_CHANGED */
export function requireVersion(versions: readonly string[] | undefined, now: string): void {
  if (versions === undefined || versions.includes(now)) return;
  const message = "it was changed meanwhile: get it again, look, and send the change with its new ETag";
  throw new RegistryError("VERSION_CHANGED", message);
}
