import {
  findAccountById,
  findRobot,
  findTrustRule,
  listGrantsOfAccount,
  listGrantsOfGroup,
  listGrantsOfRobot,
  listGrantsOfTrustRule,
  listGroupsOfAccount,
} from "../metadata/index.ts";
import type { PlacedGrant, TrustRuleRow } from "../metadata/index.ts";
import type { Action, Role } from "../policy/index.ts";
import type { RightsSource } from "./rights-source.ts";
import type { PlacedFact, PolicySubject, Principal, Standing } from "./principal.ts";

/** Robots that answer for robots: more than anybody makes, and an end for a ring. */
const depthLimit = 8;

/** Standings kept at most; all are dropped when there are more. */
const keptLimit = 10_000;

const forEver = Number.MAX_SAFE_INTEGER;

const nobody = (version: number, name: string): Standing => ({
  version,
  until: forEver,
  active: false,
  grants: [],
  within: undefined,
  subjects: [],
  name,
});

/** What the rows say about a principal at the present version; kept until that moves. @throws RegistryError UNAVAILABLE */
export async function findStanding(access: RightsSource, principal: Principal): Promise<Standing> {
  const { kind, id } = principal;
  const version = access.version.current();
  if (kind === "workload") return standingOfRules(access, version, principal);
  if (kind !== "account" && kind !== "robot") return { ...nobody(version, principal.name), active: true };
  return standingOf(access, version, kind, id, 0);
}

async function standingOf(
  access: RightsSource,
  version: number,
  kind: "account" | "robot",
  id: number,
  depth: number,
): Promise<Standing> {
  const key = `${kind}:${id}`;
  const kept = access.standings.get(key);
  if (kept?.version === version && kept.until > Date.now()) return kept;
  const standing =
    kind === "account" ? await readAccount(access, version, id) : await readRobot(access, version, id, depth);
  // A robot looked at for another may have met the end of the chain, which is not its own: that is not kept.
  if (depth > 0 && kind === "robot") return standing;
  if (access.standings.size >= keptLimit) access.standings.clear();
  access.standings.set(key, standing);
  return standing;
}

async function readAccount({ metadata: { read } }: RightsSource, version: number, id: number): Promise<Standing> {
  const account = await read.first(findAccountById, { account: id });
  if (account === undefined) return nobody(version, `user ${id}`);
  const name = `user:${account.name}`;
  if (account.disabled !== 0) return nobody(version, name);
  const grants = (await read.all(listGrantsOfAccount, { account: id })).map((row) => placedFact(row, name));
  const groups = new Map((await read.all(listGroupsOfAccount, { account: id })).map((group) => [group.id, group.name]));
  for (const [group, called] of groups) {
    const rows = await read.all(listGrantsOfGroup, { group });
    grants.push(...rows.map((row) => placedFact(row, `group:${called}`)));
  }
  const subjects = [{ kind: "account", id, name: account.name }] as const;
  return { version, until: forEver, active: true, grants, within: undefined, subjects, name };
}

async function readRobot(access: RightsSource, version: number, id: number, depth: number): Promise<Standing> {
  const { read } = access.metadata;
  const robot = await read.first(findRobot, { robot: id });
  if (robot === undefined || depth >= depthLimit) return nobody(version, `robot ${id}`);
  const name = `robot:${robot.login}`;
  if (robot.disabled !== 0 || robot.expires_at <= Date.now()) return nobody(version, name);
  const within = (await standingOfSponsor(access, version, robot, depth + 1)) ?? nobody(version, "nobody");
  const rows = await read.all(listGrantsOfRobot, { robot: id });
  const until = Math.min(robot.expires_at, within.until);
  const grants = rows.map((row) => placedFact(row, name));
  const subjects = [{ kind: "robot", id, name: robot.login }] as const;
  return { version, until, active: within.active, grants, within, subjects, name };
}

/** Of who answers for a robot or rule; undefined where nobody does. */
async function standingOfSponsor(
  access: RightsSource,
  version: number,
  { sponsor_account: account, sponsor_robot: robot }: Pick<TrustRuleRow, "sponsor_account" | "sponsor_robot">,
  depth: number,
): Promise<Standing | undefined> {
  if (account !== null) return standingOf(access, version, "account", account, depth);
  return robot === null ? undefined : standingOf(access, version, "robot", robot, depth);
}

/** What all rules give together that believe the workload; one that was changed since gives nothing. */
async function standingOfRules(
  access: RightsSource,
  version: number,
  { name, rules = [] }: Principal,
): Promise<Standing> {
  const { read } = access.metadata;
  const key = `workload:${rules.map(({ id, revision }) => `${id}.${revision}`).join(",")}`;
  const kept = access.standings.get(key);
  if (kept?.version === version && kept.until > Date.now()) return { ...kept, name };
  const grants: PlacedFact[] = [];
  const subjects: PolicySubject[] = [];
  let [active, until] = [false, forEver];
  for (const { id, revision } of rules) {
    const rule = await read.first(findTrustRule, { rule: id });
    if (rule === undefined || rule.disabled !== 0 || rule.revision !== revision) continue;
    const within = await standingOfSponsor(access, version, rule, 0);
    until = Math.min(until, within?.until ?? forEver);
    if (within?.active === false) continue;
    active = true;
    subjects.push({ kind: "rule", id, name: rule.name, within });
    const rows = await read.all(listGrantsOfTrustRule, { trust: id });
    grants.push(...rows.map((row) => ({ ...placedFact(row, `trust rule ${rule.name}`), within })));
  }
  const standing = { version, until, active, grants, within: undefined, subjects, name };
  if (access.standings.size >= keptLimit) access.standings.clear();
  access.standings.set(key, standing);
  return standing;
}

/** A row's grant as policy takes it. */
export function placedFact(row: PlacedGrant, to: string): PlacedFact {
  const on =
    row.path === null
      ? `repository ${row.repository ?? "?"}`
      : row.path === ""
        ? "the root namespace"
        : `namespace ${row.path}`;
  return {
    path: row.path ?? undefined,
    since: row.namespace_since ?? undefined,
    repository: row.repository_id === null ? undefined : { id: row.repository_id, name: row.repository ?? "" },
    grant: {
      id: row.id,
      to,
      on,
      role: (row.role as Role | null) ?? undefined,
      actions: row.actions === null ? [] : (JSON.parse(row.actions) as Action[]),
      tags: row.tags === null ? undefined : (JSON.parse(row.tags) as string[]),
    },
  };
}
