/** Former places of a tag that can be undone at most; what is older ends early. */
export const formerTagsKept = 100;

const units = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000 } as const;

/**
 * How long deletes and tag moves can be undone, in milliseconds; 0 for never.
 * @param value of the setting `undoWindow`, such as `7d` or `1d12h`; null where nobody says anything
 * @param standard of the server
 */
export function undoWindowOf(value: string | null, standard: number): number {
  if (value === null) return standard;
  let sum = 0;
  for (const [, count, unit] of value.matchAll(/(\d+)([dhms])/g)) sum += Number(count) * units[unit as "d"];
  return sum;
}
