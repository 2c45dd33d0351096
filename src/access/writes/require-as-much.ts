import { findRepository } from "../../metadata/index.ts";
import type { Transaction } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { actionsOfRole } from "../../policy/index.ts";
import type { Action, Decision, Role } from "../../policy/index.ts";
import { explainRights } from "../authorize.ts";
import type { Place } from "../authorize.ts";
import type { Caller } from "../principal.ts";
import { rightsWithin } from "./rights-within.ts";

/** Rights that are to be given, or were. */
export interface Rights {
  readonly role: Role | null;
  readonly actions: readonly Action[];
  /** Patterns; null for all tags. */
  readonly tags: readonly string[] | null;
}

/**
 * Nobody hands on, or takes away, more than they may do themselves in that place. Whether the place is private or not
 * there, the words are the same.
 * @throws RegistryError DENIED
 */
export async function requireAsMuch(
  tx: Transaction,
  { principal }: Caller,
  on: { readonly namespace: string } | { readonly repository: string },
  { role, actions, tags }: Rights,
): Promise<void> {
  if (principal.kind === "operator" || principal.kind === "system") return;
  const own = await explainRights(rightsWithin(tx), principal, await findPlace(tx, on));
  const wanted = new Set([...(role === null ? [] : actionsOfRole[role]), ...actions]);
  for (const action of wanted) {
    const decision = own[action];
    if (decision.allowed && isCovered(decision, tags)) continue;
    const where = "repository" in on ? on.repository : on.namespace === "" ? "the server" : `namespace ${on.namespace}`;
    const why = decision.allowed ? "it is limited to some tags" : decision.reason;
    const message = `${principal.name} may not hand on or take away ${action} on ${where}, or it is not there: ${why}`;
    throw new RegistryError("DENIED", message);
  }
}

/** Each list of patterns that limits the one must hold what the other is limited to, word by word. */
function isCovered(decision: Decision, tags: readonly string[] | null): boolean {
  return decision.tags.every((list) => tags !== null && tags.every((pattern) => list.includes(pattern)));
}

/** What is public there is nobody's right to hand on. */
async function findPlace(
  tx: Transaction,
  on: { readonly namespace: string } | { readonly repository: string },
): Promise<Place> {
  if ("namespace" in on) return { kind: "namespace", path: on.namespace };
  const row = await tx.first(findRepository, { name: on.repository });
  return { kind: "repository", name: on.repository, id: row?.id ?? null, public: false };
}
