import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { sql } from "kysely";
import type { Metadata, Transaction } from "../../src/metadata/index.ts";
import { statement } from "../../src/metadata/statement.ts";
import { parseRepositoryName, RegistryError } from "../../src/oci/index.ts";
import { deleteBlob, deleteManifest, mountBlob, recountQuotas, renameRepository } from "../../src/registry/index.ts";
import { settleAll } from "../../src/registry/quotas/keep-quotas.ts";
import { writes } from "../../src/writes.ts";
import type { AllWrites } from "../../src/writes.ts";
import { openPostgresWorld, openSqliteWorld } from "../support/actors.ts";
import type { Actor, World } from "../support/actors.ts";
import { caller, collectAll, digestOf, imageOf, indexOf, putBlob, putManifest } from "../support/open-registry.ts";
import { startPostgres } from "../support/postgres.ts";
import { countedUsageOf, makeNamespace, plainUsageOf, setQuota } from "../support/quota-world.ts";

/* Two writers, the first held in the middle of its transaction; and counts that somebody spoilt. */

const server = await startPostgres();
afterAll(() => server?.stop());

const spoil = statement(
  "spoilQuota",
  (_db, p: { path: string }) => sql<never>`
  update quota set storage = storage + 7, images = images + 1
  where namespace_id = (select id from namespace where path = ${p.path})`,
);
const spoilBlobs = statement(
  "spoilQuotaBlobs",
  (_db, p: { path: string }) => sql<never>`
  delete from quota_blob where namespace_id = (select id from namespace where path = ${p.path})`,
);
const findKeeper = statement(
  "findQuotaKeeper",
  (_db, _p: { readonly [none: string]: never }) =>
    sql<{ value: string }>`select value from installation where name = 'quota-keeper'`,
);
const endKeeping = statement(
  "endQuotaKeeping",
  (_db, p: { at: number }) =>
    sql<never>`update installation set value = ${`first ${p.at - 1}`} where name = 'quota-keeper'`,
);
/** The registry's writes, and some that no registry has. */
const spoiling = {
  ...writes,
  async spoil(tx: Transaction, { path, blobs }: { readonly path: string; readonly blobs: boolean }): Promise<void> {
    await tx.run(blobs ? spoilBlobs : spoil, { path });
  },
  async endLease(tx: Transaction, _input: object): Promise<void> {
    await tx.run(endKeeping, { at: tx.now });
  },
};

const worlds = [
  { name: "SQLite", open: () => openSqliteWorld(spoiling) },
  ...(server === undefined ? [] : [{ name: "PostgreSQL", open: () => openPostgresWorld(server, spoiling) }]),
];

const layer = "a layer ".repeat(100);
const digest = digestOf(Buffer.from(layer));
const nameOf = parseRepositoryName;

describe.each(worlds)("on $name", { timeout: 240_000 }, ({ open }) => {
  let world: World;
  let one: Actor;
  let other: Actor;
  beforeEach(async () => {
    world = await open();
    [one, other] = [await world.actor(), await world.actor()];
    const metadata = one.registry.metadata as unknown as Metadata<AllWrites>;
    for (const path of ["team", "other"]) await makeNamespace(metadata, path);
    await setQuota(one.registry, "team", { quotaStorage: 1_000_000 });
    await putBlob(one.registry, "other/base", layer);
  });
  afterEach(() => world.close());

  const agree = async () => {
    expect(await countedUsageOf(one.registry, "team")).toEqual(await plainUsageOf(one.registry, "team"));
  };

  test("without a quota on the way to the root a push runs no statement of quotas", async () => {
    await putBlob(one.registry, "other/app", layer);
    const names = [
      "enterBlob",
      "enterBlobs",
      "holdBlobs",
      "lockUsage",
      "addUsage",
      "sumUsage",
      "listQuotasAt",
      "findInstallation",
    ];
    const before = names.map((name) => one.ran(name));
    await putBlob(one.registry, "other/app", "another layer");
    await putManifest(one.registry, "other/app", imageOf([layer]), "v1");
    // It looks whether a tag is refused, as before; what quotas hold it remembers.
    expect(names.map((name) => one.ran(name))).toEqual(before);
    await putBlob(one.registry, "team/app", layer);
    if (world.kind === "postgres") expect(one.ran("enterBlob")).toBeGreaterThan(before[0] ?? 0);
  });

  test("a layer that comes while its last link goes is counted", async () => {
    await putBlob(one.registry, "team/a", layer);
    await world.race(
      { by: one, at: "leaveBlobs", run: () => deleteBlob(one.registry, caller, nameOf("team/a"), digest) },
      () => mountBlob(other.registry, caller, nameOf("team/b"), digest, nameOf("other/base")),
    );
    await agree();
    expect((await countedUsageOf(one.registry, "team"))!.storage).toBe(layer.length);
  });

  test("the last link that goes while the layer comes leaves it counted", async () => {
    await putBlob(one.registry, "team/a", layer);
    await putBlob(one.registry, "team/b", "small");
    // The second finds the row of the layer, and the first holds it back until its link is there for others to see.
    await world.race(
      {
        by: other,
        at: "insertAudit",
        run: () => mountBlob(other.registry, caller, nameOf("team/b"), digest, nameOf("other/base")),
      },
      () => deleteBlob(one.registry, caller, nameOf("team/a"), digest),
    );
    await agree();
  });

  test("two that bring the same layer at once count it once", async () => {
    const results = await world.race(
      { by: one, at: "insertAudit", run: () => putBlob(one.registry, "team/a", layer) },
      () => putBlob(other.registry, "team/b", layer),
    );
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled"]);
    await agree();
    expect((await countedUsageOf(one.registry, "team"))!.storage).toBe(layer.length);
  });

  test("two indexes over one image at once take it out of the count once", async () => {
    await putBlob(one.registry, "team/a", layer);
    const image = imageOf([layer]);
    await putManifest(one.registry, "team/a", image);
    const index = (note: string) => indexOf([image], { annotations: { note } });
    await world.race(
      { by: one, at: "addUsage", run: () => putManifest(one.registry, "team/a", index("1"), "v1") },
      () => putManifest(other.registry, "team/a", index("2"), "v2"),
    );
    await agree();
    await world.race(
      {
        by: one,
        at: "addUsage",
        run: () => deleteManifest(one.registry, caller, nameOf("team/a"), digestOf(Buffer.from(index("1")))),
      },
      () => deleteManifest(other.registry, caller, nameOf("team/a"), digestOf(Buffer.from(index("2")))),
    );
    await agree();
    expect((await countedUsageOf(one.registry, "team"))!.images).toBe(1);
  });

  test("a repository that moves while its content is collected or pushed is counted where it is", async () => {
    await putBlob(one.registry, "team/a", layer);
    await putBlob(one.registry, "team/a", "small");
    await world.race(
      {
        by: one,
        at: "addUsage",
        run: () => renameRepository(one.registry, caller, nameOf("team/a"), nameOf("other/a"), undefined),
      },
      () => collectAll(other.registry),
    );
    await agree();
    await putBlob(one.registry, "team/c", "small");
    const results = await world.race(
      { by: one, at: "enterBlob", run: () => putBlob(one.registry, "team/c", layer) },
      () => renameRepository(other.registry, caller, nameOf("team/c"), nameOf("other/c"), undefined),
    );
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled"]);
    await agree();
    expect((await countedUsageOf(one.registry, "team"))!).toEqual({ storage: 0, images: 0, repositories: 0 });
  });

  test("a quota that is set while a push is under way counts that push", async () => {
    await setQuota(one.registry, "team", { quotaStorage: null });
    await world.race({ by: one, at: "insertAudit", run: () => putBlob(one.registry, "team/a", layer) }, () =>
      setQuota(other.registry, "team", { quotaStorage: 1_000_000 }),
    );
    await agree();
    expect((await countedUsageOf(one.registry, "team"))!.storage).toBe(layer.length);
  });

  test("whoever is under way when a limit comes near is waited for, so that nobody goes over it", async () => {
    await setQuota(one.registry, "team", { quotaStorage: 400_000 });
    for (const name of ["team/a", "team/b"]) await putBlob(one.registry, name, "");
    // Far from the limit, and small: it goes without waiting, and has not been committed when the second looks.
    const small = "s".repeat(300);
    const held = one.holdAt("insertAudit");
    const pushed = Promise.allSettled([putBlob(one.registry, "team/a", small)]);
    await held;
    const meanwhile = Promise.allSettled([putBlob(other.registry, "team/b", "b".repeat(399_701))]);
    await world.comeToRest(meanwhile);
    one.letGo();
    const [[first], [second]] = [await pushed, await meanwhile];
    expect(first.status).toBe("fulfilled");
    expect(second.status === "rejected" && second.reason instanceof RegistryError && second.reason.code).toBe("DENIED");
    await agree();
  });

  test("one process adds up at a time, and another goes on when it is silent", async () => {
    const { registry } = one;
    const settle = (node: string | null, lease: number) =>
      registry.metadata.write("settleUsage", { node, lease, after: 0 });
    for (const content of ["1", "2", "3"]) await putBlob(registry, "team/a", content);
    expect((await settle("first", 60_000)).namespace).not.toBeNull();
    await putBlob(registry, "team/a", "4");
    expect((await settle("second", 60_000)).namespace).toBeNull();
    await (registry.metadata as unknown as Metadata<typeof spoiling>).write("endLease", {});
    expect((await settle("second", 60_000)).namespace).not.toBeNull();
    expect((await registry.metadata.read.first(findKeeper, {}))!.value).toMatch(/^second /);
    await settleAll(registry);
    await agree();
  });

  test("a recount finds what was spoilt, sets it right, and says so once", async () => {
    const { registry } = one;
    await putBlob(registry, "team/a", layer);
    await putManifest(registry, "team/a", imageOf([layer]), "v1");
    const write = registry.metadata as unknown as { write(name: string, input: object): Promise<void> };
    for (const blobs of [false, true]) {
      await write.write("spoil", { path: "team", blobs });
      const [found] = await recountQuotas(registry, caller, "team");
      expect(found).toMatchObject({ namespace: "namespace team", corrected: true });
      expect(found!.found).toEqual(await plainUsageOf(registry, "team"));
      await agree();
      expect((await recountQuotas(registry, caller, ""))[0]).toMatchObject({ corrected: false });
    }
    // What was set right is counted on from there.
    await deleteManifest(registry, caller, nameOf("team/a"), digestOf(Buffer.from(imageOf([layer]))));
    await collectAll(registry);
    await agree();
  });
});
