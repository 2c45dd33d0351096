/** Former places of a tag that can be undone at most; what is older ends early. */
export const formerTagsKept = 100;

const units = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000 } as const;

/** What the server's configuration says of windows, in milliseconds. */
export interface UndoBounds {
  /** Where no setting says anything; 0 for never. */
  readonly standard: number;
  /** The longest that a setting can bring about. */
  readonly longest: number;
}

/**
 * How long deletes and tag moves can be undone, in milliseconds; 0 for never.
 * @param value of the setting `undoWindow`, such as `7d` or `1d12h`; null where nobody says anything
 */
export function undoWindowOf(value: string | null, { standard, longest }: UndoBounds): number {
  return Math.min(value === null ? standard : lengthOf(value), longest);
}

/** Whether the server cuts the value of a setting. */
export function isWindowCut(value: string | null, { longest }: UndoBounds): boolean {
  return value !== null && lengthOf(value) > longest;
}

/** What a value of `undoWindow` says by itself, in milliseconds. */
export function lengthOf(value: string): number {
  let sum = 0;
  for (const [, count, unit] of value.matchAll(/(\d+)([dhms])/g)) sum += Number(count) * units[unit as "d"];
  return sum;
}

/** How much of the disk is to stay free: of all of it a part, 0 to 1, or bytes. */
export type SpaceFloor = { readonly share: number } | { readonly bytes: number };

/** The same in bytes. @param total bytes of the whole file system */
export function floorOf(floor: SpaceFloor, total: number): number {
  return "share" in floor ? Math.floor(total * floor.share) : floor.bytes;
}
