import type { Attribution } from "../metadata/index.ts";
import type { RefusedAttempts } from "./writes/trail.ts";

/** An attempt that was refused. */
export interface Refusal {
  /** `reason` says what was missing. */
  readonly by: Attribution;
  readonly action: string;
  /** Repository, or path of the namespace; empty for what concerns none. */
  readonly repository: string;
  /** Tag, digest, account, …; empty where nothing smaller than the place is meant. */
  readonly target: string;
  /** Type of the event that tells of it; none when left out. */
  readonly event?: string | undefined;
  /** It was told to show a credential, or one for more: many clients come so at first, on their way to log in. */
  readonly challenged: boolean;
}

interface Kept extends RefusedAttempts {
  readonly key: string;
  /** Process's clock from which it may be written. */
  readonly dueAt: number;
}

/** Keys at once, and rows that may be written in one burst. */
const burst = 1_000;
/** Rows in a second, on and on: 86,400 a day are about 40 MB. */
const perSecond = 1;
/** Keys of one address in a minute. */
const perAddress = 30;
const minute = 60_000;
/** Stands where refusals that share a row differ; nothing has such a name. */
const several = "*";

/**
 * Refusals since they were last written, those of one principal, address, action and place as one. However many come, and
 * however much they differ, few rows come of them: above what one address may fill, its refusals are told apart by action
 * only, and above what all may, those of all.
 */
export class RefusalLog {
  readonly #kept = new Map<string, Kept>();
  readonly #perAddress = new Map<string, number>();
  readonly #noted = new WeakSet<Error>();
  readonly #clock: () => number;
  #denied = 0;
  #challenged = 0;
  #allowance = burst;
  #refilledAt: number;
  #minuteSince: number;

  /** @param clock milliseconds since 1970 */
  constructor(clock: () => number = Date.now) {
    this.#clock = clock;
    this.#refilledAt = this.#minuteSince = clock();
  }

  /** @param error what the caller is told */
  note(refusal: Refusal, error?: Error): void {
    if (error !== undefined) this.#noted.add(error);
    const now = this.#clock();
    const { by, action, repository, target, challenged, event = null } = refusal;
    if (challenged) this.#challenged++;
    else this.#denied++;
    const { principal, address, credential, request, reason } = by;
    const one = { principal, credential, address, request, reason, action, repository, target, event, times: 1 };
    const attempt = { ...one, firstAt: now, lastAt: now };
    const from = address ?? "";
    const exact = challenged
      ? [from, action]
      : [principal, from, action, repository, target, ...(event === null ? [] : [event])];
    const key = JSON.stringify(exact);
    const wait = challenged ? minute : 0;
    if (this.#kept.has(key) || this.#admit(from, now)) this.#keep(key, attempt, now + wait);
    else this.#keep(this.#fold(from, action, now), attempt, now + minute);
  }

  /** For metrics: attempts since the start, refused for good or told to log in, and rows that wait to be written. */
  stats(): { readonly denied: number; readonly challenged: number; readonly waiting: number } {
    return { denied: this.#denied, challenged: this.#challenged, waiting: this.#kept.size };
  }

  /** Whether what this error tells of was noted. */
  isNoted(error: Error): boolean {
    return this.#noted.has(error);
  }

  /** Takes out what is due; everything at the end. */
  take(all = false): Kept[] {
    const now = this.#clock();
    const taken = [...this.#kept.values()].filter(({ dueAt }) => all || dueAt <= now);
    for (const { key } of taken) this.#kept.delete(key);
    return taken;
  }

  /** Puts back what could not be written. */
  putBack(taken: readonly Kept[]): void {
    for (const { key, dueAt, ...attempt } of taken) this.#keep(key, attempt, dueAt);
  }

  #keep(key: string, attempt: RefusedAttempts, dueAt: number): void {
    const kept = this.#kept.get(key);
    this.#kept.set(
      key,
      kept === undefined ? { ...attempt, key, dueAt } : { ...merge(kept, attempt), key, dueAt: kept.dueAt },
    );
  }

  /** Whether there is room for another key of the address. */
  #admit(address: string, now: number): boolean {
    if (now - this.#minuteSince >= minute) {
      this.#perAddress.clear();
      this.#minuteSince = now;
    }
    const used = this.#perAddress.get(address) ?? 0;
    if (used >= perAddress || !this.#spend(now)) return false;
    this.#perAddress.set(address, used + 1);
    return true;
  }

  /** The key under which an address's other refusals are counted; one for all addresses when there is no room for more. */
  #fold(address: string, action: string, now: number): string {
    const own = JSON.stringify(["", address, action]);
    return this.#kept.has(own) || this.#spend(now) ? own : JSON.stringify(["", action]);
  }

  #spend(now: number): boolean {
    this.#allowance = Math.min(burst, this.#allowance + (Math.max(0, now - this.#refilledAt) / 1000) * perSecond);
    this.#refilledAt = now;
    if (this.#allowance < 1 || this.#kept.size >= burst) return false;
    this.#allowance--;
    return true;
  }
}

/** One row for both; what they do not share it leaves out. */
function merge(kept: RefusedAttempts, one: RefusedAttempts): RefusedAttempts {
  const shared = <T>(name: "credential" | "address" | "reason", left: T) => (kept[name] === one[name] ? left : null);
  return {
    principal: kept.principal === one.principal ? kept.principal : several,
    credential: shared("credential", kept.credential),
    address: shared("address", kept.address),
    request: kept.request,
    reason: shared("reason", kept.reason),
    action: kept.action,
    repository: kept.repository === one.repository ? kept.repository : several,
    target: kept.target === one.target ? kept.target : several,
    event: kept.event === one.event ? (kept.event ?? null) : null,
    firstAt: Math.min(kept.firstAt, one.firstAt),
    lastAt: Math.max(kept.lastAt, one.lastAt),
    times: kept.times + one.times,
  };
}
