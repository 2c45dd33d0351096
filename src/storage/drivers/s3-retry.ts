import { StorageError } from "../driver.ts";
import type { StorageErrorReason } from "../driver.ts";

/** Tries of one call, the first included. */
const tries = 5;
/** No try begins later than this after the first, in milliseconds. */
const within = 20_000;
const firstPause = 100;
const longestPause = 5_000;

/**
 * How many tries may be repeated: one for every five calls and ten a second. A store that is down is not asked five times
 * as often, and one that refuses a tenth of its calls is still of use.
 */
export class RetryBudget {
  static readonly #most = 200;
  #left = RetryBudget.#most;
  #at = Date.now();

  /** A call was begun. */
  earn(): void {
    this.#left = Math.min(RetryBudget.#most, this.#left + 0.2);
  }

  /** False when nothing is left. */
  spend(): boolean {
    const now = Date.now();
    this.#left = Math.min(RetryBudget.#most, this.#left + (now - this.#at) / 100);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}

/** Tries again, with a random pause that may double each time, what failed for a reason that may pass. */
export async function retry<T>(budget: RetryBudget, attempt: () => Promise<T>): Promise<T> {
  budget.earn();
  const end = Date.now() + within;
  for (let made = 1; ; made++) {
    try {
      return await attempt();
    } catch (error) {
      const pause = Math.random() * Math.min(longestPause, firstPause * 2 ** made);
      if (made >= tries || !isPassing(error) || Date.now() + pause > end || !budget.spend()) throw error;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

/** What the library's errors have that we look at. */
interface Answered {
  readonly name?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

const passing = new Set([
  // What arrived was not what was sent.
  "BadDigest",
  "InvalidDigest",
  "XAmzContentChecksumMismatch",
  "XAmzContentSHA256Mismatch",
  "IncompleteBody",
  // Two requests met.
  "ConditionalRequestConflict",
  "OperationAborted",
  "RequestTimeout",
  // The library corrects its clock by this answer.
  "RequestTimeTooSkewed",
  "SlowDown",
  "InternalError",
  "ServiceUnavailable",
]);

/** True for a code that an answer gives for one of several keys, if it may be another the next time. */
export function mayPass(code: string | undefined): boolean {
  return code !== undefined && passing.has(code);
}

const full = new Set(["QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "StorageFull"]);
const elsewhere = new Set(["NoSuchBucket", "PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed"]);

/** Status of the answer that an error stands for, undefined when there was none. */
export function statusOf(error: unknown): number | undefined {
  return (error as Answered).$metadata?.httpStatusCode;
}

function isPassing(error: unknown): boolean {
  if (error instanceof StorageError) return error.reason === "unavailable";
  const { name } = error as Answered;
  const status = statusOf(error);
  // Without a status nobody answered: a reset, a hang, a name that did not resolve, an answer that could not be read.
  if (status === undefined || status < 400 || passing.has(String(name))) return true;
  return (status >= 500 && status !== 501 && !isFull(error)) || status === 429 || status === 408;
}

function isFull(error: unknown): boolean {
  return full.has(String((error as Answered).name)) || statusOf(error) === 507;
}

function reasonOf(error: unknown): StorageErrorReason {
  const status = statusOf(error);
  const code = String((error as Answered).name);
  if (isFull(error)) return "full";
  if (elsewhere.has(code) || status === 401 || status === 403) return "unavailable";
  if (code === "PreconditionFailed" || status === 412) return "exists";
  if (status === 404) return "missing";
  return isPassing(error) ? "unavailable" : "failed";
}

/** The storage folder's error for what a call ran into. */
export function toStorageError(cause: unknown, doing: string): StorageError {
  if (cause instanceof StorageError) return cause;
  const { name, message } = cause instanceof Error ? cause : { name: "", message: String(cause) };
  const said = message === "" || message === name ? name : `${name}: ${message}`;
  return new StorageError(reasonOf(cause), `${doing}: ${said}`, { cause });
}
