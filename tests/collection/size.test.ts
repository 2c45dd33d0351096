import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect } from "vitest";
import { collectGarbage, explainCollection, inspectManifest, measureStorage } from "../../src/registry/index.ts";
import { parseReference, parseRepositoryName } from "../../src/oci/index.ts";
import { describeEachDatabase } from "../support/each-database.ts";
import { countGarbage, garbageRepository, garbageRows } from "../support/garbage-rows.ts";
import { caller, openRegistry, putBlob, putManifest, imageOf } from "../support/open-registry.ts";

setFlagsFromString("--expose-gc");
const sweepHeap = runInNewContext("gc") as () => void;

/** Bytes of the heap that are in use, without garbage. */
function heap(): number {
  sweepHeap();
  return process.memoryUsage().heapUsed;
}

const tagged = 20_000;
/** What goes; PostgreSQL takes a while for each. */
const untagged = { sqlite: 10_000, postgres: 3_000 } as const;
/** Rows that collection looks at for each push beside it. */
const pushEvery = 150;
/**
 * A kilobyte kept of each manifest that goes would be ten times this on SQLite. The client of PostgreSQL and its pool keep
 * some megabytes more or less, whatever goes.
 */
const grows = { sqlite: 1024 * 1024, postgres: 4 * 1024 * 1024 } as const;

await describeEachDatabase((it, prepare) => {
  let sql: (text: string) => Promise<Record<string, unknown>[]>;
  let dialect: "sqlite" | "postgres";
  let registry: ReturnType<typeof openRegistry>;
  prepare(async ({ database }) => {
    sql = (text) => database.sql(text);
    dialect = database.metadata.dialect;
    registry = openRegistry(database.metadata);
    await database.metadata.write("ensureInstallation", { uploadKey: "00", epoch: "e1" });
  });

  it(
    "of thousands of manifests in one repository with 20,000 tags those without a tag go, while pushes go on, in memory that does not grow",
    { timeout: 600_000 },
    async () => {
      const all = tagged + untagged[dialect];
      for (const text of garbageRows(dialect, all, { tagged })) await sql(text);
      const { signal } = new AbortController();
      const count = async () => Number((await sql(countGarbage))[0]!["count"]);
      expect(await count()).toBe(all);
      const heaps: number[] = [];
      let nextAt = 2_000;
      let furthest = 0;
      const progress = ({ looked }: { readonly looked: number }) => {
        furthest = Math.max(furthest, looked);
        if (looked < nextAt) return;
        nextAt += 3_000;
        heaps.push(heap());
      };
      const app = parseRepositoryName("team/app");
      let pushed = 0;
      let done = false;
      // Pushes are told of blobs that nothing uses yet: they are pinned for a while.
      const pinning = { ...registry, settings: { ...registry.settings, pin: 600_000 } };
      const pushing = (async () => {
        while (!done) {
          await new Promise((resolve) => setTimeout(resolve, 10));
          // As many on each machine: what a process remembers of its latest pushes grows with them, up to its bounds.
          if (pushed * pushEvery > furthest) continue;
          await putBlob(pinning, app, `layer ${pushed}`);
          await putManifest(pinning, app, imageOf([`layer ${pushed}`]), `v${pushed++}`);
        }
      })();
      for (let pass = 0; pass < 6 && (await count()) > tagged; pass++) {
        await collectGarbage(registry, { clock: undefined, checkMark: true, sweepEvery: 0, signal, progress });
      }
      done = true;
      await pushing;
      expect(await count()).toBe(tagged);
      expect(pushed).toBeGreaterThan(0);
      expect((await inspectManifest(registry, caller, app, parseReference(`v${pushed - 1}`))).mediaType).toContain(
        "oci",
      );
      const left = await sql(`select count(*) as count from tag t join repository r on r.id = t.repository_id
        where r.name = '${garbageRepository}'`);
      expect(Number(left[0]!["count"])).toBe(tagged);
      expect(heaps.length).toBeGreaterThan(4);
      expect(Math.max(...heaps.slice(1)) - heaps[1]!).toBeLessThan(grows[dialect]);

      const before = heap();
      let most = before;
      const seen = { kept: 0, goes: 0 };
      for await (const { state, kind } of explainCollection(registry)) {
        if (kind === "manifest") seen[state]++;
        if (seen.kept % 2_000 === 0) most = Math.max(most, heap());
      }
      expect(seen).toEqual({ kept: tagged + pushed, goes: 0 });
      const figures = await measureStorage(registry, {
        signal,
        share: 1,
        progress: () => void (most = Math.max(most, heap())),
      });
      expect(figures.live.manifests).toBe(tagged + pushed);
      expect(most - before).toBeLessThan(grows[dialect]);
    },
  );
});
