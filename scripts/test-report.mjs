// Vitest's reporter for scripts/test.mjs: counts, failures, and skips with their reasons, as JSON to TEST_REPORT (a name
// without BERTH_, since the servers under test take those for settings).
import { writeFileSync } from "node:fs";

export default class TestReport {
  onTestRunEnd(modules, errors) {
    const crashed = errors.flatMap(crashOf);
    const report = { passed: 0, failures: errors.map((error) => failureOf("", error)), skipped: [], crashed };
    for (const module of modules) {
      if (crashed.includes(module.moduleId)) continue;
      const place = (name) => [module.relativeModuleId, name].filter(Boolean).join(" > ");
      // A file that cannot be loaded has no tests to count.
      report.failures.push(...module.errors().map((error) => failureOf(place(), error)));
      for (const suite of module.children.allSuites()) {
        report.failures.push(...suite.errors().map((error) => failureOf(place(suite.fullName), error)));
      }
      for (const test of module.children.allTests()) {
        const { state, note, errors: reasons } = test.result();
        if (state === "passed") report.passed++;
        else if (state === "failed") report.failures.push(failureOf(place(test.fullName), reasons?.[0]));
        else report.skipped.push({ file: module.relativeModuleId, name: test.fullName, reason: note });
      }
    }
    writeFileSync(process.env["TEST_REPORT"], JSON.stringify(report));
  }
}

/** Where it failed, and the first lines of why. */
function failureOf(place, error) {
  const lines = `${error?.message ?? "no reason given"}`.split("\n").slice(0, 5);
  return [place, ...lines].map((line) => line.slice(0, 300)).join("\n    ");
}

/** The file whose process V8 ended by a trap of its own: no program here uses that signal. */
function crashOf(error) {
  const text = `${error.message} ${error.cause?.message}`;
  return /signal SIGTRAP .*while running test file (\S+)/.exec(text)?.slice(1) ?? [];
}
