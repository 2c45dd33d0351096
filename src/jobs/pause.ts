/** How long to wait before something that failed is tried again; milliseconds. */
export interface PauseRule {
  readonly first: number;
  readonly factor: number;
  readonly most: number;
}

/**
 * The pause after so many failures, one at least: it grows by a factor, and is drawn from the upper half of that, so that what
 * failed together does not come back together.
 * @param random from 0 up to 1
 */
export function pauseAfter(failures: number, { first, factor, most }: PauseRule, random = Math.random()): number {
  const whole = Math.min(most, first * factor ** Math.min(failures - 1, 60));
  return Math.round(whole * (0.5 + random / 2));
}
