import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");
const page = readFileSync(resolve(root, "docs/security-tests.md"), "utf8");
const rows = page
  .split("\n")
  .filter((line) => /^\| L?\d+ \|/.test(line))
  .map((line) => line.slice(2, -2).split(" | "));

test("docs/security-tests.md has each of the 54 attacks once, in their order", () => {
  const numbers = rows.map(([number]) => number!).filter((number) => !number.startsWith("L"));
  expect(numbers.map(Number)).toEqual(Array.from({ length: 54 }, (_none, index) => index + 1));
});

test.each(rows)(
  "attack %s is shown to fail by tests that are there, or waits for a named part",
  (_number, name, tests, waits) => {
    expect(name).not.toBe("");
    const named = [...(tests ?? "").matchAll(/`([^`]+\.test\.ts)`: (.+?)(?=<br>|$)/g)];
    expect(named.length > 0 || (waits ?? "").trim() !== "").toBe(true);
    expect(named.map(([text]) => text).join("<br>")).toBe((tests ?? "").trim());
    for (const [, file = "", title = ""] of named) {
      const source = readFileSync(resolve(root, file), "utf8");
      const titles = [...source.matchAll(/(?:\b(?:test|it)(?:\.\w+\(.*?\))?|\]\)|\))\(\s*"((?:[^"\\]|\\.)+)"/g)].map(
        ([, one]) => one,
      );
      expect(titles, file).toContain(title.trim());
    }
  },
);
