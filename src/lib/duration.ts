const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** What {@link parseDuration} takes, as a pattern for JSON Schema. */
export const durationPattern = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/;

/**
 * Milliseconds of `90s`, `15m`, `1h30m`, `7d`: numbers with the unit ms, s, m, h or d, added up.
 * @throws RangeError for anything else, and for what is not a whole, safe number of milliseconds
 */
export function parseDuration(text: string): number {
  if (!durationPattern.test(text)) throw new RangeError(`${JSON.stringify(text)} is not a duration such as 15m`);
  let sum = 0;
  for (const [, number, unit] of text.matchAll(/([\d.]+)(ms|[smhd])/g)) sum += Number(number) * units[unit as "s"];
  // Fractions such as 0.1 are not exact in binary; a thousandth of a millisecond is nobody's intention.
  const whole = Math.round(sum);
  if (!Number.isSafeInteger(whole) || Math.abs(whole - sum) > 1e-6) {
    throw new RangeError(`${JSON.stringify(text)} is not a whole number of milliseconds`);
  }
  return whole;
}

/** The shortest text that {@link parseDuration} reads as these milliseconds: `1h30m`. */
export function formatDuration(milliseconds: number): string {
  let rest = milliseconds;
  let text = "";
  for (const [unit, length] of Object.entries(units).toReversed()) {
    const count = Math.floor(rest / length);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * length;
  }
  return text === "" ? "0s" : text;
}
