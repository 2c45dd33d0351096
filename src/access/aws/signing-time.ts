import { incomplete, invalid } from "./signature-error.ts";

/** How far a client's clock may be from ours, in milliseconds. */
const skew = 5 * 60_000;
/** A week, in seconds: no address is signed for longer. */
const longestLife = 7 * 24 * 3600;

/** Milliseconds since 1970 of `20261130T032500Z`. @throws SignatureError */
export function parseStamp(text: string): number {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text) ?? [];
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  // A day that no month has is moved to the next month by some readers.
  if (Number.isNaN(time) || stampOf(time) !== text) {
    throw incomplete("The date of the request must be in ISO-8601 'basic format', such as 20261130T032500Z.");
  }
  return time;
}

/** Milliseconds since 1970 of the header `Date` (RFC 9110, 5.6.7). @throws SignatureError */
export function parseHttpDate(text: string): number {
  const time = Date.parse(text);
  if (!/^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/.test(text) || Number.isNaN(time)) {
    throw incomplete("The header 'Date' is not of the form Mon, 30 Nov 2026 03:25:00 GMT.");
  }
  return time;
}

/** `20261130T032500Z` of milliseconds since 1970. */
export function stampOf(time: number): string {
  return new Date(time).toISOString().replace(/[-:]|\.\d{3}/g, "");
}

/** Seconds that a signed address is good for. @throws SignatureError */
export function parseLife(text: string): number {
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (seconds < 1 || seconds > longestLife) {
    throw incomplete(`X-Amz-Expires must be a number of seconds between 1 and ${longestLife}.`);
  }
  return seconds;
}

/**
 * @param time at which the request says that it was signed; milliseconds since 1970 as `now`
 * @param life of a signed address, in seconds; undefined for a signed header
 * @throws SignatureError
 */
export function requireCurrent(time: number, life: number | undefined, now: number): void {
  const stamp = stampOf(time);
  if (time > now + skew) {
    throw invalid(
      `Signature not yet current: ${stamp} is still later than ${stampOf(now + skew)} (${stampOf(now)} + 5 min.)`,
    );
  }
  if (life !== undefined) {
    const end = time + life * 1000;
    if (end <= now) throw invalid(`Signature expired: ${stampOf(end)} is now earlier than ${stampOf(now)}`);
  } else if (time < now - skew) {
    throw invalid(`Signature expired: ${stamp} is now earlier than ${stampOf(now - skew)} (${stampOf(now)} - 5 min.)`);
  }
}
