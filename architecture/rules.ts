import type { IRegularForbiddenRuleType } from "dependency-cruiser";
import { layers, pure } from "./layers.ts";

const place = (folder: string): string => {
  if (folder === "*.ts") return "^src/(?!config[.]ts)[^/]+[.]ts$";
  if (folder === "api/*") return "^src/api/(?!http/)[^/]+/";
  return folder.endsWith(".ts") ? `^src/${folder.replace(".", "[.]")}$` : `^src/${folder}/`;
};

/** Tests beside the code, and doubles and kits in `testing/`. */
const tests = "[.]test[.]ts$|/testing/";
const doors = "^src/(?:(?:api|lib)/)?[^/]+/index[.]ts$";

const arrows = layers.flatMap((line, depth) => {
  const above = layers.slice(0, depth).flat().map(place);
  return line.flatMap((folder) => {
    const from = { path: place(folder) };
    const siblings = depth === 0 ? [] : line.filter((other) => other !== folder).map(place);
    const upward = forbid("upward", "take what you need from above as an argument", from, { path: above });
    const sideways = forbid("sibling", "move what both need to a lower line", from, { path: siblings });
    return [...(above.length === 0 ? [] : [upward]), ...(siblings.length === 0 ? [] : [sideways])];
  });
});

/** What the imports of `src` may not do, for dependency-cruiser. The comment says what to do instead. */
export const rules: readonly IRegularForbiddenRuleType[] = [
  ...arrows,
  forbid(
    "dialect-of-dialect",
    "move what both dialects need to api/http or below",
    { path: "^src/api/([^/]+)/" },
    { path: "^src/api/[^/]+/", pathNot: ["^src/api/$1/", "^src/api/http/"] },
  ),
  forbid(
    "unlisted-folder",
    "give the folder its place in architecture/layers.ts and ARCHITECTURE.md",
    { path: "^src/", pathNot: layers.flat().map(place) },
    {},
  ),
  ...["^src/(?!api/)([^/]+)/", "^src/(api/[^/]+)/"].map((from) =>
    forbid(
      "past-the-door",
      "import it from the other folder's index.ts (tests also: from its testing folder)",
      { path: from },
      { path: "^src/[^/]+/.", pathNot: ["^src/$1/", doors, "/testing/"] },
    ),
  ),
  forbid(
    "past-the-door",
    "import it from the folder's index.ts",
    { path: "^src/[^/]+[.]ts$" },
    { path: "^src/[^/]+/.", pathNot: doors },
  ),
  forbid(
    "impure",
    "hand it in as an argument: no Node module, no package, nothing but each other",
    { path: `^src/(?:${pure.join("|")})/`, pathNot: tests },
    { pathNot: `^src/(?:${pure.join("|")})/` },
  ),
  forbid(
    "test-code-in-production",
    "production code imports no tests and no doubles",
    { path: "^src/", pathNot: tests },
    { path: ["^tests/", "^benchmarks/", tests] },
  ),
  forbid(
    "undeclared-package",
    "production code uses packages of `dependencies` only",
    { path: "^src/", pathNot: tests },
    { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown", "unknown", "undetermined"] },
  ),
  forbid("cycle", "move what both need to a file of its own", {}, { circular: true }),
];

function forbid(
  name: string,
  comment: string,
  from: IRegularForbiddenRuleType["from"],
  to: IRegularForbiddenRuleType["to"],
): IRegularForbiddenRuleType {
  return { name, comment, severity: "error", from, to };
}
