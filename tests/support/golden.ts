import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { expect } from "vitest";

/**
 * Compares a text with `tests/golden/<name>`; `npm run golden` rewrites the file instead, to be read before it is
 * committed.
 */
export async function expectGolden(name: string, text: string): Promise<void> {
  const path = resolve(import.meta.dirname, "../golden", name);
  if (process.env["GOLDEN"] === "write") {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
    return;
  }
  const golden = await readFile(path, "utf8").catch(() => "");
  expect(text, `tests/golden/${name} says otherwise: npm run golden`).toBe(golden);
}

/** Compares the table below a heading of a page in `docs` with rows; `npm run golden` puts them there instead. */
export async function expectTable(
  page: string,
  heading: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): Promise<void> {
  const text = await readFile(resolve(import.meta.dirname, "../../docs", page), "utf8");
  const start = text.indexOf("\n|", text.indexOf(`\n## ${heading}\n`)) + 1;
  expect(start, `${page} has a table below ${heading}`).toBeGreaterThan(0);
  const end = text.indexOf("\n\n", start);
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  const table = [line(head), `|${"---|".repeat(head.length)}`, ...rows.map(line)].join("\n");
  const after = end === -1 ? "\n" : text.slice(end);
  await expectGolden(`../../docs/${page}`, text.slice(0, start) + table + after);
}
