import { afterAll, describe, expect, test } from "vitest";
import { openPostgresWorld, openSqliteWorld } from "./support/actors.ts";
import { collectOnce } from "./support/open-registry.ts";
import { startPostgres } from "./support/postgres.ts";

const postgres = await startPostgres();
afterAll(() => postgres?.stop(), 60_000);

const worlds = [
  { kind: "sqlite", open: openSqliteWorld, missing: false },
  { kind: "postgres", open: () => openPostgresWorld(postgres!), missing: postgres === undefined },
] as const;

describe.each(worlds)("the marks of database and store on $kind", ({ open, missing }) => {
  for (const when of ["before", "after"] as const) {
    test.skipIf(missing)(`another node that raises the turn ${when} the store's is read is no restore`, async () => {
      const world = await open();
      const { registry } = await world.actor();
      const { registry: other } = await world.actor();
      expect((await collectOnce(registry)).off).toBeUndefined();
      const { driver } = registry.store;
      const findMark = driver.findMark.bind(driver);
      const advance = async () => expect((await collectOnce({ ...other })).off).toBeUndefined();
      driver.findMark = async () => {
        driver.findMark = findMark;
        if (when === "before") await advance();
        const mark = await findMark();
        if (when === "after") await advance();
        return mark;
      };
      expect((await collectOnce(registry)).off).toBeUndefined();
      await world.close();
    });
  }

  test.skipIf(missing)("a turn that is ahead of the database's is a restore, and collection stays off", async () => {
    const world = await open();
    const { registry } = await world.actor();
    expect((await collectOnce(registry)).off).toBeUndefined();
    const mark = JSON.parse((await world.driver.findMark())!) as { epoch: string; turn: number };
    await world.driver.putMark(JSON.stringify({ ...mark, turn: mark.turn + 1 }));
    expect((await collectOnce(registry)).off).toMatch(/restored from a backup/);
    await world.close();
  });
});
