import { readFile, writeFile } from "node:fs/promises";
import type { Outcome } from "./report.ts";
import { tableOf } from "./report.ts";

const begin = "<!-- figures: written by `npm run bench -- --write` -->";
const end = "<!-- end of figures -->";

/** Puts the figures between their marks; what people wrote around them stays. */
export async function writePage(
  file: string,
  outcomes: readonly Outcome[],
  facts: Record<string, string>,
): Promise<void> {
  const page = await readFile(file, "utf8");
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from)
    throw new Error(`${file} has no place for figures: it wants the lines ${begin} and ${end}`);
  const machine = Object.entries(facts).map(([name, value]) => `- ${name}: ${value}`);
  const figures = [begin, "", ...machine, "", outcomes.map(tableOf).join("\n\n"), ""].join("\n");
  await writeFile(file, page.slice(0, from) + figures + "\n" + page.slice(to));
}
