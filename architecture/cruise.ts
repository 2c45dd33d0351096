import { existsSync } from "node:fs";
import { join } from "node:path";
import { cruise } from "dependency-cruiser";
import type { ICruiseResult } from "dependency-cruiser";
import { rules } from "./rules.ts";

export interface Arrows {
  /** Files that were read; far fewer than there are would mean that the parser saw nothing. */
  readonly modules: number;
  readonly violations: readonly {
    readonly rule: string;
    readonly from: string;
    readonly to: string;
    readonly cure: string;
  }[];
}

/** Reads the imports of a project's sources and tests, and says which of them the rules forbid. */
export async function cruiseArrows(project: string): Promise<Arrows> {
  const folders = ["src", "tests", "benchmarks"].filter((folder) => existsSync(join(project, folder)));
  const { output } = await cruise(folders, {
    baseDir: project,
    parser: "swc",
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    validate: true,
    ruleSet: { forbidden: [...rules] },
    enhancedResolveOptions: { extensions: [".ts", ".mjs", ".js"], conditionNames: ["node", "import", "default"] },
  });
  const { modules, summary } = output as ICruiseResult;
  return {
    modules: modules.filter((module) => /^(?:src|tests)\//.test(module.source)).length,
    violations: summary.violations.map((violation) => ({
      rule: violation.rule.name,
      from: violation.from,
      to: violation.to,
      cure: rules.find((rule) => rule.name === violation.rule.name)?.comment ?? "",
    })),
  };
}
