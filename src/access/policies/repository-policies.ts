import { findRepository, findRepositoryPolicy as findRow } from "../../metadata/index.ts";
import type { RepositoryName } from "../../oci/index.ts";
import { decideAction, IamFault, parseIamPolicy } from "../../policy/index.ts";
import type { IamPolicy } from "../../policy/index.ts";
import type { Access } from "../access.ts";
import { authorize } from "../authorize.ts";
import { findFacts } from "../facts-at.ts";
import { findStanding } from "../find-standing.ts";
import { plainCaller } from "../principal.ts";
import type { Caller } from "../principal.ts";
import { unknownRepository } from "../unknown-repository.ts";
import { bindNames } from "./bind-names.ts";
import { findPoliciesAt } from "./held-policies.ts";

/** A policy in IAM's form that a repository is to have. */
export interface WantedPolicy {
  readonly repository: RepositoryName;
  /** Twelve digits: whose users and roles it names. */
  readonly account: string;
  /** JSON; kept as it is. */
  readonly text: string;
  /** Set it although it keeps the caller from setting another. */
  readonly force: boolean;
}

/**
 * Gives a repository a policy in the place of the one it has. It acts on every request from then on, on all nodes within two
 * seconds. Whom it names must be there: whoever has their name later is somebody else.
 * @throws IamFault for what cannot be evaluated, names nobody, or locks the caller out; RegistryError NAME_UNKNOWN, DENIED when
 * the caller may not manage access there, or lacks what it allows
 */
export async function setRepositoryPolicy(access: Access, caller: Caller, wanted: WantedPolicy): Promise<void> {
  const { repository, account, text, force } = wanted;
  const permit = await authorize(access, caller, "manage-access", repository);
  // What is not there is told before what is wrong with the policy.
  if ((await access.metadata.read.first(findRepository, { name: repository })) === undefined) {
    throw unknownRepository(repository);
  }
  const policy = parseIamPolicy(text, { of: "repository", account });
  const bound = await bindNames(access.metadata.read, policy);
  if (!force && typeof permit.repository === "number") {
    await refuseLockOut(access, caller, wanted, { id: permit.repository, policy, bound });
  }
  const names = Object.fromEntries(bound);
  const input = { caller: plainCaller(caller), repository, account, text, bound: names };
  await access.metadata.write("setRepositoryPolicy", input);
}

/** The text of a repository's policy; undefined where it has none. @throws RegistryError NAME_UNKNOWN, and as `authorize` does for manage-access */
export async function findRepositoryPolicyText(
  access: Access,
  caller: Caller,
  name: RepositoryName,
): Promise<string | undefined> {
  await authorize(access, caller, "manage-access", name);
  const { read } = access.metadata;
  const row = await read.first(findRepository, { name });
  if (row === undefined) throw unknownRepository(name);
  return (await read.first(findRow, { repository: row.id }))?.policy;
}

/**
 * Takes a repository's policy away: grants alone decide from then on.
 * @returns its text
 * @throws RegistryError NOT_FOUND where it has none, NAME_UNKNOWN, DENIED
 */
export async function deleteRepositoryPolicy(access: Access, caller: Caller, name: RepositoryName): Promise<string> {
  const input = { caller: plainCaller(caller), repository: name };
  return (await access.metadata.write("deleteRepositoryPolicy", input)).text;
}

/** @throws IamFault where the caller could not set another policy by this one */
async function refuseLockOut(
  access: Access,
  caller: Caller,
  { repository: name, account }: WantedPolicy,
  {
    id,
    policy,
    bound,
  }: { readonly id: number; readonly policy: IamPolicy; readonly bound: ReadonlyMap<string, readonly string[]> },
): Promise<void> {
  const { principal } = caller;
  const held = { of: id, account, policy, bound, revision: "" };
  const place = { kind: "repository", id, name, public: false } as const;
  const occasion = { ...plainCaller(caller), operation: "ecr:SetRepositoryPolicy" };
  const standing = await findStanding(access, principal);
  const others = (await findPoliciesAt(access, place)).filter(({ of }) => of !== id);
  const said = (await findFacts(access, standing, principal, place, occasion, [held])).policy?.("manage-access");
  const facts = await findFacts(access, standing, principal, place, occasion, [held, ...others]);
  const how = "set force to set it all the same";
  if (said?.effect === "deny") throw new IamFault(`it would keep you from setting another one: ${said.reason}; ${how}`);
  if (decideAction(facts, "manage-access").allowed) return;
  throw new IamFault(`it would keep you from setting another one, which the policy before allowed you; ${how}`);
}
