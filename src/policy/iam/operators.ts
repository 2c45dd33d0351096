import { findBlock } from "./addresses.ts";
import type { Comparison, Order } from "./form.ts";
import type { KeyKind } from "./keys.ts";
import type { Refuse } from "./parse-principals.ts";
import type { Wildcard } from "./wildcard.ts";

/** An operator of conditions, without its prefix and suffix. */
export interface Operator {
  /** Kinds of keys that it compares. */
  readonly kinds: readonly KeyKind[];
  readonly negated: boolean;
  /** @param parse reads policy variables and, when told so, wildcards */
  readonly parse: (text: string, parse: (text: string, wild: boolean) => Wildcard, refuse: Refuse) => Comparison;
}

const texts: readonly KeyKind[] = ["text", "arn", "boolean"];

/** By their names in policies. `Null` is apart, as it has no values to compare. */
export const operators: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ...pair("StringEquals", "StringNotEquals", texts, (text, parse) => byText(parse(text, false))),
  ...pair("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", texts, (text, parse) =>
    byText(parse(text, false), true),
  ),
  ...pair("StringLike", "StringNotLike", texts, (text, parse) => byText(parse(text, true))),
  // As in IAM both kinds of ARN operators take wildcards.
  ...pair("ArnEquals", "ArnNotEquals", ["arn"], parseArn),
  ...pair("ArnLike", "ArnNotLike", ["arn"], parseArn),
  ...pair("IpAddress", "NotIpAddress", ["address"], (text, _, refuse) => {
    const block = findBlock(text);
    if (block !== undefined) return { by: "address", block };
    throw refuse(
      `${JSON.stringify(text)} is no block of addresses: write 203.0.113.0/24 or 2001:db8::/32, no bit set beyond its length`,
    );
  }),
  [
    "Bool",
    {
      kinds: ["boolean"],
      negated: false,
      parse: (text, _, refuse) => ({ by: "boolean", value: parseBoolean(text, refuse) }),
    },
  ],
  // The only number that a request has is a time, in seconds.
  ...ordered("Numeric", ["moment"], (text, refuse) => {
    if (/^-?[0-9]+(?:[.][0-9]+)?$/.test(text)) return Number(text) * 1_000;
    throw refuse(`${JSON.stringify(text)} is no number`);
  }),
  ...ordered("Date", ["date", "moment"], parseDate),
]);

function byText(wildcard: Wildcard, fold = false): Comparison {
  return { by: "text", wildcard, fold };
}

function pair(name: string, opposite: string, kinds: readonly KeyKind[], parse: Operator["parse"]) {
  return [[name, { kinds, negated: false, parse }] as const, [opposite, { kinds, negated: true, parse }] as const];
}

function ordered(prefix: string, kinds: readonly KeyKind[], parseValue: (text: string, refuse: Refuse) => number) {
  const one = (name: string, order: Order, negated = false): [string, Operator] => [
    `${prefix}${name}`,
    { kinds, negated, parse: (text, _, refuse) => ({ by: "order", order, value: parseValue(text, refuse) }) },
  ];
  return [
    one("Equals", "="),
    one("NotEquals", "=", true),
    one("LessThan", "<"),
    one("LessThanEquals", "<="),
    one("GreaterThan", ">"),
    one("GreaterThanEquals", ">="),
  ];
}

export function parseBoolean(text: string, refuse: Refuse): boolean {
  const word = text.toLowerCase();
  if (word === "true" || word === "false") return word === "true";
  throw refuse(`${JSON.stringify(text)} is neither true nor false`);
}

/** Milliseconds since 1970 of a date and time by ISO 8601 in UTC or with an offset, or of a number of seconds. */
function parseDate(text: string, refuse: Refuse): number {
  if (/^[0-9]+(?:[.][0-9]+)?$/.test(text)) return Number(text) * 1_000;
  const isDate =
    /^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.][0-9]+)?)?(?:Z|[+-][0-9]{2}:?[0-9]{2}))?$/.test(
      text,
    );
  const time = isDate ? Date.parse(text) : NaN;
  // `2026-02-30` would be taken for a day of March.
  const [year, month, day] = text.split(/[-T]/).map(Number);
  const days = new Date(Date.UTC(year ?? 0, month ?? 0, 0)).getUTCDate();
  if (!Number.isNaN(time) && day! >= 1 && day! <= days) return time;
  throw refuse(`${JSON.stringify(text)} is no date: write 2026-12-31T00:00:00Z, or seconds since 1970`);
}

/** Each of six parts is compared by itself, so that no star reaches over a colon; the last has all that is left. */
function parseArn(text: string, parse: (text: string, wild: boolean) => Wildcard, refuse: Refuse): Comparison {
  const parts = splitArn(text);
  if (parts.length < 6 || (parts[0] !== "arn" && parts[0] !== "*")) {
    throw refuse(`${JSON.stringify(text)} is no ARN: write its six parts, such as arn:aws:iam::000000000000:user/*`);
  }
  return { by: "arn", parts: parts.map((part) => parse(part, true)) };
}

/** At the first five colons, but for those within a policy variable. */
export function splitArn(text: string): readonly string[] {
  const colons = [...text.matchAll(/\$\{[^}]*\}|:/g)].filter(([mark]) => mark === ":").map(({ index }) => index);
  const ends = colons.slice(0, 5);
  return [...ends, text.length].map((end, place) => text.slice(place === 0 ? 0 : ends[place - 1]! + 1, end));
}
