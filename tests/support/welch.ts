/** How far two series of measurements lie apart. */
export interface Difference {
  /** Welch's t: the difference of the means in units of its own standard error. */
  readonly t: number;
  /** The difference of the means, as a part of the larger one. */
  readonly effect: number;
}

/** Compares two series by Welch's t-test, which asks for neither equal variances nor equal lengths. */
export function compareMeans(one: readonly number[], other: readonly number[]): Difference {
  const [a, b] = [describe(one), describe(other)];
  const difference = a.mean - b.mean;
  return { t: difference / Math.sqrt(a.error + b.error), effect: difference / Math.max(a.mean, b.mean) };
}

/** The mean, and the square of its standard error. */
function describe(series: readonly number[]): { readonly mean: number; readonly error: number } {
  const mean = series.reduce((sum, value) => sum + value, 0) / series.length;
  const variance = series.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (series.length - 1);
  return { mean, error: variance / series.length };
}
