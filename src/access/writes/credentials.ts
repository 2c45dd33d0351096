import {
  insertAccessKey,
  insertRobot,
  insertRobotSecret,
  insertToken,
  insertTokenRepository,
  recordChange,
} from "../../metadata/index.ts";
import type { Attribution, Transaction } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import type { SealedKey } from "../aws/sealed-key.ts";
import type { ScopeEntry } from "../principal.ts";
import { raiseVersion } from "./raise-version.ts";

export interface CreateTokenInput {
  readonly by: Attribution;
  readonly account: number;
  readonly name: string;
  /** As `hashSecret` gives it. */
  readonly hash: string;
  /** JSON of scope entries; null for all that the account may do. */
  readonly scope: string | null;
  /** Milliseconds from now. */
  readonly age: number;
  /** The credential that makes it; none when left out. */
  readonly madeWith?: string | null;
  /** The login by single sign-on that it comes from; none when left out. */
  readonly login?: string | null;
  /** The key pair that stands for it; none when left out. */
  readonly accessKey?: SealedKey | undefined;
}

/** Keeps a new personal token's hash. */
export async function createToken(
  tx: Transaction,
  input: CreateTokenInput,
): Promise<{ readonly id: number; readonly expiresAt: number }> {
  const { by, age, madeWith = null, login = null, accessKey, ...token } = input;
  const expiresAt = tx.now + age;
  const row = await tx.first(insertToken, { ...token, expiresAt, madeWith, login, now: tx.now });
  for (const { repository } of JSON.parse(token.scope ?? "[]") as ScopeEntry[]) {
    if (repository?.id === null) await tx.run(insertTokenRepository, { token: row!.id, name: repository.name });
  }
  await keepAccessKey(tx, accessKey, { token: row!.id, secret: null });
  await recordChange(tx, by, {
    action: "create-token",
    repository: "",
    target: input.name,
    event: "access.changed",
    facts: { token: row!.id, expiresAt, ...(accessKey && { accessKey: accessKey.id }) },
  });
  await raiseVersion(tx);
  return { id: row!.id, expiresAt };
}

export interface CreateRobotInput {
  readonly by: Attribution;
  readonly namespace: number;
  readonly name: string;
  readonly login: string;
  readonly description: string | null;
  /** Who answers for it: an account or a robot. */
  readonly sponsor: { readonly account: number } | { readonly robot: number };
  /** As `hashSecret` gives it. */
  readonly hash: string;
  /** Milliseconds from now. */
  readonly age: number;
  /** The credential that makes it; none when left out. */
  readonly madeWith?: string | null;
  /** The key pair that stands for its secret; none when left out. */
  readonly accessKey?: SealedKey | undefined;
}

/** Makes a robot with its first secret. @throws RegistryError CONFLICT when its name is taken */
export async function createRobot(
  tx: Transaction,
  input: CreateRobotInput,
): Promise<{ readonly id: number; readonly expiresAt: number }> {
  const { by, namespace, name, login, description, sponsor, hash, madeWith = null, accessKey } = input;
  const expiresAt = tx.now + input.age;
  const row = await tx.first(insertRobot, {
    namespace,
    name,
    login,
    description,
    sponsorAccount: "account" in sponsor ? sponsor.account : null,
    sponsorRobot: "robot" in sponsor ? sponsor.robot : null,
    expiresAt,
    now: tx.now,
  });
  if (row === undefined) throw new RegistryError("CONFLICT", `there is a robot ${login} already: choose another name`);
  const secret = await tx.first(insertRobotSecret, { robot: row.id, hash, expiresAt, madeWith, now: tx.now });
  await keepAccessKey(tx, accessKey, { token: null, secret: secret!.id });
  const facts = { robot: row.id, expiresAt, ...(accessKey && { accessKey: accessKey.id }) };
  await recordChange(tx, by, { action: "create-robot", repository: "", target: login, event: "access.changed", facts });
  await raiseVersion(tx);
  return { id: row.id, expiresAt };
}

/** Keeps the key pair, if there is one, of a token or of a robot's secret. */
export async function keepAccessKey(
  tx: Transaction,
  key: SealedKey | undefined,
  of: { readonly token: number | null; readonly secret: number | null },
): Promise<void> {
  if (key !== undefined) await tx.run(insertAccessKey, { ...key, ...of, now: tx.now });
}
