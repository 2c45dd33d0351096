import type { PlacedGrant, RobotRow } from "../metadata/index.ts";
import type { Action, Role } from "../policy/index.ts";
import type { Rights } from "./find-lacking.ts";
import type { Principal } from "./principal.ts";

/** Whether the principal, by a credential without a scope, is who answers for the robot. */
export function answersFor(
  { kind, id, limits }: Principal,
  { sponsor_account: account, sponsor_robot: robot }: Pick<RobotRow, "sponsor_account" | "sponsor_robot">,
): boolean {
  if (kind === "operator" || kind === "system") return true;
  if (limits.length > 0) return false;
  return kind === "account" ? account === id : kind === "robot" && robot === id;
}

/** What a grant gives. */
export function rightsOf({ role, actions, tags }: Pick<PlacedGrant, "role" | "actions" | "tags">): Rights {
  return {
    role: role as Role | null,
    actions: actions === null ? [] : (JSON.parse(actions) as Action[]),
    tags: tags === null ? null : (JSON.parse(tags) as string[]),
  };
}
