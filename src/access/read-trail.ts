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
export interface TrailCursor {
  readonly seal: number;
  readonly row: number;
}

/** `<seal>.<row>`, or nothing for the beginning. @throws RegistryError PAGINATION_INVALID */
export function parseTrailCursor(text: string): TrailCursor {
  if (text === "") return { seal: 0, row: 0 };
  const [, seal, row] = /^(\d{1,15})\.(\d{1,15})$/.exec(text) ?? [];
  if (seal === undefined || row === undefined) {
    const message = "the cursor is none of this registry: give the one that came with the last entry, or none";
    throw new RegistryError("PAGINATION_INVALID", message);
  }
  return { seal: Number(seal), row: Number(row) };
}

/**
 * Rows after a cursor in the order of the chain, at most `limit`. Only what is sealed is given, within seconds of its
 * commit: nothing ever comes before what was given already.
 * @throws MetadataError
 */
export async function readTrail(read: Reader, after: TrailCursor, limit: number): Promise<TrailEntry[]> {
  return (await read.all(listTrail, { seal: after.seal, after: after.row, limit })).map(entryOf);
}

function fits(row: AuditRow, { principal, action, decision, repository, since, until }: TrailFilter): boolean {
  return (
    (principal === undefined || row.principal === principal) &&
    (action === undefined || row.action === action) &&
    (decision === undefined || row.decision === decision) &&
    (repository === undefined || row.repository === repository || row.repository.startsWith(`${repository}/`)) &&
    (since === undefined || row.at >= since) &&
    (until === undefined || row.at < until)
  );
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
