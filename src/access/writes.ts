import type { Writes } from "../metadata/index.ts";
import { createAccount, createFirstOwner } from "./writes/accounts.ts";
import { createRobot, createToken } from "./writes/credentials.ts";
import { createGrant } from "./writes/grants.ts";
import { createNamespace, deleteNamespace, updateNamespace } from "./writes/namespaces.ts";
import { expireTrail, recordRefusals, sealTrail } from "./writes/trail.ts";
import { createTrustRule, deleteTrustRule, updateTrustRule } from "./writes/trust-rules.ts";

/** Every write of access by name; the writer thread runs this same table. */
export const accessWrites = {
  createAccount,
  createFirstOwner,
  createGrant,
  createNamespace,
  createRobot,
  createToken,
  deleteNamespace,
  expireTrail,
  recordRefusals,
  sealTrail,
  updateNamespace,
  createTrustRule,
  deleteTrustRule,
  updateTrustRule,
} satisfies Writes;

export type AccessWrites = typeof accessWrites;
