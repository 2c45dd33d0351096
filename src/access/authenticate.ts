import { hash } from "node:crypto";
import { RegistryError } from "../oci/index.ts";
import {
  findAccount,
  findAccountById,
  findRobot,
  findRobotSecret,
  findRobotSecretById,
  findToken,
  findTokenByHash,
} from "../metadata/index.ts";
import type { Access } from "./access.ts";
import { isPasswordQueueFull, verifyPassword } from "./passwords.ts";
import { anonymous, operator } from "./principal.ts";
import type { Caller, Limit, Principal, ScopeEntry } from "./principal.ts";
import { findSecretKind, hashSecret } from "./secret.ts";

/** How long a verified credential is remembered, in milliseconds: a password costs a slow hash. */
const rememberFor = 60_000;
/** Credentials remembered at most; all are forgotten when there are more. */
const rememberLimit = 10_000;

interface Remembered {
  readonly principal: Principal;
  /** Access version at which it was last looked at. */
  version: number;
  readonly until: number;
  /** Whether it is good still, by a look at its row. */
  readonly isGood: () => Promise<boolean>;
}

type Verified = Pick<Remembered, "principal" | "isGood"> & {
  /** When the credential ends by itself; milliseconds since 1970. */
  readonly endsAt: number;
};

const memories = new WeakMap<Access, Map<string, Remembered>>();

/**
 * Who shows this `Authorization` header: Basic with a user's or robot's name, or `token`, and its secret; Bearer with a
 * personal token. Nothing shown is anonymous; in open mode everybody is the operator, whatever is shown. What is refused is
 * noted for the audit rows.
 * @param from the request that shows it
 * @throws RegistryError UNAUTHORIZED with the same words for all that is wrong; TOO_MANY_REQUESTS when too many passwords
 * wait to be looked at; UNAVAILABLE when the rows cannot be read
 */
export async function authenticate(
  access: Access,
  header: string | undefined,
  from?: Pick<Caller, "address" | "id">,
): Promise<Principal> {
  if (access.settings.open) return operator;
  if (header === undefined) return anonymous;
  const key = keyOf(access, header);
  const known = memoryOf(access).get(key);
  const version = access.version.current();
  if (known !== undefined && known.until > Date.now()) {
    if (known.version === version) return known.principal;
    if (await known.isGood()) {
      known.version = version;
      return known.principal;
    }
    memoryOf(access).delete(key);
  }
  const verified = await verifyCredential(access, header).catch((error: unknown) => {
    noteFailure(access, from, error);
    throw error;
  });
  const memory = memoryOf(access);
  if (memory.size >= rememberLimit) memory.clear();
  const { principal, isGood, endsAt } = verified;
  memory.set(key, { principal, isGood, version, until: Math.min(endsAt, Date.now() + rememberFor) });
  return principal;
}

/** The same where nothing needs to be looked up; undefined where something does. */
export function recallPrincipal(access: Access, header: string | undefined): Principal | undefined {
  if (access.settings.open) return operator;
  if (header === undefined) return anonymous;
  const known = memoryOf(access).get(keyOf(access, header));
  if (known === undefined || known.until <= Date.now() || known.version !== access.version.current()) return undefined;
  return known.principal;
}

async function verifyCredential(access: Access, header: string): Promise<Verified> {
  const basic = parseBasic(header);
  if (basic !== undefined) return verifySecret(access, basic.name, basic.secret);
  const bearer = /^Bearer +([\x21-\x7e]+)$/i.exec(header)?.[1];
  if (bearer !== undefined && findSecretKind(bearer) !== undefined) return verifySecret(access, "token", bearer);
  throw wrongCredential("bearer", "", "it is no credential of this registry");
}

/** Writes of a login only what is known to be no secret: some type their password where the name belongs. */
function noteFailure(access: Access, from: Pick<Caller, "address" | "id"> | undefined, error: unknown): void {
  if (!(error instanceof RegistryError) || error.code !== "UNAUTHORIZED") return;
  const failure = error.cause instanceof LoginFailure ? error.cause : undefined;
  const { credential = null, whose = "", message: reason } = failure ?? { message: error.message };
  const { address = null, id: request = null } = from ?? {};
  const by = { principal: anonymous.name, credential, address, request, reason };
  access.refusals.note({ by, action: "login", repository: "", target: whose, challenged: false });
}

/** RFC 7617. Undefined for another scheme. @throws RegistryError UNAUTHORIZED */
function parseBasic(header: string): { readonly name: string; readonly secret: string } | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/_=-]*)$/i.exec(header)?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon < 0) throw wrongCredential("password", "", "it is not of the form name:password");
  return { name: text.slice(0, colon), secret: text.slice(colon + 1) };
}

/** Any secret goes with the name `token`; others belong to the name that is given. */
async function verifySecret(access: Access, name: string, secret: string): Promise<Verified> {
  switch (findSecretKind(secret)) {
    case "token":
      return verifyToken(access, name, secret);
    case "robot":
      return verifyRobot(access, name, secret);
    case undefined:
      return verifyAccount(access, name, secret);
  }
}

async function verifyAccount(access: Access, name: string, password: string): Promise<Verified> {
  const { read } = access.metadata;
  // Characters that no name has, NUL among them, need no look; the time spent is the same.
  const account = isAccountName(name) ? await read.first(findAccount, { name }) : undefined;
  if (isPasswordQueueFull()) {
    throw new RegistryError("TOO_MANY_REQUESTS", "too many logins wait to be looked at: try again in a few seconds");
  }
  const good = await verifyPassword(password, account?.password ?? null);
  if (account === undefined) throw wrongCredential("password", "", "there is no such user");
  const failed = !good ? "the password is wrong" : account.disabled !== 0 ? "the account is disabled" : undefined;
  if (failed !== undefined) throw wrongCredential("password", `user:${name}`, failed);
  const { id } = account;
  return {
    principal: { kind: "account", id, name: `user:${name}`, credential: "password", limits: [] },
    endsAt: Number.MAX_SAFE_INTEGER,
    isGood: async () => {
      const now = await read.first(findAccountById, { account: id });
      return now !== undefined && now.disabled === 0 && now.password === account.password && now.name === name;
    },
  };
}

async function verifyToken(access: Access, name: string, secret: string): Promise<Verified> {
  const { read } = access.metadata;
  const token = await read.first(findTokenByHash, { hash: hashSecret(secret) });
  const account = token && (await read.first(findAccountById, { account: token.account_id }));
  if (token === undefined || account === undefined) throw wrongCredential("token", "", "there is no such token");
  const failed =
    account.disabled !== 0
      ? "the account is disabled"
      : name !== "token" && name !== account.name
        ? "it is the token of another user"
        : token.revoked_at !== null
          ? "the token was revoked"
          : token.expires_at <= Date.now()
            ? "the token has expired"
            : undefined;
  if (failed !== undefined) throw wrongCredential(`token:${token.id}`, `user:${account.name}`, failed);
  const limits: Limit[] = [];
  if (token.scope !== null) {
    const entries = JSON.parse(token.scope) as ScopeEntry[];
    limits.push({ of: `token ${token.name}`, entries, lacking: "refuse" });
  }
  const principal: Principal = {
    kind: "account",
    id: account.id,
    name: `user:${account.name}`,
    credential: `token:${token.id}`,
    limits,
  };
  return {
    principal,
    endsAt: token.expires_at,
    isGood: async () => {
      const now = await read.first(findToken, { token: token.id });
      const owner = await read.first(findAccountById, { account: account.id });
      return now?.revoked_at === null && now.expires_at > Date.now() && owner?.disabled === 0;
    },
  };
}

async function verifyRobot(access: Access, name: string, secret: string): Promise<Verified> {
  const { read } = access.metadata;
  const kept = await read.first(findRobotSecret, { hash: hashSecret(secret) });
  const robot = kept && (await read.first(findRobot, { robot: kept.robot_id }));
  const isGoodAt = (now: number, of: typeof robot, until: number | undefined) =>
    of !== undefined && of.disabled === 0 && of.expires_at > now && until !== undefined && until > now;
  if (kept === undefined || robot === undefined) throw wrongCredential("secret", "", "there is no such robot");
  const failed = !isGoodAt(Date.now(), robot, kept.expires_at)
    ? "the robot is disabled, or it or its secret has expired"
    : name !== "token" && name !== robot.login
      ? "it is the secret of another robot"
      : undefined;
  if (failed !== undefined) throw wrongCredential(`secret:${kept.id}`, `robot:${robot.login}`, failed);
  return {
    principal: {
      kind: "robot",
      id: robot.id,
      name: `robot:${robot.login}`,
      credential: `secret:${kept.id}`,
      limits: [],
    },
    endsAt: Math.min(robot.expires_at, kept.expires_at),
    isGood: async () => {
      const now = await read.first(findRobot, { robot: robot.id });
      const still = await read.first(findRobotSecretById, { secret: kept.id });
      return isGoodAt(Date.now(), now, still?.expires_at);
    },
  };
}

/** Lower-case letters, digits and single separators, at most 64 characters: nothing that a shell or YAML would eat. */
function isAccountName(name: string): boolean {
  return name.length <= 64 && /^[a-z0-9]+(?:[._-][a-z0-9]+)*$/.test(name);
}

/** What is wrong with a credential: for the audit row, never for whoever shows it. */
class LoginFailure extends Error {
  readonly credential: string;
  readonly whose: string;
  constructor(credential: string, whose: string, why: string) {
    super(why);
    this.credential = credential;
    this.whose = whose;
  }
}

/** @param whose the account or robot, where it is one of ours */
function wrongCredential(credential: string, whose: string, why: string): RegistryError {
  const message =
    "the user name or its password or token is wrong, expired or revoked: log in again, or ask for a new token";
  return new RegistryError("UNAUTHORIZED", message, { cause: new LoginFailure(credential, whose, why) });
}

function memoryOf(access: Access): Map<string, Remembered> {
  let memory = memories.get(access);
  if (memory === undefined) memories.set(access, (memory = new Map()));
  return memory;
}

/** Secrets themselves are not kept in memory. */
function keyOf({ memoryKey }: Access, header: string): string {
  return hash("sha256", Buffer.concat([memoryKey, Buffer.from(header, "latin1")]), "base64url");
}
