import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import type { ScryptOptions } from "node:crypto";

/*
 * A kept password (RFC 7914):
 *
 *   scrypt$<log2 N>$<r>$<p>$<salt>$<key>    salt 16 bytes and key 32 bytes, base64url
 */

/** 32 MiB and about 80 ms of a core each. */
const cost = { logN: 15, r: 8, p: 1 } as const;

/** How many derivations run at once: they hold threads that files are synced in. */
const atOnce = 2;

/** How many may wait; more are told to come back, so that a flood of logins fills no memory. */
const waitingLimit = 200;

let running = 0;
const queue: (() => void)[] = [];

/** True when no more passwords can be looked at for now. */
export function isPasswordQueueFull(): boolean {
  return queue.length >= waitingLimit;
}

/** What is kept of a password. Every character of it counts. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const key = await derive(password, salt, cost);
  return ["scrypt", cost.logN, cost.r, cost.p, salt.toString("base64url"), key.toString("base64url")].join("$");
}

/** Whether it is the password. Without a kept one the same time is spent and the answer is no. */
export async function verifyPassword(password: string, kept: string | null): Promise<boolean> {
  const parts = kept?.split("$") ?? [];
  if (parts.length !== 6 || parts[0] !== "scrypt") {
    await derive(password, nobody, cost);
    return false;
  }
  const [logN, r, p] = parts.slice(1, 4).map(Number) as [number, number, number];
  const key = await derive(password, Buffer.from(parts[4]!, "base64url"), { logN, r, p });
  const expected = Buffer.from(parts[5]!, "base64url");
  return key.length === expected.length && timingSafeEqual(key, expected);
}

const nobody = Buffer.alloc(16);

async function derive(
  password: string,
  salt: Buffer,
  { logN, r, p }: { readonly logN: number; readonly r: number; readonly p: number },
): Promise<Buffer> {
  if (running >= atOnce) await new Promise<void>((resolve) => queue.push(resolve));
  else running++;
  try {
    const options: ScryptOptions = { N: 2 ** logN, r, p, maxmem: 256 * 2 ** logN * r };
    return await new Promise<Buffer>((resolve, reject) => {
      // One spelling for characters that have several (RFC 8265, 4.2).
      scrypt(password.normalize("NFC"), salt, 32, options, (error, key) => (error ? reject(error) : resolve(key)));
    });
  } finally {
    const next = queue.shift();
    if (next === undefined) running--;
    else next();
  }
}
