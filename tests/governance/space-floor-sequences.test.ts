import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { parseRepositoryName } from "../../src/oci/index.ts";
import { deleteManifest, deleteRepository } from "../../src/registry/index.ts";
import { writes } from "../../src/writes.ts";
import { openPostgresWorld, openSqliteWorld } from "../support/actors.ts";
import { caller, check, collectAll, digestOf, imageOf, putBlob, putManifest } from "../support/open-registry.ts";
import { startPostgres } from "../support/postgres.ts";
import { listGivenUp, openOnDisk, seekRoom, within } from "../support/small-disk.ts";
import type { GivenUpRow } from "../support/small-disk.ts";

/* Random pushes and deletes on a disk with too little room. */

const server = await startPostgres();
afterAll(() => server?.stop());

const worlds = [
  { name: "SQLite", runs: 25, open: () => openSqliteWorld(writes) },
  ...(server === undefined ? [] : [{ name: "PostgreSQL", runs: 4, open: () => openPostgresWorld(server, writes) }]),
];

const layerOf = (letter: string, size: number) => letter.repeat(size);
const digestOfText = (text: string) => digestOf(Buffer.from(text));

describe.each(worlds)("on $name", { timeout: 240_000 }, ({ open, runs }) => {
  test("whatever was pushed and deleted: it suffices, and without the last that went it would not have", async () => {
    const layers = [300, 500, 700, 900].map((size, index) => layerOf("abcd"[index]!, size));
    const some = fc.uniqueArray(fc.constantFrom(...layers), { minLength: 1, maxLength: 3 });
    const step = fc.record({ layers: some, gone: fc.boolean(), whole: fc.boolean(), collect: fc.boolean() });
    const often = { givenUp: 0, enough: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 0, max: 2_400 }),
        async (steps, bytes) => {
          const own = await open();
          try {
            const { registry: on, used: usedOn } = await openOnDisk(own);
            for (const [index, one] of steps.entries()) {
              const name = parseRepositoryName(one.whole ? `team/w${index}` : "team/app");
              for (const layer of one.layers) await putBlob(on, name, layer);
              const text = imageOf(one.layers, { annotations: { index: String(index) } });
              await putManifest(on, name, text, `t${index}`);
              if (one.gone && one.whole) await deleteRepository(on, caller, name, undefined);
              else if (one.gone) await deleteManifest(on, caller, name, digestOfText(text));
              if (one.collect) await collectAll(on);
            }
            const tight = within(bytes, on);
            const made = await seekRoom(tight);
            expect((await seekRoom(tight))?.givenUp ?? 0, "nothing more").toBe(0);
            await collectAll(on);
            const left = await usedOn();
            expect(left - (made?.missing ?? 0)).toBeLessThanOrEqual(bytes);
            if ((made?.missing ?? 0) > 0) expect(left - made!.missing).toBe(bytes);
            const rows = await on.metadata.read.all(listGivenUp, {});
            if (rows.length > 0) {
              const youngest = rows
                .map(({ detail }) => JSON.parse(detail) as { entry: number })
                .toSorted((a, b) => a.entry - b.entry)
                .at(-1)!;
              const at = steps.findIndex((_, index) =>
                rows.some(
                  (row) =>
                    (JSON.parse(row.detail) as { entry: number }).entry === youngest.entry &&
                    belongs(row, steps, index),
                ),
              );
              const there = new Set<number>();
              for await (const { size } of own.driver.list()) there.add(size);
              const freed = steps[at]!.layers.filter((layer) => !there.has(layer.length)).reduce(
                (sum, layer) => sum + layer.length,
                0,
              );
              expect(left + freed, "the last was needed").toBeGreaterThan(bytes);
              expect(freed).toBeGreaterThan(0);
            }
            often.givenUp += rows.length;
            if (made !== undefined && rows.length === 0) often.enough++;
            expect(await check(on)).toEqual({ numbers: [0, 0, 0, 0], problems: [] });
          } finally {
            await own.close();
          }
        },
      ),
      { numRuns: runs, examples: [[[{ layers: [layers[0]!], gone: true, whole: false, collect: true }], 0]] },
    );
    expect(often.givenUp).toBeGreaterThan(0);

    function belongs(
      { target, repository }: GivenUpRow,
      steps: readonly { readonly layers: readonly string[]; readonly whole: boolean }[],
      index: number,
    ): boolean {
      const { layers: of, whole } = steps[index]!;
      if (whole) return repository === `team/w${index}`;
      return target === digestOfText(imageOf(of, { annotations: { index: String(index) } }));
    }
  });
});
