import { describe, expect, test } from "vitest";
import { collectAll, collectOnce } from "../support/open-registry.ts";
import { leaveWorld, listWorlds, openActors } from "../support/worlds.ts";

// A backup copies the rows and then the objects that they name: a row may go meanwhile, its object may not.

describe.each(await listWorlds())("on $name", { timeout: 240_000 }, ({ open }) => {
  test("backup-hold: what dies after a backup has begun is not taken by a reaper that had begun before it", async () => {
    const world = await open();
    const [, collector, other] = await openActors(world);
    const key = "o/00/01ARZ3NDEKTSV4RRFFQ69G5FAV";
    const writer = await world.driver.create(key);
    await writer.write(Buffer.from("bytes"));
    await writer.finish();
    const hold = { id: "backup", time: 60_000 };
    const { metadata } = other.registry;
    const [reaped, listed] = await world.race(
      { by: collector, at: "claimDeadObjects", run: () => collectOnce(collector.registry) },
      async () => {
        expect(await metadata.write("holdObjects", hold)).toEqual({ held: true });
        // As long ago as a transaction that the reaper's overtook.
        await metadata.write("giveUpObject", { key, wait: -10_000 });
      },
    );
    expect([reaped, listed]).toMatchObject([{ status: "fulfilled" }, { status: "fulfilled" }]);
    expect(await world.driver.findSize(key)).toBe(5);
    await metadata.write("releaseObjects", hold);
    await collectAll(collector.registry);
    expect(await world.driver.findSize(key)).toBeUndefined();
    await leaveWorld(world, other);
  });
});
