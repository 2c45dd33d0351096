import { expect } from "vitest";
import type { BlobDriver, ObjectKey } from "../driver.ts";
import { newObjectKey } from "../object-key.ts";
import { MiB, fetchAll, keysOf, part, readFrom, store } from "./objects.ts";
import type { Check } from "./tested-driver.ts";

/** Objects that are there, and those that are not. @param big 100 MiB of random bytes */
export function checkObjects(check: Check, big: Buffer): void {
  check("lists every object with its size and time", async ({ driver }) => {
    const sizes = new Map<string, number>();
    for (let size = 1; size <= 25; size++) sizes.set(await store(driver, big.subarray(0, size)), size);
    const found = await Array.fromAsync(driver.list());
    expect(new Map(found.map(({ key, size }) => [key, size]))).toEqual(sizes);
    for (const { modifiedAt } of found) expect(Math.abs(modifiedAt - Date.now())).toBeLessThan(600_000);
  });

  check("removes many objects; what is not there counts as removed", async ({ driver }) => {
    const keys: string[] = [];
    for (let index = 0; index < 12; index++) keys.push(await store(driver, big.subarray(0, 10)));
    const kept = await store(driver, big.subarray(0, 10));
    await driver.remove([]);
    await driver.remove([newObjectKey()]);
    await driver.remove([...keys, newObjectKey(), ...Array.from({ length: 1_500 }, () => newObjectKey())]);
    await driver.remove(keys);
    expect(await keysOf(driver)).toEqual([kept]);
  });

  check("says missing of an object that is not there", async ({ driver }) => {
    expect(await driver.findSize(newObjectKey())).toBeUndefined();
    await expect(driver.read(newObjectKey())).rejects.toMatchObject({ reason: "missing" });
    await expect(driver.read(newObjectKey(), { start: 5, end: 9 })).rejects.toMatchObject({ reason: "missing" });
  });

  check("reads at any position, and less only at the end", async ({ driver }) => {
    const bytes = big.subarray(0, 3 * MiB + 17);
    const key = await store(driver, bytes);
    for (const range of [undefined, { start: MiB, end: 2 * MiB - 1 }, { start: 0, end: bytes.length - 1 }]) {
      const reader = await driver.read(key, range);
      expect(reader.size).toBe(bytes.length);
      for (const [position, length] of [
        [MiB, 10],
        [MiB + 10, 70_000],
        [0, 1],
        [2 * MiB - 5, 10],
        [9, 2 * MiB],
      ] as const) {
        expect((await readFrom(reader, position, length)).equals(bytes.subarray(position, position + length))).toBe(
          true,
        );
      }
      const end = Buffer.alloc(100);
      expect(await reader.read(end, bytes.length - 17)).toBe(17);
      expect(end.subarray(0, 17).equals(bytes.subarray(-17))).toBe(true);
      expect(await reader.read(end, bytes.length)).toBe(0);
      await reader.close();
    }
  });

  check("serves many readers and writers at once", async ({ driver }) => {
    const bytes = big.subarray(0, 2 * MiB);
    const key = await store(driver, bytes);
    const read = async () => expect((await fetchAll(driver, key)).equals(bytes)).toBe(true);
    const write = async (at: number) => {
      const mine = big.subarray(at * MiB, at * MiB + part + 100);
      expect((await fetchAll(driver, await store(driver, mine))).equals(mine)).toBe(true);
    };
    await Promise.all([...Array.from({ length: 10 }, read), ...Array.from({ length: 10 }, (_none, at) => write(at))]);
  });

  check("finishes the reads of an object that is removed meanwhile", async ({ driver }) => {
    const bytes = big.subarray(0, 8 * MiB);
    const key = await store(driver, bytes);
    const reader = await driver.read(key);
    const first = await readFrom(reader, 0, MiB);
    await driver.remove([key]);
    const rest = await readFrom(reader, MiB, bytes.length - MiB);
    await reader.close();
    expect(Buffer.concat([first, rest]).equals(bytes)).toBe(true);
    await expect(driver.read(key)).rejects.toMatchObject({ reason: "missing" });
  });

  check("breaks off, and never lies, when an object is removed while it is read", async ({ driver }) => {
    const bytes = big.subarray(0, 20 * MiB);
    const key = await store(driver, bytes);
    const reader = await driver.read(key);
    const first = await readFrom(reader, 0, MiB);
    await driver.remove([key]);
    const rest = await readFrom(reader, MiB, bytes.length - MiB).catch((error: unknown) => error);
    await reader.close();
    if (rest instanceof Buffer) expect(Buffer.concat([first, rest]).equals(bytes)).toBe(true);
    else expect(rest).toMatchObject({ reason: "missing" });
  });

  check("opens again over what is there", async (tested) => {
    const key = await store(tested.driver, big.subarray(0, 10));
    await tested.driver.open();
    const other = await tested.another();
    expect(await other.findSize(key)).toBe(10);
  });

  check("keeps a mark, and replaces it", async (tested) => {
    const { driver } = tested;
    expect(await driver.findMark()).toBeUndefined();
    await driver.putMark("one");
    await driver.putMark("two, longer");
    expect(await driver.findMark()).toBe("two, longer");
    expect(await (await tested.another()).findMark()).toBe("two, longer");
    expect(await keysOf(driver)).toEqual([]);
  });

  check(
    "marks that are put at the same time, by several processes: none fails, and one of them is there whole",
    async (tested) => {
      const processes = [tested.driver, await tested.another(), await tested.another()];
      const marks = Array.from({ length: 60 }, (_none, index) => `${index} `.repeat(index + 1));
      const puts = marks.map((mark, index) => processes[index % processes.length]!.putMark(mark));
      const seen: (string | undefined)[] = [];
      let putting = true;
      const look = (async () => {
        while (putting) seen.push(await tested.driver.findMark());
      })();
      await Promise.all(puts).finally(() => (putting = false));
      await look;
      expect(marks).toContain(await tested.driver.findMark());
      for (const mark of seen) expect([undefined, ...marks]).toContain(mark);
    },
  );

  check("says unavailable, and never missing, while the store cannot be reached", async ({ driver, sever }) => {
    const key = await store(driver, big.subarray(0, 1_000));
    const restore = await sever!();
    try {
      await expectUnavailable(driver, key, big.subarray(0, 100_000));
    } finally {
      await restore();
    }
    expect((await fetchAll(driver, key)).equals(big.subarray(0, 1_000))).toBe(true);
  });

  check("says unavailable, and never missing, where there is no store", async ({ driver, lose }) => {
    const key = await store(driver, big.subarray(0, 1_000));
    const restore = await lose!();
    try {
      await expectUnavailable(driver, key, big.subarray(0, 100_000));
    } finally {
      await restore();
    }
    expect((await fetchAll(driver, key)).equals(big.subarray(0, 1_000))).toBe(true);
  });

  check("signs URLs that serve the object, whole and by range", async ({ driver }) => {
    const key = await store(driver, big.subarray(0, 1_000));
    const url = await driver.findRedirect(key, 60);
    const whole = await fetch(url!);
    expect(Buffer.from(await whole.arrayBuffer()).equals(big.subarray(0, 1_000))).toBe(true);
    const some = await fetch(url!, { headers: { range: "bytes=10-19" } });
    expect(some.status).toBe(206);
    expect(Buffer.from(await some.arrayBuffer()).equals(big.subarray(10, 20))).toBe(true);
  });
}

async function expectUnavailable(driver: BlobDriver, key: ObjectKey, bytes: Uint8Array): Promise<void> {
  const unavailable = { reason: "unavailable" };
  const calls = {
    findSize: () => driver.findSize(key),
    read: () => driver.read(key),
    list: () => Array.fromAsync(driver.list()),
    findMark: () => driver.findMark(),
    remove: () => driver.remove([key]),
    write: async () => {
      const writer = await driver.create(newObjectKey());
      try {
        await writer.write(bytes);
        await writer.finish();
      } finally {
        await writer.abort();
      }
    },
  };
  const failures = Object.entries(calls).map(async ([called, call]) =>
    expect(call(), called).rejects.toMatchObject(unavailable),
  );
  await Promise.all(failures);
}
