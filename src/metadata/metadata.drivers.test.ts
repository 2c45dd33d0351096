import { mkdtempSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import pg from "pg";
import { needPeers } from "../../tests/support/peers.ts";
import { startPostgres } from "../../tests/support/postgres.ts";
import { findRepository, openPostgres, openSqlite, openSqliteInProcess } from "./index.ts";
import { kitWrites } from "./testing/kit-writes.ts";
import type { KitWrites } from "./testing/kit-writes.ts";
import { checkMetadata } from "./testing/metadata-kit.ts";

const unavailable = { name: "MetadataError", reason: "unavailable" };
const folder = mkdtempSync(join(tmpdir(), "berth-metadata-"));
const postgres = await startPostgres();
afterAll(async () => {
  await postgres?.stop();
  rmSync(folder, { recursive: true });
});

const writer = new URL("./testing/kit-writer.ts", import.meta.url);
const openThreaded = (path: string) => openSqlite<KitWrites>(path, writer);

checkMetadata("SQLite with its writer in a thread", {
  need: () => undefined,
  there: true,
  open: () => openThreaded(join(folder, "threaded.db")),
});

checkMetadata("SQLite on one connection", {
  need: () => undefined,
  there: true,
  open: async (writes) => openSqliteInProcess(join(folder, "in-process.db"), writes),
});

checkMetadata("PostgreSQL", {
  need: (context) => {
    if (postgres === undefined) needPeers(context, "postgresql");
  },
  there: postgres !== undefined,
  open: (writes) => openPostgres(postgres!.url, writes),
});

describe("SQLite", () => {
  test("writes that wait together are committed together", async () => {
    const metadata = await openThreaded(join(folder, "groups.db"));
    const before = metadata.stats();
    const names = Array.from({ length: 200 }, (_, index) => `group/${index}`);
    await Promise.all(names.map((name) => metadata.write("addRepository", { name })));
    const { writes, commits } = metadata.stats();
    expect(writes - before.writes).toBe(200);
    expect(commits - before.commits).toBeLessThan(20);
    await metadata.close();
  });

  test("a writer that ends is told with what ended it", async () => {
    const broken = new URL('data:text/javascript,throw new Error("out of luck")');
    await expect(openSqlite(join(folder, "ended.db"), broken)).rejects.toMatchObject({
      ...unavailable,
      message: expect.stringMatching(/has stopped.*out of luck.*restart Berth/),
    });
  });

  test("once the writer has ended, nothing is written any more, and that is told", async () => {
    const script = `import { parentPort } from "node:worker_threads";
      parentPort.once("message", () => process.exit(3));
      parentPort.postMessage("ready");`;
    const ending = new URL(`data:text/javascript,${encodeURIComponent(script)}`);
    const metadata = await openSqlite(join(folder, "ends.db"), ending);
    expect(metadata.ended()).toBeUndefined();
    await expect(metadata.ping()).rejects.toMatchObject(unavailable);
    expect(metadata.ended()).toMatch(/has stopped.*exit code 3.*restart Berth/);
    await metadata.close();
  });

  test("nobody is answered, not even refused, before the group's commit is there for others to see", async () => {
    const path = join(folder, "answers.db");
    const metadata = await openThreaded(path);
    const other = new DatabaseSync(path, { readOnly: true });
    const count = other.prepare("select count(*) as rows from repository where name like 'answer/%'");
    const seen = (): number => Number(count.get()!["rows"]);
    const answered: number[] = [];
    const writes = Array.from({ length: 50 }, (_, index) =>
      metadata
        .write("addRepository", { name: `answer/${index}`, then: index === 49 ? "refuse" : undefined })
        .catch(() => undefined)
        .then(() => answered.push(seen())),
    );
    await Promise.all(writes);
    // All were asked in one turn and are one group: whoever is answered sees all of it.
    expect(answered).toEqual(Array.from({ length: 50 }, () => 49));
    other.close();
    await metadata.close();
  });

  test("what is committed while a turn lasts is seen in that turn", async () => {
    const metadata = await openThreaded(join(folder, "turn.db"));
    const find = () => metadata.read.first(findRepository, { name: "turn/a" });
    const written = metadata.write("addRepository", { name: "turn/a" });
    // By then it is on its way to the writer.
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    const end = performance.now() + 10_000;
    while (find() === undefined && performance.now() < end);
    expect(find()).toBeDefined();
    await written;
    await metadata.close();
  });

  test("a file that another process keeps locked is unavailable, and works when it lets go", async () => {
    const path = join(folder, "busy.db");
    const metadata = await openThreaded(path);
    const other = new DatabaseSync(path);
    other.exec("begin immediate");
    await expect(metadata.write("addRepository", { name: "busy/a" })).rejects.toMatchObject({
      name: "MetadataError",
      reason: "unavailable",
    });
    // Readers are not held up by a writer.
    expect(await metadata.read.first(findRepository, { name: "busy/a" })).toBeUndefined();
    other.exec("rollback");
    other.close();
    expect(await metadata.write("addRepository", { name: "busy/a" })).toBeDefined();
    await metadata.close();
  });

  test("a directory in the file's place is unavailable", async () => {
    await expect(openThreaded(folder)).rejects.toMatchObject({ name: "MetadataError", reason: "unavailable" });
  });
});

describe("PostgreSQL", () => {
  test("a statement that is not answered in time is given up, and its connection with it", async (context) => {
    if (postgres === undefined) return needPeers(context, "postgresql");
    const metadata = await openPostgres(postgres.url, kitWrites, { connections: 1, answerWithin: 200 });
    const holder = new pg.Client({ connectionString: postgres.url });
    await holder.connect();
    await holder.query("begin; lock table repository in access exclusive mode");
    await expect(metadata.read.first(findRepository, { name: "silent/a" })).rejects.toMatchObject(unavailable);
    const write = metadata.write("addRepository", { name: "silent/a" });
    await new Promise((resolve) => setTimeout(resolve, 500));
    await holder.query("rollback");
    expect((await write)?.id).toBeGreaterThan(0);
    await holder.end();
    await metadata.close();
  });

  test("a write that loses to a deadlock is run again", async (context) => {
    if (postgres === undefined) return needPeers(context, "postgresql");
    const plain = await openPostgres(postgres.url, kitWrites);
    const repository = (await plain.write("addRepository", { name: "deadlock/a" }))!.id;
    for (const id of ["deadlock-1", "deadlock-2"]) await plain.write("addUpload", { id, repository });
    // Both hold their first row before either asks for its second.
    let holders = 0;
    const met = Promise.withResolvers<void>();
    const claims: string[] = [];
    const metadata = await openPostgres(postgres.url, kitWrites, {
      before: async (statement) => {
        claims.push(statement);
        if (statement !== "claimUpload" || holders >= 2) return;
        if (++holders === 2) met.resolve();
        await met.promise;
      },
    });
    await Promise.all([
      metadata.write("claimBoth", { ids: ["deadlock-1", "deadlock-2"] }),
      metadata.write("claimBoth", { ids: ["deadlock-2", "deadlock-1"] }),
    ]);
    // Two runs take four claims; the loser began once more.
    expect(claims.filter((statement) => statement === "claimUpload").length).toBeGreaterThan(4);
    expect(await plain.write("claim", { id: "deadlock-1" })).toBe(4);
    await metadata.close();
    await plain.close();
  });

  test("while the server is gone reads and writes are unavailable; when it is back they work again", async (context) => {
    if (postgres === undefined) return needPeers(context, "postgresql");
    const metadata = await openPostgres(postgres.url, kitWrites);
    await metadata.write("addRepository", { name: "gone/a" });
    await postgres.crash();

    await expect(metadata.read.first(findRepository, { name: "gone/a" })).rejects.toMatchObject(unavailable);
    await expect(metadata.ping()).rejects.toMatchObject(unavailable);
    await expect(metadata.write("addRepository", { name: "gone/b" })).rejects.toMatchObject(unavailable);
    await expect(openPostgres(postgres.url, kitWrites)).rejects.toMatchObject(unavailable);
    // A write that is asked for while the server comes back is done once it is there.
    const waiting = metadata.write("addRepository", { name: "gone/c" });
    await postgres.restart();
    expect(await waiting).toBeDefined();
    // What was acknowledged before the crash is there.
    expect(await metadata.read.first(findRepository, { name: "gone/a" })).toBeDefined();
    expect(await metadata.read.first(findRepository, { name: "gone/b" })).toBeUndefined();
    await metadata.ping();
    await metadata.close();
  });
});
