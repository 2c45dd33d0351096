/** What is known of a row when collection looks at it. Times are milliseconds since 1970 by the database's clock. */
export interface CollectionFacts {
  readonly now: number;
  /** Something names the row, or a setting keeps it. */
  readonly used: boolean;
  /** Held back until then, since a pusher was told of it. */
  readonly pinUntil: number;
  /** The first look that found it unused. */
  readonly condemnedAt: number | null;
}

/** The two-look rule; milliseconds. */
export interface CollectionRule {
  /** Between the look that condemns and the one that removes. */
  readonly lookGap: number;
  /** How long the clock has run without a jump, measured by one that cannot be set. */
  readonly steady: number;
}

/**
 * `used`: nothing to do, whoever ends the use asks for a new look. `pinned`, `waiting`: look again at `until`.
 * `condemned`: this was the first look; the second is due at `until`. `removed`: it goes.
 */
export type Verdict =
  | { readonly kind: "used" }
  | { readonly kind: "pinned" | "waiting" | "condemned"; readonly until: number }
  | { readonly kind: "removed" };

/** Decides what becomes of a row (docs/garbage-collection.md). Pure. */
export function judgeUnused(facts: CollectionFacts, rule: CollectionRule): Verdict {
  const { now, used, pinUntil, condemnedAt } = facts;
  const { lookGap, steady } = rule;
  if (used) return { kind: "used" };
  if (pinUntil > now) return { kind: "pinned", until: pinUntil };
  // A first look that lies ahead was taken by a clock that has been set back since: it does not count.
  if (condemnedAt === null || condemnedAt > now) return { kind: "condemned", until: now + lookGap };
  if (now - condemnedAt < lookGap) return { kind: "waiting", until: condemnedAt + lookGap };
  if (steady < lookGap) return { kind: "waiting", until: now + lookGap - steady };
  return { kind: "removed" };
}
