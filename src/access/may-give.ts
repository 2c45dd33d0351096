import { findAccount, findRobotByLogin } from "../metadata/index.ts";
import type { NamedGrant, Reader } from "../metadata/index.ts";
import type { Action, Role } from "../policy/index.ts";
import { findLacking } from "./find-lacking.ts";
import type { Principal } from "./principal.ts";
import type { RightsSource } from "./rights-source.ts";

/**
 * Whether who gave a grant could give it now: a grant stands by itself, so this is for people to look at. Null where nobody
 * in particular gave it.
 */
export async function mayGiveNow(access: RightsSource, grant: NamedGrant): Promise<boolean | null> {
  const [kind, name] = grant.created_by.split(/:(.*)/s);
  if ((kind !== "user" && kind !== "robot") || name === undefined) return null;
  const giver = await findGiver(access.metadata.read, kind, name, grant.created_at);
  if (giver === undefined) return false;
  const on = grant.path === null ? { repository: grant.repository ?? "" } : { namespace: grant.path };
  const actions = grant.actions === null ? [] : (JSON.parse(grant.actions) as Action[]);
  const tags = grant.tags === null ? null : (JSON.parse(grant.tags) as string[]);
  const given = { role: grant.role as Role | null, actions, tags };
  const lacking =
    (await findLacking(access, giver, on, { role: null, actions: ["manage-access"], tags: null })) ??
    (await findLacking(access, giver, on, given));
  return lacking === undefined;
}

/** Who was made later under the name is another. */
async function findGiver(
  read: Reader,
  kind: "user" | "robot",
  name: string,
  at: number,
): Promise<Principal | undefined> {
  const row =
    kind === "user" ? await read.first(findAccount, { name }) : await read.first(findRobotByLogin, { login: name });
  if (row === undefined || row.created_at > at) return undefined;
  const of = kind === "user" ? "account" : "robot";
  return { kind: of, id: row.id, name: `${kind}:${name}`, credential: "none", limits: [] };
}
