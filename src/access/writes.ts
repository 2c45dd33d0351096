import type { Writes } from "../metadata/index.ts";
import { createAccount, createFirstOwner } from "./writes/accounts.ts";
import { createRobot, createToken } from "./writes/credentials.ts";
import { changeMember, createGroup, deleteGroup, updateGroup } from "./writes/groups.ts";
import { giveGrant, takeGrant } from "./writes/grant-rights.ts";
import { createGrant } from "./writes/grants.ts";
import { createNamespace, deleteNamespace, updateNamespace } from "./writes/namespaces.ts";
import { expireTrail, recordRefusals, sealTrail } from "./writes/trail.ts";
import { createTrustRule, deleteTrustRule, takeOverTrustRule, updateTrustRule } from "./writes/trust-rules.ts";
import { deleteRobot, enrolRobot, rotateRobot, takeOverRobot, updateRobot } from "./writes/robots.ts";
import { endLogin, issueToken, revokeTokens } from "./writes/tokens.ts";
import { recordSession } from "./writes/sessions.ts";
import { noteUses } from "./writes/uses.ts";
import { addUser, deleteUser, setPassword, updateUser } from "./writes/users.ts";
import { ensureSealingKey, ensureSigningKey } from "./writes/keys.ts";
import { recoverOwner } from "./writes/recover.ts";
import { createRefreshToken } from "./writes/refresh-tokens.ts";
import { admitIdentity } from "./writes/identities.ts";
import {
  admitLogin,
  claimLogin,
  endLoginAtProvider,
  keepLoginSecret,
  putOffLogin,
  renewLogin,
} from "./writes/provider-logins.ts";
import { openDeviceLogin, pollDeviceLogin, settleDeviceLogin } from "./writes/device-logins.ts";
import { deleteRegistryPolicy, putRegistryPolicy } from "./writes/registry-policies.ts";
import { deleteRepositoryPolicy, setRepositoryPolicy } from "./writes/repository-policies.ts";
import { redeemCode } from "./writes/sign-on.ts";

/** Every write of access by name; the writer thread runs this same table. */
export const accessWrites = {
  admitIdentity,
  admitLogin,
  claimLogin,
  endLoginAtProvider,
  keepLoginSecret,
  putOffLogin,
  renewLogin,
  addUser,
  changeMember,
  createAccount,
  createFirstOwner,
  createGrant,
  createGroup,
  createNamespace,
  createRefreshToken,
  createRobot,
  createToken,
  deleteGroup,
  deleteNamespace,
  expireTrail,
  recordRefusals,
  recordSession,
  recoverOwner,
  sealTrail,
  deleteUser,
  endLogin,
  issueToken,
  revokeTokens,
  setPassword,
  updateGroup,
  updateNamespace,
  createTrustRule,
  deleteTrustRule,
  updateTrustRule,
  updateUser,
  ensureSealingKey,
  ensureSigningKey,
  deleteRegistryPolicy,
  deleteRepositoryPolicy,
  deleteRobot,
  enrolRobot,
  giveGrant,
  noteUses,
  openDeviceLogin,
  pollDeviceLogin,
  putRegistryPolicy,
  redeemCode,
  setRepositoryPolicy,
  settleDeviceLogin,
  rotateRobot,
  takeGrant,
  takeOverRobot,
  takeOverTrustRule,
  updateRobot,
} satisfies Writes;

export type AccessWrites = typeof accessWrites;
