import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { actions, actionsOfRole, roles } from "../src/policy/index.ts";

test("docs/access.md says what each role may do", async () => {
  const page = await readFile(resolve(import.meta.dirname, "../docs/access.md"), "utf8");
  const rows = actions.map((action) => {
    const cells = roles.map((role) => (actionsOfRole[role].includes(action) ? " yes " : " "));
    return `| \`${action}\` |${cells.join("|")}|`;
  });
  expect(page).toContain([`| action | ${roles.join(" | ")} |`, "|---|---|---|---|---|", ...rows].join("\n"));
});
