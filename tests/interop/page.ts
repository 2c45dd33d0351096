import { actions } from "./actions.ts";
import type { Row } from "./actions.ts";

/** Rows of the page, in this order. */
const order = ["docker", "podman", "buildah", "skopeo", "crane", "oras", "helm", "BuildKit"];

/** Writes `docs/interop.md` from what the tests have seen. */
export function renderPage(rows: Readonly<Record<string, Row>>): string {
  const names = order.filter((name) => rows[name] !== undefined);
  const table = names.map(
    (name) => `| [${name}](#${name.toLowerCase()}) ${rows[name]!.version} | ${marks(rows[name]!).join(" | ")} |`,
  );
  const cells = names.map((name) => rows[name]!.cells.push);
  const backEnds = new Set(cells.flatMap((cell) => (cell && "seen" in cell ? Object.keys(cell.seen) : [])));
  return `# Clients that Berth is tested with

Written by the tests of \`tests/interop\` (\`npm run golden\`), which run these programs against a registry on each of its back
ends: ${[...backEnds].join(" · ")}. **yes** = passed on all of them. The image they push holds more than
100 MB after compression; a pulled image is compared with what was pushed, byte for byte or by digest.

| client | ${actions.join(" | ")} |
|---|${actions.map(() => "---|").join("")}
${table.join("\n")}
${names.map((name) => section(name, rows[name]!)).join("")}`;
}

function marks(row: Row): readonly string[] {
  return actions.map((action) => {
    const cell = row.cells[action];
    if (cell === undefined) return "?";
    if ("reason" in cell) return "n/a";
    const failed = Object.entries(cell.seen).filter(([, verdict]) => verdict === "failed");
    return failed.length === 0 ? "**yes**" : `no: ${failed.map(([backEnd]) => backEnd).join(", ")}`;
  });
}

function section(name: string, row: Row): string {
  const lines = actions.map((action) => {
    const cell = row.cells[action];
    if (cell === undefined) return `- ${action}: not run`;
    return "reason" in cell ? `- ${action}: n/a, because ${cell.reason}` : `- ${action}: ${cell.does}`;
  });
  return `\n## ${name}\n\nVersion ${row.version}.\n\n${lines.join("\n")}\n`;
}
