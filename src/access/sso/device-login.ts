import { createHmac, hkdfSync, randomBytes, randomInt } from "node:crypto";
import { findDeviceLogin, findDeviceLoginById, findTypedLogin } from "../../metadata/index.ts";
import type { DeviceLogin } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import type { Access } from "../access.ts";
import { LoginThrottle, networkOf } from "../login-throttle.ts";
import { anonymous } from "../principal.ts";
import type { Where } from "../principal.ts";
import { hashSecret, newSecret } from "../secret.ts";
import type { PollAnswer } from "../writes/device-logins.ts";
import { getProvider } from "./providers.ts";
import type { SignOn } from "./providers.ts";
import { attributionOf, longestLogin, noteRefusal, requireWish } from "./sign-on.ts";
import type { MadeLogin, Person } from "./sign-on.ts";

/*
 * A login of a machine without a browser, in the shape of RFC 8628, whatever the provider itself can do:
 *
 *   the machine asks and gets two codes; it keeps one (256 bits) and shows the other (8 letters) to its user
 *   the user types the shown one on a page of ours, sees who asked and from where, and goes to the provider
 *   the machine looks every few seconds, and gets a token once when its user has come back from there
 *
 * No address holds the code that is typed: a link that a stranger sends brings nobody further than an empty field.
 */

/** How long a machine waits for its user, in milliseconds. */
const patience = 10 * 60_000;
/** Between two looks, in milliseconds. */
const wait = 5_000;
/** Wrong codes of one address before each further one must wait. */
const freeCodes = 5;
/** No vowels, so that no words come out, and nothing that looks like something else (RFC 8628, 6.1): 34 bits. */
const letters = "BCDFGHJKLMNPQRSTVWXZ";
const typedLength = 8;

/** What a machine without a browser is given. */
export interface DeviceCodes {
  /** The machine keeps it. */
  readonly device: string;
  /** The user types it: `BCDF-GHJK`. */
  readonly typed: string;
  /** Milliseconds that both are good for. */
  readonly patience: number;
  /** Milliseconds between two looks. */
  readonly wait: number;
}

/**
 * A machine begins to wait for its user.
 * @param asked `client`: what it calls itself; `provider`: the only one that may be used; `age` of its token in milliseconds
 * @throws RegistryError REQUEST_INVALID, NOT_FOUND, TOO_MANY_REQUESTS
 */
export async function beginDeviceLogin(
  on: SignOn,
  asked: { readonly client: string; readonly provider: string | undefined; readonly age: number | undefined },
  where: Where,
): Promise<DeviceCodes> {
  const { client, provider, age } = asked;
  getProvider(on, provider ?? on.providers[0]?.name ?? "");
  requireWish(on.access, { name: client, age });
  const { address } = where;
  const row = { client, address, network: networkOf(address), provider: provider ?? null, age: age ?? null };
  for (;;) {
    const device = randomBytes(32).toString("base64url");
    const typed = Array.from({ length: typedLength }, () => letters[randomInt(letters.length)]).join("");
    const hashes = { deviceHash: hashSecret(device), userHash: hashTyped(on.access, typed) };
    const { free } = await on.access.metadata.write("openDeviceLogin", { ...hashes, ...row, wait, patience });
    if (free) return { device, typed: `${typed.slice(0, 4)}-${typed.slice(4)}`, patience, wait };
  }
}

/** What somebody is shown before they let a machine in. */
export interface WaitingMachine {
  readonly id: number;
  readonly client: string;
  readonly address: string;
  /** Milliseconds since 1970. */
  readonly askedAt: number;
  /** Names of providers to log in with. */
  readonly providers: readonly string[];
}

const throttles = new WeakMap<Access, LoginThrottle>();

/**
 * The machine that shows this code.
 * @param typed in whatever case, with or without the dash
 * @throws RegistryError NOT_FOUND; TOO_MANY_REQUESTS after too many wrong ones, with the seconds to wait
 */
export async function getTypedLogin(on: SignOn, typed: string, where: Where): Promise<WaitingMachine> {
  const { access } = on;
  let throttle = throttles.get(access);
  if (throttle === undefined) throttles.set(access, (throttle = new LoginThrottle(freeCodes)));
  const attempt = throttle.begin("a device code", where.address);
  const code = typed.toUpperCase().replaceAll(/[^A-Z]/g, "");
  const hash = hashTyped(access, code);
  const row = code.length === typedLength ? await access.metadata.read.first(findTypedLogin, { hash }) : undefined;
  if (row === undefined || !waits(row)) {
    const error = new RegistryError(
      "NOT_FOUND",
      "no machine waits with this code: look at it again, or begin again there",
    );
    noteRefusal(access, where, "device-code", new RegistryError("UNAUTHORIZED", error.message));
    throw error;
  }
  throttle.succeed(attempt);
  return shown(on, row);
}

/** The same by its row, where the code was typed before. @throws RegistryError NOT_FOUND when it waits no more */
export async function getWaitingMachine(on: SignOn, id: number): Promise<WaitingMachine> {
  const row = await on.access.metadata.read.first(findDeviceLoginById, { id });
  if (row !== undefined && waits(row)) return shown(on, row);
  throw new RegistryError("NOT_FOUND", "this login waits no more: begin again on that machine");
}

/** Lets the machine in as the person. @throws RegistryError NOT_FOUND */
export async function approveDevice(
  on: SignOn,
  machine: WaitingMachine,
  person: Person,
  provider: string,
  where: Where,
): Promise<void> {
  const by = attributionOf({ user: person.user, provider }, where);
  const { id, client, address } = machine;
  const { account, login } = person;
  await on.access.metadata.write("settleDeviceLogin", {
    by,
    id,
    client,
    address,
    outcome: "approved",
    account,
    provider,
    login,
  });
}

/** Turns the machine away: whoever has its code may. @throws RegistryError NOT_FOUND */
export async function denyDevice(on: SignOn, machine: WaitingMachine, reason: string, where: Where): Promise<void> {
  const { address: from, id: request } = where;
  const by = { principal: anonymous.name, credential: "device-code", address: from, request, reason };
  const { id, client, address } = machine;
  const nobody = { account: null, provider: null, login: null };
  await on.access.metadata.write("settleDeviceLogin", { by, id, client, address, outcome: "denied", ...nobody });
}

/** What a machine that looks is told. */
export type DeviceAnswer =
  | Exclude<PollAnswer, { readonly outcome: "done" }>
  | ({ readonly outcome: "done" } & MadeLogin);

/** A machine looks whether its user has come back. @throws RegistryError UNAUTHORIZED when the account is disabled */
export async function pollDevice({ access }: SignOn, device: string, where: Where): Promise<DeviceAnswer> {
  const hash = hashSecret(device);
  // Who guesses writes nothing.
  if ((await access.metadata.read.first(findDeviceLogin, { hash })) === undefined) return { outcome: "gone" };
  const token = newSecret("token");
  const from = { address: where.address, request: where.id };
  const kept = { token: { hash: hashSecret(token) }, age: longestLogin(access) };
  try {
    const answer = await access.metadata.write("pollDeviceLogin", { hash, from, ...kept });
    return answer.outcome === "done" ? { ...answer, token } : answer;
  } catch (error) {
    throw noteRefusal(access, where, "device-code", error);
  }
}

function shown(on: SignOn, { id, client, address, created_at: askedAt, provider }: DeviceLogin): WaitingMachine {
  const providers = on.providers.map(({ name }) => name).filter((name) => provider === null || provider === name);
  return { id, client, address, askedAt, providers };
}

function waits({ outcome, expires_at: until }: DeviceLogin): boolean {
  return outcome === null && until > Date.now();
}

/** Keyed: 34 bits could be guessed from a copy of the rows. */
function hashTyped({ sealingKey }: Pick<Access, "sealingKey">, typed: string): string {
  const key = hkdfSync("sha256", sealingKey, Buffer.alloc(0), "berth device code", 32);
  return createHmac("sha256", Buffer.from(key)).update(typed).digest("hex");
}
