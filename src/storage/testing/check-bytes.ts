import { expect } from "vitest";
import { newObjectKey } from "../object-key.ts";
import { fetchAll, part, store, writeAll } from "./objects.ts";
import type { Check } from "./tested-driver.ts";

/** Bytes in, the same bytes out. @param big 100 MiB of random bytes */
export function checkBytes(check: Check, big: Buffer): void {
  for (const size of [0, 1, part - 1, part, part + 1, 2 * part + 1]) {
    check(`keeps ${size} bytes as they came`, async ({ driver }) => {
      const bytes = big.subarray(0, size);
      const key = await store(driver, bytes);
      expect(await driver.findSize(key)).toBe(size);
      expect((await fetchAll(driver, key)).equals(bytes)).toBe(true);
    });
  }

  check("takes chunks of a byte and a chunk of 100 MiB", async ({ driver }) => {
    const writer = await driver.create(newObjectKey());
    for (let at = 0; at < 1_000; at++) await writer.write(big.subarray(at, at + 1));
    await writer.write(big);
    expect(writer.size).toBe(big.length + 1_000);
    await writer.finish();
    const found = await fetchAll(driver, writer.key);
    expect(found.subarray(0, 1_000).equals(big.subarray(0, 1_000))).toBe(true);
    expect(found.subarray(1_000).equals(big)).toBe(true);
  });

  check("lets the caller reuse a chunk once it is taken", async ({ driver }) => {
    const chunk = Buffer.alloc(70_000, 1);
    const writer = await driver.create(newObjectKey());
    await writer.write(chunk);
    chunk.fill(2);
    await writer.write(chunk);
    chunk.fill(3);
    await writer.finish();
    const found = await fetchAll(driver, writer.key);
    expect(found.equals(Buffer.concat([Buffer.alloc(70_000, 1), Buffer.alloc(70_000, 2)]))).toBe(true);
  });

  check("never takes a key twice", async ({ driver }) => {
    const bytes = big.subarray(0, 1_000);
    const key = await store(driver, bytes);
    const again = async (other: Uint8Array) => {
      const writer = await driver.create(key);
      await writeAll(writer, other);
      await writer.finish();
    };
    await expect(again(big.subarray(1_000, 3_000))).rejects.toMatchObject({ reason: "exists" });
    expect((await fetchAll(driver, key)).equals(bytes)).toBe(true);
  });
}
