import { RegistryError } from "../oci/index.ts";
import type { Digest, RepositoryName } from "../oci/index.ts";
import { attempt, authorize, findAllowed, plainCaller } from "../access/index.ts";
import type { Caller } from "../access/index.ts";
import { listBlobRepositories } from "../metadata/index.ts";
import type { Registry } from "./registry.ts";
import type { MountBlobInput } from "./writes/mount-blob.ts";

/** How many repositories a mount looks at that names none. */
const candidates = 32;

/**
 * Links a blob of another repository, of any when `from` is not given (end-11), that the caller may pull from. Resolves
 * with whether it was there: what may not be pulled is not there.
 * @throws RegistryError as `authorize` does for a push; UNAUTHORIZED when a registry token is not for a source from which
 * its holder may pull
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
  if (sources.length === 0) {
    await refuseNarrowToken(registry, caller, named);
    return false;
  }
  const context = { repository, permit, pin: registry.settings.pin };
  const mount = registry.metadata.write("mountBlob", { ...context, digest, from: sources });
  const { mounted } = await attempt(
    registry.access,
    caller,
    { action: "mount-blob", repository, target: digest },
    mount,
  );
  return mounted;
}

/**
 * A registry token that is not for a source from which its holder may pull: the client can fetch one that is.
 * @throws RegistryError UNAUTHORIZED with the source
 */
async function refuseNarrowToken(registry: Registry, caller: Caller, named: readonly RepositoryName[]): Promise<void> {
  const limits = caller.principal.limits.filter(({ lacking }) => lacking !== "challenge");
  if (limits.length === caller.principal.limits.length) return;
  const holder = { ...plainCaller(caller), principal: { ...caller.principal, limits } };
  for (const source of named) {
    if ((await findAllowed(registry.access, holder, "pull", source)) === undefined) continue;
    const message = `the token does not have pull on ${source}: ask for one that does, or upload the blob`;
    throw new RegistryError("UNAUTHORIZED", message, { detail: { source } });
  }
}

async function listSources(registry: Registry, digest: Digest): Promise<RepositoryName[]> {
  const rows = await registry.metadata.read.all(listBlobRepositories, { digest, limit: candidates });
  return rows.map(({ name }) => name as RepositoryName);
}
