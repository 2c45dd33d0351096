const factors: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/** What {@link parseSize} takes, as a pattern for JSON Schema. */
export const sizePattern = /^\d+(?:\.\d+)? ?(?:[KMGTkmgt]i?)?[Bb]?$/;

/**
 * Bytes of `512`, `16KiB`, `1.5 GiB`, `200MB`: KiB, MiB, GiB, TiB are powers of 1024; KB, MB, GB, TB of 1000.
 * @throws RangeError for anything else, and for what is not a whole, safe number of bytes
 */
export function parseSize(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(text) ?? [];
  const factor = factors[(unit ?? "?").toLowerCase()];
  if (factor === undefined) throw new RangeError(`${JSON.stringify(text)} is not a size such as 256MiB`);
  const bytes = Number(number) * factor;
  const whole = Math.round(bytes);
  if (!Number.isSafeInteger(whole) || Math.abs(whole - bytes) > 1e-6) {
    throw new RangeError(`${JSON.stringify(text)} is not a whole number of bytes`);
  }
  return whole;
}

/** The shortest text with a power of 1024 that {@link parseSize} reads as these bytes: `16KiB`. */
export function formatSize(bytes: number): string {
  for (const unit of ["TiB", "GiB", "MiB", "KiB"]) {
    const factor = factors[unit.toLowerCase()]!;
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor}${unit}`;
  }
  return `${bytes}B`;
}
