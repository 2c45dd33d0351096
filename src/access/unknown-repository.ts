import { RegistryError } from "../oci/index.ts";

/** For those who may know that it is not there. */
export function unknownRepository(name: string): RegistryError {
  return new RegistryError("NAME_UNKNOWN", `there is no repository ${name}`, { detail: { name } });
}
