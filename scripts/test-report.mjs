// Vitest's reporter for scripts/test.mjs: counts, and skips with their reasons, as JSON to TEST_REPORT (a name without
// BERTH_, since the servers under test take those for settings).
import { writeFileSync } from "node:fs";

export default class TestReport {
  onTestRunEnd(modules, errors) {
    const report = { passed: 0, failed: errors.length, skipped: [], crashed: errors.flatMap(crashOf) };
    for (const module of modules) {
      if (report.crashed.includes(module.moduleId)) continue;
      // A file that cannot be loaded has no tests to count.
      report.failed += module.errors().length;
      for (const suite of module.children.allSuites()) report.failed += suite.errors().length;
      for (const test of module.children.allTests()) {
        const { state, note } = test.result();
        if (state === "passed") report.passed++;
        else if (state === "failed") report.failed++;
        else report.skipped.push({ file: module.relativeModuleId, name: test.fullName, reason: note });
      }
    }
    writeFileSync(process.env["TEST_REPORT"], JSON.stringify(report));
  }
}

/** The file whose process V8 ended by a trap of its own: no program here uses that signal. */
function crashOf(error) {
  const text = `${error.message} ${error.cause?.message}`;
  return /signal SIGTRAP .*while running test file (\S+)/.exec(text)?.slice(1) ?? [];
}
