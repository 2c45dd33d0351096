import { RecentMap } from "../lib/index.ts";
import { RegistryError } from "../oci/index.ts";

/** Wrong passwords of one user from one address, of one address, or of one user. */
interface Count {
  failures: number;
  /** No password is looked at before; milliseconds of the clock. */
  until: number;
  /** When it last failed. */
  last: number;
}

/** Without a failure for this long all is forgotten (milliseconds). */
const forgetAfter = 60 * 60_000;
const longestWait = 15 * 60_000;
/** An address stands for many users as a rule: this many times as many wrong passwords are free. */
const addressShare = 20;
/** A user under attack from many addresses: from then on one wrong password an address is free. */
const attackShare = 10;
/** Counts in the younger half of the map. */
const keptLimit = 20_000;

/** A password that is being looked at. */
export interface Attempt {
  readonly name: string;
  readonly address: string;
}

/**
 * Slows down who guesses passwords: by user and address, and by address; each wait is twice as long as the last. Nobody is
 * locked out by what others do elsewhere: each address has a try of its own. Memory is bounded.
 */
export class LoginThrottle {
  readonly #free: number;
  readonly #now: () => number;
  readonly #counts = new RecentMap<Count>(keptLimit, () => 1);

  /**
   * @param free wrong passwords before the first wait; 0 never makes anybody wait
   * @param now milliseconds that only grow
   */
  constructor(free: number, now: () => number = () => performance.now()) {
    this.#free = free;
    this.#now = now;
  }

  /**
   * Counts an attempt as failed until it succeeds, so that many at once are no way around the wait.
   * @throws RegistryError TOO_MANY_REQUESTS with the seconds to wait
   */
  begin(name: string, address: string): Attempt {
    const attempt = { name, address: networkOf(address) };
    if (this.#free === 0) return attempt;
    const now = this.#now();
    const [pair, from, user] = this.#countsOf(attempt, now);
    const until = Math.max(pair.until, from.until);
    if (until > now) throw tooMany(until - now);
    const attacked = user.failures >= this.#free * attackShare;
    fail(pair, attacked ? 1 : this.#free, now);
    fail(from, this.#free * addressShare, now);
    fail(user, Number.POSITIVE_INFINITY, now);
    return attempt;
  }

  /** The password was right. */
  succeed(attempt: Attempt): void {
    this.withdraw(attempt);
    this.#countsOf(attempt, this.#now())[0].failures = 0;
  }

  /** Whether it was right could not be found out. */
  withdraw(attempt: Attempt): void {
    for (const count of this.#countsOf(attempt, this.#now())) {
      count.failures = Math.max(0, count.failures - 1);
      count.until = 0;
    }
  }

  #countsOf({ name, address }: Attempt, now: number): [Count, Count, Count] {
    const find = (key: string) => {
      const known = this.#counts.find(key);
      if (known !== undefined && now - known.last < forgetAfter) return known;
      const fresh = { failures: 0, until: 0, last: now };
      this.#counts.keep(key, fresh);
      return fresh;
    };
    // No address has a space, so that no name can pass for another kind of key.
    return [find(`${address} of ${name}`), find(address), find(`of ${name}`)];
  }
}

function fail(count: Count, free: number, now: number): void {
  count.failures++;
  count.last = now;
  if (count.failures < free) return;
  count.until = now + Math.min(longestWait, 1000 * 2 ** (count.failures - free));
}

function tooMany(wait: number): RegistryError {
  const seconds = Math.ceil(wait / 1000);
  const message = `too many wrong passwords or codes, for this user or from this address: wait ${seconds} s, then try again with the right one`;
  return new RegistryError("TOO_MANY_REQUESTS", message, { detail: { retryAfter: seconds } });
}

/** An IPv6 address stands for its network of 64 bits, which one client has to itself. */
export function networkOf(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.split("::");
  const groups = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const missing = tail === undefined ? 0 : Math.max(0, 8 - groups.length - last.length);
  return [...groups, ...Array<string>(missing).fill("0"), ...last].slice(0, 4).join(":");
}
