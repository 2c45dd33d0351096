import { randomFillSync } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { checkBytes } from "./check-bytes.ts";
import { checkObjects } from "./check-objects.ts";
import { checkUploads } from "./check-uploads.ts";
import { MiB } from "./objects.ts";
import type { Check, TestedDriver } from "./tested-driver.ts";

/** The port's contract. Every driver runs it. */
export function testDriver(driver: TestedDriver): void {
  const { name, skips = {} } = driver;
  const used = new Set<string>();
  const check: Check = (title, run) => {
    used.add(title);
    test(title, async (context) => {
      const reason = skips[title];
      if (reason !== undefined) return context.skip(reason);
      const tested = await driver.open();
      try {
        await run(tested);
      } finally {
        await tested.close();
      }
    });
  };

  describe(`the ${name} driver`, () => {
    const big = Buffer.alloc(100 * MiB);
    beforeAll(() => void randomFillSync(big));
    checkBytes(check, big);
    checkUploads(check, big);
    checkObjects(check, big);

    test("every skip names a test", () => {
      expect([...used]).toEqual(expect.arrayContaining(Object.keys(skips)));
    });
  });
}
