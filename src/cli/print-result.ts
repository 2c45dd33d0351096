/** Forms of `--output`. */
export const outputs = ["table", "json", "yaml"] as const;
export type Output = (typeof outputs)[number];

/** One result in the forms that a command prints. */
export interface Result {
  /** Plain data for `json` and `yaml`. */
  readonly value: unknown;
  /** Lines of cells for `table`; the first line is the heading when `heading` is set. */
  readonly rows: readonly (readonly string[])[];
  readonly heading?: readonly string[];
}

/** Writes a result to standard output in the wanted form. */
export async function printResult(output: Output, { value, rows, heading }: Result): Promise<void> {
  if (output === "json") process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
  else if (output === "yaml") process.stdout.write((await import("yaml")).stringify(value));
  else process.stdout.write(layTable(heading === undefined ? rows : [heading, ...rows]));
}

/** Columns as wide as their widest cell, two spaces between, nothing at the ends of lines. */
export function layTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}
