import { findRepository } from "../metadata/index.ts";
import { actionsOfRole } from "../policy/index.ts";
import type { Action, Decision, Role } from "../policy/index.ts";
import { explainRights } from "./authorize.ts";
import type { Place } from "./place.ts";
import type { Principal } from "./principal.ts";
import type { RightsSource } from "./rights-source.ts";

/** Rights that are to be given, or were. */
export interface Rights {
  readonly role: Role | null;
  readonly actions: readonly Action[];
  /** Patterns; null for all tags. */
  readonly tags: readonly string[] | null;
}

/** The first action of these rights that the principal lacks at the place itself, with the reason; undefined when none. */
export async function findLacking(
  access: RightsSource,
  principal: Principal,
  on: { readonly namespace: string } | { readonly repository: string },
  { role, actions, tags }: Rights,
): Promise<{ readonly action: Action; readonly why: string } | undefined> {
  const own = await explainRights(access, principal, await findPlace(access, on));
  for (const action of new Set([...(role === null ? [] : actionsOfRole[role]), ...actions])) {
    const decision = own[action];
    if (decision.allowed && isCovered(decision, tags)) continue;
    return { action, why: decision.allowed ? "it is limited to some tags" : decision.reason };
  }
  return undefined;
}

/** Each list of patterns that limits the one must hold what the other is limited to, word by word. */
function isCovered(decision: Decision, tags: readonly string[] | null): boolean {
  return decision.tags.every((list) => tags !== null && tags.every((pattern) => list.includes(pattern)));
}

/** What is public there is nobody's right to hand on. */
async function findPlace(
  { metadata: { read } }: RightsSource,
  on: { readonly namespace: string } | { readonly repository: string },
): Promise<Place> {
  if ("namespace" in on) return { kind: "namespace", path: on.namespace };
  const row = await read.first(findRepository, { name: on.repository });
  return { kind: "repository", name: on.repository, id: row?.id ?? null, public: false };
}
