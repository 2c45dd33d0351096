import { authorize, authorizeNamespace, authorizeSelf } from "../../access/index.ts";
import type { Access, Caller, Permit } from "../../access/index.ts";
import type { Endpoint } from "../../contract/index.ts";
import type { Attribution } from "../../metadata/index.ts";
import { parseRepositoryName, RegistryError } from "../../oci/index.ts";
import type { Action } from "../../policy/index.ts";

/** What a caller was allowed. */
export interface Leave {
  readonly by: Attribution;
  readonly permit: Permit | undefined;
}

/** Asks for what the endpoint's row of the table demands. @throws RegistryError UNAUTHORIZED, DENIED, UNAVAILABLE */
export async function askLeave(
  access: Access,
  caller: Caller,
  endpoint: Endpoint,
  parameters: Readonly<Record<string, string>>,
  body: unknown,
): Promise<Leave> {
  const { auth } = endpoint;
  const { principal, address, id } = caller;
  const by = { principal: principal.name, credential: principal.credential, address, request: id, reason: null };
  if (auth.place === "none") return { by, permit: undefined };
  const action = "action" in auth ? (auth.action as Action) : undefined;
  refuseStrangers(caller, endpoint);
  switch (auth.place) {
    case "known":
      return { by, permit: undefined };
    case "self":
      return { by: await authorizeSelf(access, caller, action!, parameters["user"]!), permit: undefined };
    case "root":
      return { by: await authorizeNamespace(access, caller, action!, ""), permit: undefined };
    case "namespace":
      return { by: await authorizeNamespace(access, caller, action!, parameters["path"]!), permit: undefined };
    case "parent":
      return { by: await authorizeNamespace(access, caller, action!, parentOf(body)), permit: undefined };
    case "repository": {
      const permit = await authorize(access, caller, action!, parseRepositoryName(parameters["name"]!));
      return { by: permit.by, permit };
    }
  }
}

/** Who has shown nothing must log in. @throws RegistryError UNAUTHORIZED */
export function refuseStrangers({ principal }: Caller, { auth }: Endpoint): void {
  if (auth.place !== "none" && auth.place !== "repository" && principal.kind === "anonymous") {
    throw new RegistryError("UNAUTHORIZED", "nobody is logged in: send a user name with a password or token");
  }
}

/** The namespace above the one that a body names. */
function parentOf(body: unknown): string {
  const { path } = body as { readonly path: string };
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}
