import type { Transaction } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { actionsNeeded, decideAction, nameStatement } from "../../policy/index.ts";
import type { IamPolicy } from "../../policy/index.ts";
import { findFacts } from "../facts-at.ts";
import type { Place } from "../place.ts";
import { findStanding } from "../find-standing.ts";
import { findPoliciesAt } from "../policies/held-policies.ts";
import type { Caller } from "../principal.ts";
import { rightsWithin } from "./rights-within.ts";

/**
 * Nobody gives by a policy what they do not have: by grants, or by the policies that are there. What the one denies them that they
 * replace does not count, since they may take it away.
 * @param place whose policy it is to be
 * @param how whether it comes in the place of the one that is there, or beside all that are
 * @throws RegistryError DENIED
 */
export async function requireAllowed(
  tx: Transaction,
  { principal }: Caller,
  place: Place,
  policy: IamPolicy,
  how: "instead" | "beside" = "instead",
): Promise<void> {
  if (principal.kind === "operator" || principal.kind === "system") return;
  const rights = rightsWithin(tx);
  const standing = await findStanding(rights, principal);
  const there = await findPoliciesAt(rights, place);
  const others = there.filter(({ of }) => {
    if (how === "beside") return true;
    return place.kind === "repository" ? of !== place.id : typeof of === "number" || of.path !== place.path;
  });
  const where = place.kind === "repository" ? place.name : place.path === "" ? "the server" : `namespace ${place.path}`;
  for (const statement of policy.statements) {
    if (statement.effect === "Deny") continue;
    for (const operation of statement.actions) {
      const occasion = { whatever: "least", operation } as const;
      const ways = [
        await findFacts(rights, standing, principal, place, occasion, there),
        await findFacts(rights, standing, principal, place, occasion, others),
      ];
      for (const action of actionsNeeded(operation)) {
        const decisions = ways.map((facts) => decideAction(facts, action));
        if (decisions.some(({ allowed, tags }) => allowed && tags.length === 0)) continue;
        const message = `${principal.name} may not allow ${operation} on ${where}, as ${nameStatement(statement.name)} does: that takes ${action} there, for all tags`;
        throw new RegistryError("DENIED", message);
      }
    }
  }
}
