import {
  countUnsealed,
  findInstallation,
  findRowSealedFrom,
  findSeal,
  listSealedRows,
  listSeals,
  listUnsealed,
} from "../metadata/index.ts";
import type { AuditRow, AuditSeal, Reader } from "../metadata/index.ts";
import { compareMarks, hashRows, hashSeal } from "./seal.ts";
import { expiryAction, headName, parseHead } from "./writes/trail.ts";

/** Where the chain over audit rows does not hold. */
export interface TrailBreak {
  /** Number of the seal. */
  readonly seal: number;
  /** Id of the audit row; undefined where the seal itself is wrong. */
  readonly row: number | undefined;
  /** A sentence without a full stop. */
  readonly what: string;
}

/** What a walk along the chain found. */
export interface VerifiedTrail {
  readonly seals: number;
  /** Rows that were compared with their seals. */
  readonly rows: number;
  /** Rows that retention removed; their seals are part of the chain. */
  readonly removed: number;
  /** Rows that no seal is over yet, and nothing can be said of. */
  readonly unsealed: number;
  /** The latest seal, `<number>:<hash>`: noted elsewhere, it proves later that nothing before it was changed. */
  readonly head: string;
  /** The first that is wrong; the walk ends there. */
  readonly broken: TrailBreak | undefined;
}

export interface VerifyOptions {
  /** A head that was noted earlier, `<number>:<hash>`. */
  readonly noted?: string | undefined;
  /** Told from time to time how many rows were compared. */
  readonly progress?: (rows: number) => void;
}

/** Seals that are read at once; with their marks up to 6 kB each. */
const page = 50;
const unsealedLimit = 100_000;

/**
 * Walks along the chain of seals and compares every row. A server may run meanwhile: what it adds is looked at or not, and
 * what retention removes is no break.
 * @throws MetadataError
 */
export async function verifyTrail(read: Reader, options: VerifyOptions = {}): Promise<VerifiedTrail> {
  const walk = new Walk(read);
  // Read before the seals: they may become more, never fewer.
  const heads = [(await read.first(findInstallation, { name: headName }))?.value ?? "0:", options.noted ?? "0:"];
  const known = heads.map(parseHead);
  for (;;) {
    const seals = await read.all(listSeals, { after: walk.seals, limit: page });
    for (const seal of seals) {
      const broken = (await walk.take(seal)) ?? findStranger(seal, known);
      if (broken !== undefined) return walk.end(broken, 0);
    }
    options.progress?.(walk.rows);
    if (seals.length === 0) break;
  }
  const missing = known.find(([number]) => number > walk.seals);
  if (missing !== undefined) {
    const what = `the chain ends with seal ${walk.seals}, and there was a seal ${missing[0]}: the latest seals were removed`;
    return walk.end({ seal: walk.seals + 1, row: undefined, what }, 0);
  }
  const broken = await walk.finish();
  return walk.end(broken, (await read.first(countUnsealed, {}))!.count);
}

function findStranger(seal: AuditSeal, known: readonly (readonly [number, string])[]): TrailBreak | undefined {
  const differs = known.some(([number, hash]) => number === seal.number && hash !== seal.hash);
  const what = "it is not the seal that was noted under its number: the chain was written anew";
  return differs ? { seal: seal.number, row: undefined, what } : undefined;
}

class Walk {
  seals = 0;
  rows = 0;
  readonly #read: Reader;
  #removed = 0;
  #removedThrough = 0;
  /** Up to which seal an audit row says that rows were removed. */
  #expiredThrough = 0;
  #previous = "";

  constructor(read: Reader) {
    this.#read = read;
  }

  /** Takes the next seal of the chain, or says what is wrong. */
  async take(seal: AuditSeal): Promise<TrailBreak | undefined> {
    const expected = this.seals + 1;
    if (seal.number !== expected) return { seal: expected, row: undefined, what: "the seal is missing" };
    if (seal.previous !== this.#previous || hashSeal(seal) !== seal.hash) {
      return { seal: expected, row: undefined, what: "the seal was changed, or the one before it" };
    }
    const broken = seal.removed_at === null ? await this.#compare(seal) : await this.#pass(seal);
    if (broken !== undefined) return broken;
    this.#previous = seal.hash;
    this.seals = expected;
    return undefined;
  }

  async #compare(seal: AuditSeal): Promise<TrailBreak | undefined> {
    const rows = await this.#read.all(listSealedRows, { seal: seal.number, after: 0, limit: seal.row_count + 1 });
    const { rowsHash, marks } = hashRows(rows);
    const different = compareMarks(seal.marks, marks);
    if (different !== undefined || rowsHash !== seal.rows_hash) {
      // Retention may have come between the two reads.
      const now = await this.#read.first(findSeal, { number: seal.number });
      if (now !== undefined && now.removed_at !== null) return this.#pass(now);
      if (different === undefined) {
        const what = "rows under it were changed, and its marks with them";
        return { seal: seal.number, row: rows[0]?.id, what };
      }
      return { seal: seal.number, row: different.row, what: words[different.is] };
    }
    this.rows += rows.length;
    this.#noteExpiry(rows);
    return undefined;
  }

  /** A seal whose rows were removed: they go from the first on, and none is left. */
  async #pass(seal: AuditSeal): Promise<TrailBreak | undefined> {
    const left = await this.#read.first(listSealedRows, { seal: seal.number, after: 0, limit: 1 });
    if (left !== undefined)
      return { seal: seal.number, row: left.id, what: "the row is under a seal that was emptied" };
    if (this.#removedThrough !== seal.number - 1) {
      return { seal: seal.number, row: undefined, what: "its rows were removed before older ones" };
    }
    this.#removedThrough = seal.number;
    this.#removed += seal.row_count;
    return undefined;
  }

  /** What is to be looked at after the last seal. */
  async finish(): Promise<TrailBreak | undefined> {
    // The latest removal's own row may wait for its seal.
    if (this.#removedThrough > this.#expiredThrough) {
      this.#noteExpiry(await this.#read.all(listUnsealed, { limit: unsealedLimit }));
    }
    if (this.#removedThrough > this.#expiredThrough) {
      const what = "its rows were removed, and no audit row says that retention did it";
      return { seal: this.#expiredThrough + 1, row: undefined, what };
    }
    for (const from of [Number.MIN_SAFE_INTEGER, this.seals + 1]) {
      const row = await this.#read.first(findRowSealedFrom, { seal: from });
      if (row === undefined || (await this.#read.first(findSeal, { number: row.seal })) !== undefined) continue;
      return { seal: row.seal, row: row.id, what: "the row is under a seal that is not there" };
    }
    return undefined;
  }

  end(broken: TrailBreak | undefined, unsealed: number): VerifiedTrail {
    const head = `${this.seals}:${this.#previous}`;
    return { seals: this.seals, rows: this.rows, removed: this.#removed, unsealed, head, broken };
  }

  #noteExpiry(rows: readonly AuditRow[]): void {
    for (const { action, principal, target } of rows) {
      if (action !== expiryAction || principal !== "system:retention") continue;
      this.#expiredThrough = Math.max(this.#expiredThrough, Number(target));
    }
  }
}

const words = {
  changed: "the row was changed",
  missing: "the row is missing",
  added: "the row was put in later",
} as const;
