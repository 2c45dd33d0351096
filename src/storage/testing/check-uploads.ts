import { expect } from "vitest";
import type { ObjectKey, WriterState } from "../driver.ts";
import { newObjectKey } from "../object-key.ts";
import { MiB, fetchAll, keysOf, nobody, part, store, writeAll } from "./objects.ts";
import type { Check } from "./tested-driver.ts";

/** Uploads that stop and go on. @param big 100 MiB of random bytes */
export function checkUploads(check: Check, big: Buffer): void {
  check("goes on with a suspended upload, also on another node", async (tested) => {
    const bytes = big.subarray(0, part + 700_000);
    const first = await tested.driver.create(newObjectKey());
    await writeAll(first, bytes.subarray(0, 600_000));
    const state = JSON.parse(JSON.stringify(await first.suspend())) as WriterState;
    expect(state.size).toBe(600_000);
    const other = await tested.another();
    const second = await other.resume(first.key, state);
    expect(second.size).toBe(600_000);
    await writeAll(second, bytes.subarray(600_000));
    await second.finish();
    expect((await fetchAll(tested.driver, first.key)).equals(bytes)).toBe(true);
    expect(await keysOf(tested.driver)).toEqual([first.key]);
  });

  check("goes on after many suspensions at any size", async ({ driver }) => {
    const sizes = [1, 0, part - 1, 3, part, 17, 2 * part + 5, 0, 70_000, part - 2, 1, 1, 1];
    const bytes = big.subarray(
      0,
      sizes.reduce((sum, size) => sum + size, 0),
    );
    let writer = await driver.create(newObjectKey());
    let at = 0;
    for (const size of sizes) {
      await writeAll(writer, bytes.subarray(at, at + size), MiB);
      at += size;
      const state = await writer.suspend();
      expect(state.size).toBe(at);
      writer = await driver.resume(writer.key, state);
      expect(writer.size).toBe(at);
    }
    await writer.finish();
    expect((await fetchAll(driver, writer.key)).equals(bytes)).toBe(true);
    expect(await keysOf(driver)).toEqual([writer.key]);
  });

  check("cuts off what was written after the state that an upload is resumed from", async ({ driver }) => {
    const kept = big.subarray(0, part + 1_000);
    const first = await driver.create(newObjectKey());
    await writeAll(first, kept);
    const state = await first.suspend();
    const lost = await driver.resume(first.key, state);
    await writeAll(lost, big.subarray(20 * MiB, 28 * MiB));
    await lost.suspend();
    const second = await driver.resume(first.key, state);
    expect(second.size).toBe(kept.length);
    const rest = big.subarray(50 * MiB, 57 * MiB);
    await writeAll(second, rest);
    await second.finish();
    expect((await fetchAll(driver, first.key)).equals(Buffer.concat([kept, rest]))).toBe(true);
  });

  check("says how many bytes are left when a suspended upload lost some", async ({ driver, shorten }) => {
    const bytes = big.subarray(0, part + 900_000);
    const first = await driver.create(newObjectKey());
    await writeAll(first, bytes);
    const state = await first.suspend();
    const left = await shorten!(first.key, state);
    expect(left).toBeLessThan(bytes.length);
    const second = await driver.resume(first.key, state);
    expect(second.size).toBe(left);
    await writeAll(second, bytes.subarray(left));
    await second.finish();
    expect((await fetchAll(driver, first.key)).equals(bytes)).toBe(true);
  });

  check("finishes again what somebody finished who died before a row named it", async ({ driver }) => {
    for (const size of [1_000, part + 900_000]) {
      const bytes = big.subarray(0, size);
      const first = await driver.create(newObjectKey());
      await writeAll(first, bytes);
      const state = await first.suspend();
      await (await driver.resume(first.key, state)).finish();
      const second = await driver.resume(first.key, state);
      expect(second.size).toBe(size);
      await second.finish();
      expect((await fetchAll(driver, first.key)).equals(bytes)).toBe(true);
    }
  });

  check("goes on from a state, or says missing, when somebody finished with more and died", async ({ driver }) => {
    for (const size of [1_000, part + 900_000]) {
      const first = await driver.create(newObjectKey());
      await writeAll(first, big.subarray(0, size));
      const state = await first.suspend();
      const dead = await driver.resume(first.key, state);
      await writeAll(dead, big.subarray(20 * MiB, 27 * MiB));
      await dead.finish();
      const rest = big.subarray(40 * MiB, 41 * MiB);
      const again = async () => {
        const second = await driver.resume(first.key, state);
        await writeAll(second, rest);
        await second.finish();
        return (await fetchAll(driver, first.key)).equals(Buffer.concat([big.subarray(0, size), rest]));
      };
      expect(await again().catch((error: unknown) => error)).toSatisfy(
        (end) => end === true || end.reason === "missing" || end.reason === "exists",
      );
    }
  });

  check("keeps what was suspended when a later writer is released", async ({ driver }) => {
    const first = await driver.create(newObjectKey());
    await writeAll(first, big.subarray(0, part + 5));
    const state = await first.suspend();
    const failing = await driver.resume(first.key, state);
    await writeAll(failing, big.subarray(0, 2 * part));
    await failing.release();
    const second = await driver.resume(first.key, state);
    expect(second.size).toBe(part + 5);
    await second.finish();
    expect((await fetchAll(driver, first.key)).equals(big.subarray(0, part + 5))).toBe(true);
  });

  check("has nothing to go on with once an upload is discarded; discarding twice is no error", async ({ driver }) => {
    for (const size of [1_000, part + 1_000]) {
      const writer = await driver.create(newObjectKey());
      await writeAll(writer, big.subarray(0, size));
      const state = await writer.suspend();
      await driver.discard(writer.key, state);
      await driver.discard(writer.key, state);
      await driver.discard(writer.key, undefined);
      await expect(driver.resume(writer.key, state)).rejects.toMatchObject({ reason: "missing" });
      expect(await driver.findSize(writer.key)).toBeUndefined();
    }
    expect(await keysOf(driver)).toEqual([]);
    expect(await driver.sweepUnfinished(Date.now() + 60_000, nobody)).toBe(0);
  });

  check("discards an upload whose state is lost", async ({ driver }) => {
    const writer = await driver.create(newObjectKey());
    await writeAll(writer, big.subarray(0, part + 1_000));
    await writer.suspend();
    await driver.discard(writer.key, undefined);
    expect(await keysOf(driver)).toEqual([]);
    expect(await driver.sweepUnfinished(Date.now() + 60_000, nobody)).toBe(0);
  });

  check("leaves nothing of an aborted upload", async ({ driver }) => {
    for (const size of [0, 1_000, part + 1_000, 3 * part]) {
      const writer = await driver.create(newObjectKey());
      await writeAll(writer, big.subarray(0, size));
      await writer.abort();
    }
    const finished = await driver.create(newObjectKey());
    await writeAll(finished, big.subarray(0, 1_000));
    await finished.finish();
    await finished.abort();
    expect(await keysOf(driver)).toEqual([]);
    expect(await driver.sweepUnfinished(Date.now() + 60_000, nobody)).toBe(0);
  });

  check("sweeps unfinished uploads that are old and that nobody knows, and no others", async ({ driver }) => {
    const begin = async () => {
      const writer = await driver.create(newObjectKey());
      await writeAll(writer, big.subarray(0, part + 1_000));
      return { key: writer.key, state: await writer.suspend() };
    };
    const [known, forgotten] = [await begin(), await begin()];
    const whole = await store(driver, big.subarray(0, 2 * part));
    const ours = async (keys: readonly ObjectKey[]) => new Set(keys.filter((key) => key === known.key));
    expect(await driver.sweepUnfinished(Date.now() - 3_600_000, nobody)).toBe(0);
    // Its parts and its tail.
    expect(await driver.sweepUnfinished(Date.now() + 60_000, ours)).toBe(2);
    expect(await driver.sweepUnfinished(Date.now() + 60_000, ours)).toBe(0);
    await expect(driver.resume(forgotten.key, forgotten.state)).rejects.toMatchObject({ reason: "missing" });
    const writer = await driver.resume(known.key, known.state);
    await writer.finish();
    expect((await fetchAll(driver, known.key)).length).toBe(part + 1_000);
    expect((await keysOf(driver)).toSorted()).toEqual([known.key, whole].toSorted());
  });
}
