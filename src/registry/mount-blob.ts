import type { Digest, RepositoryName } from "../oci/index.ts";
import { authorize, findAllowed } from "../access/index.ts";
import type { Caller } from "../access/index.ts";
import { listBlobRepositories } from "../metadata/index.ts";
import type { Registry } from "./registry.ts";
import type { MountBlobInput } from "./writes/mount-blob.ts";

/** How many repositories a mount looks at that names none. */
const candidates = 32;

/**
 * Links a blob of another repository, of any when `from` is not given (end-11), that the caller may pull from. Resolves
 * with whether it was there: what may not be pulled is not there.
 * @throws RegistryError as `authorize` does for a push
 */
export async function mountBlob(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  digest: Digest,
  from: RepositoryName | undefined,
): Promise<boolean> {
  const permit = await authorize(registry.access, caller, "push", repository);
  const named = from === undefined ? await listSources(registry, digest) : [from];
  const sources: MountBlobInput["from"][number][] = [];
  for (const name of named) {
    const allowed = await findAllowed(registry.access, caller, "pull", name);
    if (allowed !== undefined) sources.push({ name, ...allowed });
  }
  if (sources.length === 0) return false;
  const context = { repository, permit, pin: registry.settings.pin };
  const { mounted } = await registry.metadata.write("mountBlob", { ...context, digest, from: sources });
  return mounted;
}

async function listSources(registry: Registry, digest: Digest): Promise<RepositoryName[]> {
  const rows = await registry.metadata.read.all(listBlobRepositories, { digest, limit: candidates });
  return rows.map(({ name }) => name as RepositoryName);
}
