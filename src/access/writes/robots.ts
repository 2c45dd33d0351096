import {
  endOlderSecrets,
  deleteRobot as removeRobot,
  endSecrets,
  findRobotByName,
  insertRobotSecret,
  listGrantsOfRobot,
  listKeptGrantsOfRobot,
  listRobotSecrets,
  recordChange,
  setSponsor,
  updateRobot as changeRobot,
} from "../../metadata/index.ts";
import type { Attribution, ShownRobot, Transaction } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import type { Action } from "../../policy/index.ts";
import { answersFor, rightsOf } from "../answers-for.ts";
import { authorizeNamespace } from "../authorize.ts";
import type { SealedKey } from "../aws/sealed-key.ts";
import { isWithin, parentOf, versionOfRobot } from "../paths.ts";
import type { Caller } from "../principal.ts";
import { requireVersion } from "../require-version.ts";
import { createRobot, keepAccessKey } from "./credentials.ts";
import { resolvePlace } from "./grant-rights.ts";
import type { NamedPlace } from "./grant-rights.ts";
import { createGrant } from "./grants.ts";
import { getNamespace } from "./namespaces.ts";
import { endChildren, findRobotEnd, madeWith, sponsorOf } from "./lineage.ts";
import { runOnce } from "./once.ts";
import type { Once } from "./once.ts";
import { raiseVersion } from "./raise-version.ts";
import { requireAsMuch, requireAsMuchByPolicy } from "./require-as-much.ts";
import type { Rights } from "../find-lacking.ts";
import { rightsWithin } from "./rights-within.ts";

export interface EnrolRobotInput {
  readonly caller: Caller;
  /** Namespace. */
  readonly path: string;
  readonly name: string;
  readonly description: string | null;
  /** As `hashSecret` gives it. */
  readonly hash: string;
  /** What it may do, in its namespace and below. */
  readonly scope: readonly (Rights & { readonly on: NamedPlace })[];
  /** Milliseconds from now. */
  readonly age: number;
  /** The key pair that stands for its secret; none when left out. */
  readonly accessKey?: SealedKey | undefined;
  readonly once: Once | undefined;
}

/**
 * Makes a robot with its grants; whoever makes it answers for it, and it gets no more than that one has. It ends with the
 * credential that makes it at the latest, unless that came of a login just now.
 * @throws RegistryError NAMESPACE_UNKNOWN, NAME_UNKNOWN, CONFLICT when its name is taken, DENIED, REQUEST_INVALID for a place outside
 */
export async function enrolRobot(
  tx: Transaction,
  input: EnrolRobotInput,
): Promise<{ readonly id: number; readonly replayed: boolean }> {
  const { caller, path, name, description, hash, scope, age, accessKey, once } = input;
  const by = await authorizeNamespace(rightsWithin(tx), caller, "manage-robots", path);
  for (const { on, ...rights } of scope) {
    const place = "namespace" in on ? on.namespace : on.repository;
    if (!isWithin(place, path)) {
      const message = `${place || "the root"} is not in the namespace ${path}: make the robot there, or have an owner there grant to it`;
      throw new RegistryError("REQUEST_INVALID", message);
    }
    await requireAsMuch(tx, caller, on, rights);
  }
  return runOnce(tx, once, async () => {
    const namespace = await getNamespace(tx, path);
    const login = loginOf(path, name);
    const sponsor = sponsorOf(caller);
    const { principal } = caller;
    const until = (await findRobotEnd(tx, principal)) - tx.now;
    const robot = { namespace: namespace.id, name, login, description, sponsor, hash, accessKey };
    const { id } = await createRobot(tx, {
      by,
      ...robot,
      age: Math.min(age, until),
      madeWith: madeWith(principal),
    });
    for (const { on, ...rights } of scope) {
      const place = await resolvePlace(tx, on);
      await createGrant(tx, { by, to: { robot: id }, on: place, ...rights, target: `robot:${login}` });
    }
    return { id };
  });
}

export interface RobotChange {
  readonly caller: Caller;
  readonly path: string;
  readonly robot: string;
  readonly versions?: readonly string[] | undefined;
}

/** Changes what people read of a robot, or whether it may log in. @throws RegistryError NOT_FOUND, VERSION_CHANGED, DENIED */
export async function updateRobot(
  tx: Transaction,
  input: RobotChange & { readonly description: string | null | undefined; readonly disabled: boolean | undefined },
): Promise<{ readonly id: number }> {
  const { by, row } = await openRobot(tx, input, "manage-robots");
  const { description = row.description, disabled = row.disabled !== 0 } = input;
  await tx.run(changeRobot, { robot: row.id, description, disabled: disabled ? 1 : 0, expiresAt: row.expires_at });
  await record(tx, by, "update-robot", row, { disabled });
  return { id: row.id };
}

/** Deletes a robot with its secrets, its grants and all that it made. @throws RegistryError NOT_FOUND, VERSION_CHANGED, DENIED */
export async function deleteRobot(tx: Transaction, input: RobotChange): Promise<{ readonly id: number }> {
  const { by, row } = await openRobot(tx, input, "manage-robots");
  const ended = await endChildren(tx, await secretsOf(tx, row.id));
  await tx.run(removeRobot, { robot: row.id });
  await record(tx, by, "delete-robot", row, { ended });
  return { id: row.id };
}

/**
 * Gives a robot a new secret and more time, not more than the credential that asks has; its latest old one stays good for a
 * while, those before it end at once. Without an overlap what the old ones made ends, too. Whoever does not answer for the
 * robot must be allowed all that it may do: the secret is shown to them.
 * @throws RegistryError NOT_FOUND, DENIED
 */
export async function rotateRobot(
  tx: Transaction,
  input: RobotChange & {
    readonly hash: string;
    /** Milliseconds from now. */
    readonly age: number;
    /** Milliseconds from now. */
    readonly overlap: number;
    /** The key pair that stands for the secret; none when left out. */
    readonly accessKey?: SealedKey | undefined;
    readonly once: Once | undefined;
  },
): Promise<{ readonly id: number; readonly replayed: boolean }> {
  const { caller, hash, age, overlap, accessKey, once } = input;
  const { by, row } = await openRobot(tx, input, "manage-robots");
  if (!answersFor(caller.principal, row)) {
    for (const grant of await tx.all(listGrantsOfRobot, { robot: row.id })) {
      const on = grant.path === null ? { repository: grant.repository! } : { namespace: grant.path };
      await requireAsMuch(tx, caller, on, rightsOf(grant));
    }
    // It has them again when somebody brings the repository back.
    for (const kept of await tx.all(listKeptGrantsOfRobot, { robot: row.id, now: tx.now })) {
      await requireAsMuch(tx, caller, { namespace: parentOf(kept.repository) }, rightsOf(kept));
    }
    await requireAsMuchByPolicy(tx, caller, row);
  }
  return runOnce(tx, once, async () => {
    const expiresAt = Math.min(tx.now + age, await findRobotEnd(tx, caller.principal));
    const ended = overlap > 0 ? undefined : await endChildren(tx, await secretsOf(tx, row.id));
    await tx.run(endOlderSecrets, { robot: row.id });
    await tx.run(endSecrets, { robot: row.id, until: overlap > 0 ? tx.now + overlap : 0 });
    const secret = { robot: row.id, hash, expiresAt, madeWith: madeWith(caller.principal), now: tx.now };
    const made = await tx.first(insertRobotSecret, secret);
    await keepAccessKey(tx, accessKey, { token: null, secret: made!.id });
    const { description, disabled } = row;
    await tx.run(changeRobot, { robot: row.id, description, disabled, expiresAt });
    await record(tx, by, "rotate-robot", row, {
      expiresAt,
      overlap,
      ...(accessKey && { accessKey: accessKey.id }),
      ...(ended && { ended }),
    });
    return { id: row.id };
  });
}

/** Makes the caller, an owner of the robot's namespace, answer for it. @throws RegistryError NOT_FOUND, DENIED */
export async function takeOverRobot(tx: Transaction, input: RobotChange): Promise<{ readonly id: number }> {
  const { kind, id, name, limits } = input.caller.principal;
  const { by, row } = await openRobot(tx, input, "manage-access");
  if (kind !== "account" || limits.length > 0) {
    throw new RegistryError("DENIED", "a user takes a robot over, by a password or a token without a scope: log in so");
  }
  await tx.run(setSponsor, { robot: row.id, account: id });
  await record(tx, by, "take-over-robot", row, { sponsor: name });
  return { id: row.id };
}

/**
 * `robot_<path>_<name>`: letters, digits and `_ . -`. Parts neither begin nor end with an underscore; doubled, those in them are
 * none of those between them, so no two robots have one login.
 */
function loginOf(path: string, name: string): string {
  const parts = [...(path === "" ? [] : path.split("/")), name];
  return ["robot", ...parts.map((part) => part.replaceAll("_", "__"))].join("_");
}

async function secretsOf(tx: Transaction, robot: number): Promise<string[]> {
  return (await tx.all(listRobotSecrets, { robot })).map(({ id }) => `secret:${id}`);
}

async function openRobot(
  tx: Transaction,
  { caller, path, robot, versions }: RobotChange,
  action: Action,
): Promise<{ readonly by: Attribution; readonly row: ShownRobot }> {
  const by = await authorizeNamespace(rightsWithin(tx), caller, action, path);
  const namespace = await getNamespace(tx, path);
  const row = await tx.first(findRobotByName, { namespace: namespace.id, name: robot });
  if (row === undefined) throw new RegistryError("NOT_FOUND", `there is no robot ${robot} in this namespace`);
  requireVersion(versions, versionOfRobot(row));
  return { by, row };
}

async function record(
  tx: Transaction,
  by: Attribution,
  action: string,
  { id, login }: ShownRobot,
  facts: object,
): Promise<void> {
  const change = { action, repository: "", target: login, event: "access.changed", facts: { robot: id, ...facts } };
  await recordChange(tx, by, change);
  await raiseVersion(tx);
}
