import { defineConfig } from "vitest/config";

/** Faults that strike one process and nothing else: two of these may run at once. */
const crashes = ["bit-flips", "collection", "crash-points", "durable-order", "kills", "nth-fault", "preload"].map(
  (name) => `tests/faults/${name}.test.ts`,
);

export default defineConfig({
  test: {
    // By itself it would leave one core out; most tests wait for a disk or for another program.
    maxWorkers: "100%",
    projects: [
      {
        test: {
          name: "unit",
          include: ["src/**/*.test.ts", "tests/*.test.ts"],
          exclude: ["src/**/*.drivers.test.ts"],
          testTimeout: 60_000,
        },
      },
      { test: { name: "drivers", include: ["src/**/*.drivers.test.ts"], testTimeout: 60_000, hookTimeout: 120_000 } },
      {
        test: {
          name: "collection",
          include: ["tests/collection/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "access",
          include: ["tests/access/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: { name: "jobs", include: ["tests/jobs/**/*.test.ts"], testTimeout: 60_000, hookTimeout: 120_000 },
      },
      {
        test: {
          name: "governance",
          include: ["tests/governance/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: { name: "ecr", include: ["tests/ecr/**/*.test.ts"], testTimeout: 60_000, hookTimeout: 120_000 },
      },
      {
        test: {
          name: "conformance",
          include: ["tests/conformance/**/*.test.ts"],
          testTimeout: 300_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: "interop",
          include: ["tests/interop/**/*.test.ts"],
          globalSetup: "tests/interop/setup.ts",
          testTimeout: 300_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: "scale-out",
          include: ["tests/scale-out/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      { test: { name: "crashes", include: crashes, testTimeout: 600_000, hookTimeout: 120_000 } },
      {
        test: {
          name: "faults",
          include: ["tests/faults/**/*.test.ts"],
          exclude: crashes,
          testTimeout: 600_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
