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
