import type { Digest, RepositoryName } from "../oci/index.ts";
import type { Caller, Registry } from "./registry.ts";

/** Links a blob of another repository, of any when `from` is not given (end-11). Resolves with whether it was there. */
export async function mountBlob(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  digest: Digest,
  from: RepositoryName | undefined,
): Promise<boolean> {
  const context = { repository, principal: caller.principal, pin: registry.settings.pin };
  const { mounted } = await registry.metadata.write("mountBlob", { ...context, digest, from: from ?? null });
  return mounted;
}
