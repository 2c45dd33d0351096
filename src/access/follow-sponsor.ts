import { findAccountById, findLatestProviderLogin, findRobot } from "../metadata/index.ts";
import type { RobotRow } from "../metadata/index.ts";
import { RegistryError } from "../oci/index.ts";
import type { Access } from "./access.ts";
import { lookAtPerson } from "./directory.ts";
import { followLogin } from "./sso/follow-login.ts";
import type { Vouched } from "./vouched.ts";

/** Robots that answer for robots: more than anybody makes, and an end for a ring. */
const depthLimit = 8;
/** Until whoever answers is looked at again who could not be looked at, in milliseconds. */
const tryAgainAfter = 60_000;

/** Who answers for a robot or a trust rule. */
type Sponsored = Pick<RobotRow, "sponsor_account" | "sponsor_robot">;

/**
 * Has the person looked at who answers for a robot or rule, so that their groups, which bound its rights, are those of the
 * moment: in the directory, or by the login at a provider that was heard last, while there is one. Whoever is gone from the
 * directory answers for nothing more. A robot that works does not stop because neither can be asked.
 * @throws MetadataError
 */
export async function followSponsor(access: Access, sponsored: Sponsored): Promise<Vouched> {
  const { read } = access.metadata;
  let { sponsor_account: id, sponsor_robot: robot } = sponsored;
  for (let depth = 0; robot !== null && depth < depthLimit; depth++) {
    const next = await read.first(findRobot, { robot });
    [id, robot] = [next?.sponsor_account ?? null, next?.sponsor_robot ?? null];
  }
  const account = id === null ? undefined : await read.first(findAccountById, { account: id });
  // Nobody answers, which is decided where rights are.
  if (account === undefined || account.disabled !== 0) return { again: Number.POSITIVE_INFINITY };
  try {
    if (!account.source.startsWith("sso:")) return await lookAtPerson(access, account);
    const login = await read.first(findLatestProviderLogin, { account: account.id, now: Date.now() });
    const vouched = login && (await followLogin(access, login.id));
    // A login that ends is no person who leaves.
    return vouched !== undefined && "again" in vouched ? vouched : { again: Date.now() + tryAgainAfter };
  } catch (error) {
    if (!(error instanceof RegistryError) || error.code !== "UNAVAILABLE") throw error;
    return { again: Date.now() + tryAgainAfter };
  }
}
