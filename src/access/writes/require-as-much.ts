import type { Transaction } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { findLacking } from "../find-lacking.ts";
import type { Rights } from "../find-lacking.ts";
import { findLackingByPolicy } from "../policies/find-lacking-by-policy.ts";
import type { Caller } from "../principal.ts";
import { rightsWithin } from "./rights-within.ts";

/**
 * Nobody hands on, or takes away, more than they may do themselves in that place. Whether the place is private or not
 * there, the words are the same.
 * @throws RegistryError DENIED
 */
export async function requireAsMuch(
  tx: Transaction,
  { principal }: Caller,
  on: { readonly namespace: string } | { readonly repository: string },
  rights: Rights,
): Promise<void> {
  if (principal.kind === "operator" || principal.kind === "system") return;
  const lacking = await findLacking(rightsWithin(tx), principal, on, rights);
  if (lacking === undefined) return;
  const where = "repository" in on ? on.repository : on.namespace === "" ? "the server" : `namespace ${on.namespace}`;
  const message = `${principal.name} may not hand on or take away ${lacking.action} on ${where}, or it is not there: ${lacking.why}`;
  throw new RegistryError("DENIED", message);
}

/** The same of what policies of repositories give to a robot. @throws RegistryError DENIED */
export async function requireAsMuchByPolicy(
  tx: Transaction,
  { principal }: Caller,
  robot: { readonly id: number; readonly login: string },
): Promise<void> {
  const lacking = await findLackingByPolicy(rightsWithin(tx), principal, robot);
  if (lacking === undefined) return;
  const { action, why } = lacking;
  const message = `${principal.name} may not hand on ${action} to robot:${robot.login}, which a policy lets it do: ${why}`;
  throw new RegistryError("DENIED", message);
}
