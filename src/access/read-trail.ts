import { RegistryError } from "../oci/index.ts";
import { listLatestRows, listTrail } from "../metadata/index.ts";
import type { AuditRow, Reader } from "../metadata/index.ts";

/** An audit row as it is shown and exported. */
export interface TrailEntry {
  readonly id: number;
  /** RFC 3339, in UTC, as `firstAt`; of several refusals the last. */
  readonly at: string;
  /** Of several refusals the first; null for one alone. */
  readonly firstAt: string | null;
  /** How often it was refused; 1 for changes. */
  readonly times: number;
  readonly principal: string;
  readonly credential: string | null;
  readonly address: string | null;
  readonly request: string | null;
  /** `allowed`, `refused`, or null for what Berth does by itself. */
  readonly decision: string | null;
  readonly reason: string | null;
  readonly action: string;
  readonly repository: string;
  readonly target: string;
  /** Facts about the change. */
  readonly detail: unknown;
  /** Number of the seal over it; null until there is one. */
  readonly seal: number | null;
  /** The place in the trail after it; null until it has a seal. */
  readonly cursor: string | null;
}

/** Which rows are wanted; all that are given must fit. */
export interface TrailFilter {
  readonly principal?: string | undefined;
  readonly action?: string | undefined;
  readonly decision?: string | undefined;
  /** A repository, or a namespace with all below it. */
  readonly repository?: string | undefined;
  /** The same again, for what the caller may see. */
  readonly within?: string | undefined;
  /** Milliseconds since 1970, as `until`. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
}

/** Rows read at once. */
const page = 500;

/** Rows that fit, the latest first. @throws MetadataError */
export async function* readLatest(read: Reader, filter: TrailFilter): AsyncGenerator<TrailEntry> {
  const { since = -Infinity } = filter;
  for (let before = Number.MAX_SAFE_INTEGER; ;) {
    const rows = await read.all(listLatestRows, { before, limit: page });
    for (const row of rows) if (fits(row, filter)) yield entryOf(row);
    // Rows are numbered as they come, a little out of order where several nodes write: a whole page is older, so is the rest.
    if (rows.length < page || rows.every(({ at }) => at < since)) return;
    before = rows.at(-1)!.id;
  }
}

/** A place in the trail: after the row `row` under the seal `seal`. */
interface TrailCursor {
  readonly seal: number;
  readonly row: number;
}

/** `<seal>.<row>`, or nothing for the beginning. @throws RegistryError PAGINATION_INVALID */
function parseTrailCursor(text: string): TrailCursor {
  if (text === "") return { seal: 0, row: 0 };
  const [, seal, row] = /^(\d{1,15})\.(\d{1,15})$/.exec(text) ?? [];
  if (seal === undefined || row === undefined) {
    const message = "the cursor is none of this registry: give the one that came with the last entry, or none";
    throw new RegistryError("PAGINATION_INVALID", message);
  }
  return { seal: Number(seal), row: Number(row) };
}

/** A part of the trail. */
export interface TrailPage {
  readonly entries: readonly TrailEntry[];
  /** What to give as `after` for the next page; null on the last. */
  readonly next: string | null;
  /** How far was looked, oldest first; null when nothing was there. */
  readonly cursor: string | null;
}

/** Rows looked at for one page. */
const lookLimit = 4 * page;

/**
 * A page of rows that fit: sealed ones in the order of the chain, or all, the latest first. What is sealed comes within
 * seconds of its commit, and nothing ever before what was given already. So many rows are looked at and no more: a page may be
 * short, and not the last.
 * @throws RegistryError PAGINATION_INVALID
 */
export async function readTrailPage(
  read: Reader,
  filter: TrailFilter,
  asked: { readonly after: string; readonly limit: number; readonly order: "oldest" | "latest" },
): Promise<TrailPage> {
  const { after, limit, order } = asked;
  const oldest = order === "oldest" ? parseTrailCursor(after) : undefined;
  let [seal, row] = [oldest?.seal ?? 0, oldest?.row ?? parseRow(after)];
  const entries: TrailEntry[] = [];
  const placeOf = () => (oldest === undefined ? String(row) : `${seal}.${row}`);
  const cursor = () => (oldest === undefined || row === 0 ? null : placeOf());
  for (let looked = 0; looked < lookLimit;) {
    const size = Math.min(page, filterIsEmpty(filter) ? limit - entries.length + 1 : page);
    const rows =
      oldest === undefined
        ? await read.all(listLatestRows, { before: row, limit: size })
        : await read.all(listTrail, { seal, after: row, limit: size });
    for (const one of rows) {
      if (entries.length === limit && fits(one, filter)) return { entries, next: placeOf(), cursor: cursor() };
      [seal, row] = [one.seal ?? seal, one.id];
      if (fits(one, filter)) entries.push(entryOf(one));
    }
    looked += rows.length;
    if (rows.length < size) return { entries, next: null, cursor: cursor() };
  }
  return { entries, next: placeOf(), cursor: cursor() };
}

function filterIsEmpty(filter: TrailFilter): boolean {
  return Object.values(filter).every((value) => value === undefined);
}

/** The id that `next` of the latest rows is. @throws RegistryError PAGINATION_INVALID */
function parseRow(after: string): number {
  if (after === "") return Number.MAX_SAFE_INTEGER;
  if (/^\d{1,15}$/.test(after)) return Number(after);
  throw new RegistryError("PAGINATION_INVALID", "`after` is not what `next` of a page said: begin without it");
}

function fits(row: AuditRow, filter: TrailFilter): boolean {
  const { principal, action, decision, repository, within, since, until } = filter;
  return (
    (principal === undefined || row.principal === principal) &&
    (action === undefined || row.action === action) &&
    (decision === undefined || row.decision === decision) &&
    isIn(row, repository) &&
    isIn(row, within) &&
    (since === undefined || row.at >= since) &&
    (until === undefined || row.at < until)
  );
}

function isIn({ repository }: AuditRow, place: string | undefined): boolean {
  return place === undefined || repository === place || repository.startsWith(`${place}/`);
}

function entryOf(row: AuditRow): TrailEntry {
  const { id, times, principal, credential, address, request, decision, reason, action, repository, target } = row;
  return {
    id,
    at: new Date(row.at).toISOString(),
    firstAt: row.first_at === null ? null : new Date(row.first_at).toISOString(),
    times,
    principal,
    credential,
    address,
    request,
    decision,
    reason,
    action,
    repository,
    target,
    detail: row.detail === null ? null : (JSON.parse(row.detail) as unknown),
    seal: row.seal,
    cursor: row.seal === null ? null : `${row.seal}.${id}`,
  };
}
