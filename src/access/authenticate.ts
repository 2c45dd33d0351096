import { hash, timingSafeEqual } from "node:crypto";
import { RegistryError } from "../oci/index.ts";
import { findAccount, findRobot, findRobotByLogin, findRobotSecret, findTokenByHash } from "../metadata/index.ts";
import type { RobotRow } from "../metadata/index.ts";
import type { Access } from "./access.ts";
import { ecrUser, findPasswordHolder } from "./aws/ecr-password.ts";
import type { ShownCertificate } from "./certificate-names.ts";
import { admitByPassword } from "./directory.ts";
import { findHolder, fingerprintOf, lookUpHolder } from "./find-holder.ts";
import { holderOf } from "./holder.ts";
import type { Held, Holder } from "./holder.ts";
import { noteUse } from "./keep-uses.ts";
import { verifyIdentityToken } from "./identity-tokens.ts";
import { LoginFailure, wrongCredential } from "./login-failure.ts";
import { isPasswordQueueFull, verifyPassword } from "./passwords.ts";
import { anonymous, operator } from "./principal.ts";
import type { Principal, Where } from "./principal.ts";
import { findSecretKind, hashSecret } from "./secret.ts";
import { isRegistryToken, verifyToken } from "./verify-token.ts";

/** How long a verified credential is remembered, in milliseconds: a password costs a slow hash. */
const rememberFor = 60_000;
/** Credentials remembered at most; all are forgotten when there are more. */
const rememberLimit = 10_000;
/** Where what is shown lies for a comparison: longer tokens are hashed instead. */
const scratch = Buffer.alloc(4096);

interface Verified extends Held {
  /** The only registry for which it is good; undefined for all. */
  readonly audience?: string;
  /** Looks at its row again: undefined when it is good no more. */
  readonly lookAgain: () => Promise<Held | undefined>;
}

interface Remembered extends Verified {
  /** Access version at which it was last looked at. */
  version: number;
}

/** The registry token that came last on a connection, as its `Authorization` header, and what is known of it. */
interface Latest {
  readonly shown: Buffer;
  readonly known: Remembered;
}

/** What a process knows of credentials that it has seen, by a keyed hash. */
interface Memory {
  readonly good: Map<string, Remembered>;
  /** Wrong passwords, with the access version at which they were wrong: a slow hash each. */
  readonly wrong: Map<string, { readonly version: number; readonly until: number; readonly failure: LoginFailure }>;
  /** Being looked at: a client's parallel requests cost one look. */
  readonly pending: Map<string, Promise<Verified>>;
  /** By connection, for as long as it is open: a comparison costs less than a hash. */
  readonly latest: WeakMap<object, Latest>;
}

const memories = new WeakMap<Access, Memory>();

/**
 * Who shows this `Authorization` header, or else the certificate of the connection: Basic with a user's or robot's name, or `token`, and its secret, `AWS` and a password of ECR's API; Bearer with a
 * personal token or, where the request names the registry, with a registry token. Nothing shown is anonymous; in open mode
 * everybody is the operator, whatever is shown. What is refused is noted for the audit rows.
 * @param where the request that shows it
 * @throws RegistryError UNAUTHORIZED with the same words for all that is wrong; TOO_MANY_REQUESTS after too many wrong
 * passwords, with the seconds to wait, and when too many wait to be looked at; UNAVAILABLE when the rows cannot be read
 */
export async function authenticate(access: Access, header: string | undefined, where?: Where): Promise<Principal> {
  if (access.settings.open) return operator;
  const shown = header ?? where?.certificate;
  if (shown === undefined) return anonymous;
  const { good, wrong, pending } = memoryOf(access);
  const key = keyOf(access, shown);
  const known = good.get(key);
  const version = access.version.current();
  if (known !== undefined && known.until > Date.now() && isFor(known, where)) {
    if (known.version === version) return noteUse(access, known.principal);
    const again = await known.lookAgain();
    if (again !== undefined && isSame(again.principal, known.principal)) {
      known.version = version;
      return noteUse(access, known.principal);
    }
    good.delete(key);
  }
  const refused = wrong.get(key);
  if (refused !== undefined && refused.version === version && refused.until > Date.now()) {
    throw noteFailure(access, where, wrongCredential(refused.failure));
  }
  // A token that was looked at for one name of the registry says nothing about another.
  const inFlight = typeof shown === "string" && /^Basic /i.test(shown) ? pending.get(key) : undefined;
  if (inFlight !== undefined) {
    const { principal } = await inFlight.catch((error: unknown) => {
      throw noteFailure(access, where, error);
    });
    return noteUse(access, principal);
  }
  const work = typeof shown === "string" ? verifyCredential(access, shown, where) : verifyCertificate(access, shown);
  pending.set(key, work);
  try {
    const verified = await work;
    const { until, again = until } = verified;
    remember(good, key, { ...verified, version, until: Math.min(until, again, soon()) });
    return noteUse(access, verified.principal);
  } catch (error) {
    if (isWrongPassword(error)) remember(wrong, key, { version, until: soon(), failure: error.cause });
    throw noteFailure(access, where, error);
  } finally {
    pending.delete(key);
  }
}

/**
 * Ends what was given for certificates of clients, since this process believes others now than before: registry tokens, and
 * what goes on by them. Their clients show their certificates again.
 */
export function endCertificateTokens(access: Access): void {
  access.certificates.changedAt = Date.now();
  memories.delete(access);
}

/** Whether nothing of a principal has changed that is remembered with its credential. */
function isSame(one: Principal, other: Principal): boolean {
  return one.name === other.name && JSON.stringify(one.limits) === JSON.stringify(other.limits);
}

/** The same where nothing needs to be looked up; undefined where something does. */
export function recallPrincipal(access: Access, header: string | undefined, where?: Where): Principal | undefined {
  if (access.settings.open) return operator;
  const shown = header ?? where?.certificate;
  if (shown === undefined) return anonymous;
  const { good, latest } = memoryOf(access);
  const connection = where?.connection;
  const version = access.version.current();
  const last = connection === undefined ? undefined : latest.get(connection);
  if (last !== undefined && isFresh(last.known, version) && isShown(last, shown) && isFor(last.known, where)) {
    return noteUse(access, last.known.principal);
  }
  const known = good.get(keyOf(access, shown));
  if (known === undefined || !isFresh(known, version) || !isFor(known, where)) return undefined;
  // Only registry tokens: other credentials live long.
  if (known.audience !== undefined && connection !== undefined && typeof shown === "string") {
    latest.set(connection, { shown: Buffer.from(shown, "latin1"), known });
  }
  return noteUse(access, known.principal);
}

function isFresh({ until, version }: Remembered, current: number): boolean {
  return version === current && until > Date.now();
}

/** In a time that tells nothing of where the two differ: a proxy sends what many clients show over one connection. */
function isShown({ shown: last }: Latest, shown: string | ShownCertificate): boolean {
  const { length } = last;
  if (typeof shown !== "string" || shown.length !== length || length > scratch.length) return false;
  const compared = scratch.subarray(0, scratch.write(shown, 0, length, "latin1"));
  return timingSafeEqual(compared, last);
}

/** What the client calls the registry is worked out only for what depends on it. */
function isFor({ audience }: Verified, where: Where | undefined): boolean {
  return audience === undefined || audience === where?.audience;
}

function soon(): number {
  return Date.now() + rememberFor;
}

function remember<V>(memory: Map<string, V>, key: string, value: V): void {
  if (memory.size >= rememberLimit) memory.clear();
  memory.set(key, value);
}

async function verifyCredential(access: Access, header: string, where: Where | undefined): Promise<Verified> {
  const basic = parseBasic(header);
  if (basic !== undefined) return verifySecret(access, basic.name, basic.secret, where);
  const bearer = /^Bearer +([\x21-\x7e]+)$/i.exec(header)?.[1];
  if (bearer !== undefined && findSecretKind(bearer) === "token") return verifyPersonalToken(access, "token", bearer);
  const audience = where?.audience;
  const verified =
    bearer !== undefined && audience !== undefined && isRegistryToken(bearer)
      ? await verifyToken(access, bearer, audience)
      : undefined;
  if (verified === undefined || audience === undefined) {
    throw wrongCredential(new LoginFailure("bearer", "", "it is no credential of this registry, or has expired"));
  }
  return { ...verified, audience };
}

/** Writes of a login only what is known to be no secret: some type their password where the name belongs. */
function noteFailure(access: Access, where: Where | undefined, error: unknown): unknown {
  if (!(error instanceof RegistryError)) return error;
  // The latter is the answer to too many wrong passwords.
  if (error.code !== "UNAUTHORIZED" && error.code !== "TOO_MANY_REQUESTS") return error;
  const failure = error.cause instanceof LoginFailure ? error.cause : undefined;
  const { credential = null, whose = "", message: reason } = failure ?? { message: error.message };
  const { address = null, id: request = null } = where ?? {};
  const by = { principal: anonymous.name, credential, address, request, reason };
  access.refusals.note({ by, action: "login", repository: "", target: whose, challenged: false });
  return error;
}

/** RFC 7617. Undefined for another scheme. @throws RegistryError UNAUTHORIZED */
function parseBasic(header: string): { readonly name: string; readonly secret: string } | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/_=-]*)$/i.exec(header)?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon < 0) throw wrongCredential(new LoginFailure("password", "", "it is not of the form name:password"));
  return { name: text.slice(0, colon), secret: text.slice(colon + 1) };
}

/** Any secret goes with the name `token`; others belong to the name that is given. */
async function verifySecret(access: Access, name: string, secret: string, where: Where | undefined): Promise<Verified> {
  if (name === ecrUser) return verifyEcrPassword(access, secret);
  switch (findSecretKind(secret)) {
    case "token":
      return verifyPersonalToken(access, name, secret);
    case "robot":
      return verifyRobot(access, name, secret);
    case "refresh":
      // It is for the token endpoint, and for nothing else.
      throw wrongCredential(new LoginFailure("refresh", "", "a refresh token opens nothing by itself"));
    case undefined:
      if (name === "oidc") return verifyWorkload(access, secret);
      return verifyAccount(access, name, secret, where);
  }
}

async function verifyAccount(
  access: Access,
  name: string,
  password: string,
  where: Where | undefined,
): Promise<Verified> {
  if (isPasswordQueueFull()) {
    throw new RegistryError("TOO_MANY_REQUESTS", "too many logins wait to be looked at: try again in a few seconds");
  }
  const attempt = access.logins.begin(name, where?.address ?? "");
  const holder = await getByPassword(access, name, password).catch((error: unknown) => {
    if (!isWrongPassword(error)) access.logins.withdraw(attempt);
    throw error;
  });
  access.logins.succeed(attempt);
  return heldBy(access, holder);
}

/** The same time is spent whether there is such an account or not. */
async function getByPassword(access: Access, name: string, password: string): Promise<Holder> {
  // Characters that no name has, NUL among them, need no look.
  const account = isAccountName(name) ? await access.metadata.read.first(findAccount, { name }) : undefined;
  const { directory } = access;
  const elsewhere = directory !== undefined && isAccountName(name) && account?.source !== "local";
  const [good, admitted] = await Promise.all([
    verifyPassword(password, account?.password ?? null),
    elsewhere ? admitByPassword(access, name, password) : undefined,
  ]);
  if (admitted !== undefined) return { kind: "account", id: admitted, credential: "directory", fingerprint: null };
  if (account === undefined) throw wrongCredential(new LoginFailure("password", "", "there is no such user"));
  const failed = !good ? "the password is wrong" : account.disabled !== 0 ? "the account is disabled" : undefined;
  if (failed !== undefined) throw wrongCredential(new LoginFailure("password", `user:${name}`, failed));
  return { kind: "account", id: account.id, credential: "password", fingerprint: fingerprintOf(account.password!) };
}

/** What is wrong with an identity token is told to whoever shows it: it holds nothing that they do not know. */
async function verifyWorkload(access: Access, token: string): Promise<Verified> {
  try {
    return await heldBy(access, holderOf(await verifyIdentityToken(access, token)));
  } catch (error) {
    if (!(error instanceof RegistryError) || error.code !== "UNAUTHORIZED") throw error;
    throw new RegistryError("UNAUTHORIZED", error.message, { cause: new LoginFailure("identity", "", error.message) });
  }
}

/** The password that a client had from GetAuthorizationToken of ECR's API. */
async function verifyEcrPassword(access: Access, password: string): Promise<Verified> {
  const holder = findPasswordHolder(access, password);
  if (holder === undefined) {
    throw wrongCredential(
      new LoginFailure("session", "", "it is no password that this registry gave for ECR's clients"),
    );
  }
  const ends = Number(holder.credential.split(":")[1]) * 1000;
  if (ends <= Date.now()) {
    const cause = new LoginFailure(holder.credential, "", "the password has expired");
    // Whoever shows it had it from us: that it is over is no secret.
    const message = "the password has expired: ask for another (aws ecr get-login-password)";
    throw new RegistryError("UNAUTHORIZED", message, { cause, detail: { expired: true } });
  }
  return heldBy(access, holder);
}

async function verifyPersonalToken(access: Access, name: string, secret: string): Promise<Verified> {
  const token = await access.metadata.read.first(findTokenByHash, { hash: hashSecret(secret) });
  if (token === undefined) throw wrongCredential(new LoginFailure("token", "", "there is no such token"));
  const holder: Holder = { kind: "account", id: token.account_id, credential: `token:${token.id}`, fingerprint: null };
  const verified = await heldBy(access, holder);
  const { principal } = verified;
  if (name !== "token" && `user:${name}` !== principal.name) {
    throw wrongCredential(new LoginFailure(holder.credential, principal.name, "it is the token of another user"));
  }
  return verified;
}

async function verifyRobot(access: Access, name: string, secret: string): Promise<Verified> {
  const kept = await access.metadata.read.first(findRobotSecret, { hash: hashSecret(secret) });
  const robot = kept && (await access.metadata.read.first(findRobot, { robot: kept.robot_id }));
  if (kept === undefined || robot === undefined) {
    throw wrongCredential(new LoginFailure("secret", "", "there is no such robot"));
  }
  const credential = `secret:${kept.id}`;
  if (name !== "token" && name !== robot.login && name !== formerLogin(robot)) {
    throw wrongCredential(new LoginFailure(credential, `robot:${robot.login}`, "it is the secret of another robot"));
  }
  return heldBy(access, { kind: "robot", id: robot.id, credential, fingerprint: null });
}

/** What is wrong with a certificate is told to whoever shows it: it holds nothing that they do not know. */
async function verifyCertificate(
  access: Access,
  { login, subject, problem, until }: ShownCertificate,
): Promise<Verified> {
  const refuse = (why: string, whose = "") =>
    new RegistryError("UNAUTHORIZED", `the client certificate is not taken: ${why}`, {
      cause: new LoginFailure("certificate", whose, `${why} (${subject})`),
    });
  if (problem !== undefined) throw refuse(problem);
  const account = login === undefined ? undefined : await access.metadata.read.first(findAccount, { name: login });
  const robot =
    login === undefined || account !== undefined
      ? undefined
      : await access.metadata.read.first(findRobotByLogin, { login });
  const found = account ?? robot;
  if (found === undefined) throw refuse("it stands for no user and no robot here");
  const credential = `certificate:${Math.floor(until / 1000)}`;
  const kind = account === undefined ? "robot" : "account";
  const holder: Holder = { kind, id: found.id, credential, fingerprint: subject };
  const held = await lookUpHolder(access, holder);
  if ("ended" in held) throw refuse("whom it stands for is disabled or has expired", held.whose);
  return { ...held, lookAgain: () => findHolder(access, holder) };
}

/** As it was spelt at first, when two could have the same; the secret tells which is meant. */
function formerLogin({ path, name }: RobotRow): string {
  return ["robot", ...(path === "" ? [] : path.split("/")), name].join("_");
}

async function heldBy(access: Access, holder: Holder): Promise<Verified> {
  const held = await lookUpHolder(access, holder);
  if ("ended" in held) throw wrongCredential(new LoginFailure(holder.credential, held.whose, held.ended));
  return { ...held, lookAgain: () => findHolder(access, holder) };
}

/** Lower-case letters, digits and single separators, at most 64 characters: nothing that a shell or YAML would eat. */
function isAccountName(name: string): boolean {
  return name.length <= 64 && /^[a-z0-9]+(?:[._-][a-z0-9]+)*$/.test(name);
}

/** Not what a token or a robot's secret costs, which is nothing. */
function isWrongPassword(error: unknown): error is RegistryError & { readonly cause: LoginFailure } {
  if (!(error instanceof RegistryError) || !(error.cause instanceof LoginFailure)) return false;
  return error.cause.credential === "password";
}

function memoryOf(access: Access): Memory {
  let memory = memories.get(access);
  if (memory === undefined)
    memories.set(access, (memory = { good: new Map(), wrong: new Map(), pending: new Map(), latest: new WeakMap() }));
  return memory;
}

/** Secrets themselves are not kept in memory, but for {@link Latest}. */
function keyOf({ memoryKey }: Access, shown: string | ShownCertificate): string {
  // No header has a line break.
  const text = typeof shown === "string" ? shown : `certificate\n${JSON.stringify(shown)}`;
  return hash("sha256", Buffer.concat([memoryKey, Buffer.from(text, "latin1")]), "base64url");
}
