import type { Action, Role } from "../../../src/policy/index.ts";
import type { Player } from "./cast.ts";
import { hooks, namespaces, rules } from "./cast.ts";
import type { Row } from "./rows.ts";

/** What came of a request: allowed, unauthorized (401), denied (403), missing (404), anything else that must not be. */
export type Outcome = "a" | "u" | "d" | "m" | "!";

/** What each role may do, written a second time so that a change of the first is seen. */
const rights: Readonly<Record<Role, readonly Action[]>> = {
  reader: ["pull"],
  writer: ["pull", "push", "overwrite-tag", "create-repository"],
  maintainer: [
    ...["pull", "push", "overwrite-tag", "create-repository"],
    ...["delete", "delete-repository", "manage-settings", "manage-robots", "report-usage"],
  ] as Action[],
  owner: [
    ...["pull", "push", "overwrite-tag", "create-repository", "delete", "delete-repository"],
    ...["manage-settings", "manage-robots", "manage-access", "read-audit", "report-usage"],
  ] as Action[],
};

const wireActions: readonly string[] = ["pull", "push", "delete"];

/** What the rules say that the answer is: `a` stands for allowed, whether the thing is there or not. */
export function expectedOutcome(player: Player, { needs, tokens, places, isLogin }: Row, place: string): Outcome {
  const { credential, token, tokenFor } = player;
  if (needs === "secret") return "u";
  // Where nobody is asked for a login, a bad one is not looked at.
  if (needs === "anybody" && isLogin) return "a";
  if (credential === "bad") return "u";
  if (token !== undefined && !tokens) return "u";
  if (needs === "anybody") return "a";
  if (needs === "catalog" && token !== undefined) return "u";
  if (needs === "login" || needs === "catalog") return credential === "none" ? "u" : "a";
  if (needs === "self") {
    const own = player.user === place && player.scope === undefined;
    return own || may(player, "manage-access", "") ? "a" : credential === "none" ? "u" : "d";
  }
  const [where, action] = needs.split(":") as [string, Action];
  const at = where === "server" ? "" : (placeOfRule(place) ?? place);
  const isRepository = places.includes("mine/app");
  if (isRepository && action === "pull" && at === `${namespaces.open}/app`) return "a";
  if (token !== undefined) {
    const named = wireActions.includes(action) && token.includes(action as "pull") && (tokenFor ?? at) === at;
    return named && may(player, action, at) ? "a" : "u";
  }
  if (may(player, action, at)) return "a";
  if (credential === "none") return "u";
  return where === "hidden" ? "m" : "d";
}

/** What a registry token holds that was asked for with everything. */
export function expectedToken(player: Player, place: string): readonly string[] | undefined {
  if (player.credential === "bad" || player.token !== undefined) return undefined;
  const open = place === `${namespaces.open}/app`;
  return wireActions.filter((action) => (open && action === "pull") || may(player, action as Action, place));
}

function may({ grants, scope }: Player, action: Action, at: string): boolean {
  const within = (path: string) => path === "" || at === path || at.startsWith(`${path}/`);
  if (scope !== undefined && !(within(scope.on) && scope.actions.includes(action))) return false;
  return grants.some(({ role, on }) => within(on) && rights[role].includes(action));
}

function placeOfRule(place: string): string | undefined {
  if (place === rules.mine) return namespaces.mine;
  if (place === rules.hers) return namespaces.hers;
  for (const name of ["mine", "hers", "none"] as const) if (place === hooks[name]) return namespaces[name];
  return place.startsWith("rule-") ? namespaces.none : undefined;
}
