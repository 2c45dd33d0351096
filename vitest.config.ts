import { defineConfig } from "vitest/config";

/** Faults that strike one process and nothing else: two of these may run at once. */
const crashes = ["bit-flips", "collection", "crash-points", "durable-order", "kills", "nth-fault", "preload"].map(
  (name) => `tests/faults/${name}.test.ts`,
);

/** Tests of one kind. What they wait for beside them takes its time on a busy machine: only what never comes is to fail. */
const project = (name: string, include: string[], more: object = {}) => ({
  test: { name, include, testTimeout: 240_000, hookTimeout: 240_000, expect: { poll: { timeout: 30_000 } }, ...more },
});
const folder = (name: string, more: object = {}) => project(name, [`tests/${name}/**/*.test.ts`], more);

export default defineConfig({
  test: {
    // By itself it would leave one core out; most tests wait for a disk or for another program.
    maxWorkers: "100%",
    projects: [
      project("unit", ["src/**/*.test.ts", "tests/*.test.ts"], { exclude: ["src/**/*.drivers.test.ts"] }),
      project("drivers", ["src/**/*.drivers.test.ts"]),
      folder("collection"),
      folder("access"),
      folder("jobs"),
      folder("governance"),
      folder("ecr"),
      folder("conformance", { testTimeout: 300_000, fileParallelism: false }),
      folder("interop", { globalSetup: "tests/interop/setup.ts", testTimeout: 300_000, fileParallelism: false }),
      folder("scale-out", { testTimeout: 300_000, fileParallelism: false }),
      project("crashes", crashes, { testTimeout: 600_000 }),
      folder("faults", { exclude: crashes, testTimeout: 600_000, fileParallelism: false }),
    ],
  },
});
