import { afterAll, describe, expect, test } from "vitest";
import { startPostgres } from "../support/postgres.ts";
import { startTestServer } from "../support/start-server.ts";
import { UploadsAtOnce } from "../support/upload-at-once.ts";

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

const databases = [
  { name: "SQLite", database: async () => undefined },
  ...(postgres === undefined ? [] : [{ name: "PostgreSQL", database: () => postgres.makeMigrated() }]),
];

describe.each(databases)("on $name", ({ database }) => {
  test(
    "of a thousand uploads at once into a namespace with quotas none fails, and all are counted",
    { timeout: 300_000 },
    async (context) => {
      const url = await database();
      const server = await startTestServer(url === undefined ? {} : { database: url });
      const uploads = new UploadsAtOnce(server.url, 1_000);
      context.onTestFinished(async () => {
        uploads.close();
        await server.close();
      });
      await uploads.prepare();
      let stored = 0;
      for (let round = 1; ; round++) {
        // What a busy machine does not bear without quotas either says nothing of them.
        const bears = (await uploads.run("free")).refused.length === 0;
        const { refused } = await uploads.run("counted");
        stored += 1_000 - refused.length;
        if (refused.length === 0) break;
        expect(bears || round === 5 ? refused.slice(0, 3) : [], `round ${round}`).toEqual([]);
      }
      const { text } = await uploads.ask("GET", "/api/v1/namespaces/counted/-/quotas");
      const { items } = JSON.parse(text) as { items: { quota: string; used: number }[] };
      const used = Object.fromEntries(items.map(({ quota, used }) => [quota, used]));
      expect(used).toEqual({ quotaStorage: stored * 1_024, quotaRepositories: 50, quotaPending: 0 });
    },
  );
});
