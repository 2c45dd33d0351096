import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { inputs } from "../../src/api/ecr/model/inputs.ts";
import { kmsOperations } from "../../src/api/ecr/kms/operations.ts";
import { operations } from "../../src/api/ecr/operations.ts";
import { expectGolden } from "../support/golden.ts";

/** Errors of the service's model, by operation. */
const modelled = JSON.parse(
  await readFile(resolve(import.meta.dirname, "../fixtures/ecr/errors.json"), "utf8"),
) as Readonly<Record<string, readonly string[]>>;

test("all 58 operations of the model have a shape, and an entry that serves or refuses them", () => {
  const names = Object.keys(modelled).toSorted();
  expect(names).toHaveLength(58);
  expect(Object.keys(inputs).toSorted()).toEqual(names);
  expect(Object.keys(operations).toSorted()).toEqual(names);
});

test("what refuses, and what an input violates, is an error of the operation's own model", () => {
  for (const [name, entry] of Object.entries(operations)) {
    expect(modelled[name], name).toContain(entry.invalid ?? "InvalidParameterException");
    if ("refused" in entry) expect(modelled[name], name).toContain(entry.refused);
  }
});

test("docs/guide/ecr.md lists the calls about keys that are served", async () => {
  const page = await readFile(resolve(import.meta.dirname, "../../docs/guide/ecr.md"), "utf8");
  const [, list = ""] = /These calls about keys are served: ([^]*?)\.\n/.exec(page) ?? [];
  expect([...list.matchAll(/`(\w+)`/g)].map(([, name]) => name)).toEqual(Object.keys(kmsOperations));
});

test("docs/guide/ecr.md shows the same table", async () => {
  const path = resolve(import.meta.dirname, "../../docs/guide/ecr.md");
  const page = await readFile(path, "utf8");
  const head = page.slice(0, page.indexOf("| operation | is | |"));
  const rows = Object.entries(operations).map(([name, entry]) => {
    return "refused" in entry
      ? `| ${name} | refused: \`${entry.refused}\` | ${entry.reason} |`
      : `| ${name} | **served** | ${entry.about} |`;
  });
  const table = ["| operation | is | |", "|---|---|---|", ...rows, ""].join("\n");
  await expectGolden("../../docs/guide/ecr.md", head + table);
});
