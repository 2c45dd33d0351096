import { RegistryError } from "../../oci/index.ts";

/** Entries of a page where the client does not say. */
export const standardPage = 100;

/** What a list asks for: one entry more than the page has tells whether another page follows. */
export interface Asked {
  readonly after: string | undefined;
  readonly limit: number;
}

/**
 * A page of a list.
 * @param read gives at most `limit` rows that come after `after`
 * @param cursorOf of a row, to go on after it
 */
export async function answerPage<R, T>(
  query: { readonly limit?: number | undefined; readonly after?: string | undefined },
  read: (asked: Asked) => Promise<readonly R[]>,
  cursorOf: (row: R) => string,
  show: (row: R) => T,
): Promise<{ readonly items: T[]; readonly next: string | null }> {
  const limit = query.limit ?? standardPage;
  const rows = await read({ after: query.after, limit: limit + 1 });
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items: items.map(show), next: rows.length > limit && last !== undefined ? cursorOf(last) : null };
}

/** A time of a row as the API shows it. */
export function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

/** The same of a time that may be missing. */
export function findTime(milliseconds: number | null): string | null {
  return milliseconds === null ? null : timeOf(milliseconds);
}

/** A cursor that is a row's number; 0 begins. @throws RegistryError PAGINATION_INVALID */
export function numberAfter(after: string | undefined): number {
  if (after === undefined) return 0;
  if (/^\d{1,15}$/.test(after)) return Number(after);
  throw new RegistryError("PAGINATION_INVALID", "`after` is not what `next` of a page said: begin without it");
}
