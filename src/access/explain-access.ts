import { findAccount, findRepository, findRobotByLogin } from "../metadata/index.ts";
import { parseRepositoryName, RegistryError } from "../oci/index.ts";
import { isTagAllowed } from "../policy/index.ts";
import type { Action } from "../policy/index.ts";
import type { Access } from "./access.ts";
import { authorize, authorizeNamespace, explainRights } from "./authorize.ts";
import type { Place } from "./place.ts";
import { least } from "./policies/judge-policy.ts";
import type { Occasion } from "./policies/judge-policy.ts";
import { anonymous } from "./principal.ts";
import type { Caller, Principal } from "./principal.ts";

/** A yes or no with its reason. */
export interface Explanation {
  readonly principal: string;
  readonly allowed: boolean;
  /** A sentence without a full stop. */
  readonly reason: string;
  /** Numbers of the grants that allow it. */
  readonly grants: readonly number[];
  /** Lists of patterns, each of which a tag must match. */
  readonly tags: readonly (readonly string[])[];
}

/**
 * Whether somebody may do something: the caller with the credential that it shows, or, for those who may manage access on
 * the place, anybody by name.
 * @throws RegistryError DENIED, NOT_FOUND for a principal that is not there
 */
export async function explainAccess(
  access: Access,
  caller: Caller,
  asked: {
    readonly principal: string | undefined;
    readonly action: Action;
    readonly on: { readonly namespace: string } | { readonly repository: string };
    readonly tag: string | undefined;
  },
): Promise<Explanation> {
  const { action, on, tag } = asked;
  const name =
    asked.principal === undefined || asked.principal.includes(":") ? asked.principal : `user:${asked.principal}`;
  const own = name === undefined || name === caller.principal.name;
  if (!own) {
    if ("namespace" in on) await authorizeNamespace(access, caller, "manage-access", on.namespace);
    else await authorize(access, caller, "manage-access", parseRepositoryName(on.repository));
  }
  const principal = own ? caller.principal : await findPrincipal(access, asked.principal!);
  const decision = await decide(access, principal, action, on, own ? caller : least);
  if (!decision.allowed || tag === undefined || isTagAllowed(decision.tags, tag)) {
    return { principal: principal.name, ...decision };
  }
  const reason = `the tag ${tag} is not among ${decision.tags.flat().join(", ")}`;
  return { principal: principal.name, ...decision, allowed: false, reason };
}

async function decide(
  access: Access,
  principal: Principal,
  action: Action,
  on: { readonly namespace: string } | { readonly repository: string },
  occasion: Occasion,
) {
  if (principal.kind === "operator" || principal.kind === "system") {
    return { allowed: true, reason: "open mode: everybody may do everything", grants: [], tags: [] };
  }
  const rights = await explainRights(access, principal, await findPlaceOf(access, on), occasion);
  return rights[action];
}

async function findPlaceOf(
  { metadata: { read } }: Access,
  on: { readonly namespace: string } | { readonly repository: string },
): Promise<Place> {
  if ("namespace" in on) return { kind: "namespace", path: on.namespace };
  const row = await read.first(findRepository, { name: on.repository });
  return {
    kind: "repository",
    name: on.repository,
    id: row?.id ?? null,
    public: row !== undefined && row.public !== 0,
  };
}

async function findPrincipal({ metadata: { read } }: Access, text: string): Promise<Principal> {
  if (text === "anonymous") return anonymous;
  const login = /^robot:(.+)$/.exec(text)?.[1];
  const row =
    login === undefined
      ? await read.first(findAccount, { name: text.replace(/^user:/, "") })
      : await read.first(findRobotByLogin, { login });
  if (row === undefined) throw new RegistryError("NOT_FOUND", `there is no ${text}`);
  const kind = login === undefined ? "account" : "robot";
  const name = "name" in row ? `user:${row.name}` : `robot:${row.login}`;
  return { kind, id: row.id, name, credential: "none", limits: [] };
}
