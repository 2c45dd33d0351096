import { decideAction, parseIamPolicy } from "../../policy/index.ts";
import type { Access } from "../access.ts";
import { authorizeNamespace } from "../authorize.ts";
import { findFacts } from "../facts-at.ts";
import { findStanding } from "../find-standing.ts";
import type { Caller } from "../principal.ts";
import { bindNames } from "./bind-names.ts";
import type { GivenPolicy } from "./held-policy.ts";

/**
 * A policy for repositories that are not there yet, read as `setRepositoryPolicy` reads one, and whom it names now.
 * @throws IamFault for what cannot be evaluated, or names nobody; RegistryError DENIED when the caller may not manage access
 * to the namespace
 */
export async function bindGivenPolicy(
  access: Access,
  caller: Caller,
  namespace: string,
  { account, text }: Omit<GivenPolicy, "bound">,
): Promise<GivenPolicy> {
  // Whom there is, is told to nobody else.
  await authorizeNamespace(access, caller, "manage-access", namespace);
  const policy = parseIamPolicy(text, { of: "repository", account });
  return { account, text, bound: Object.fromEntries(await bindNames(access.metadata.read, policy)) };
}

/** Whether the caller may see what policies the repositories of a namespace begin with: who may manage access there. */
export async function maySeeGivenPolicies(access: Access, caller: Caller, namespace: string): Promise<boolean> {
  const { principal } = caller;
  if (principal.kind === "operator" || principal.kind === "system") return true;
  const place = { kind: "namespace", path: namespace } as const;
  const facts = await findFacts(access, await findStanding(access, principal), principal, place, caller);
  return decideAction(facts, "manage-access").allowed;
}
