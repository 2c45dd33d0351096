import { afterAll, expect } from "vitest";
import { openPostgresWorld, openSqliteWorld } from "./actors.ts";
import type { Actor, World } from "./actors.ts";
import { check, collectAll } from "./open-registry.ts";
import { startPostgres } from "./postgres.ts";

/** The databases whose races are tested, for `describe.each`; the server that one needs is stopped after all tests. */
export async function listWorlds(): Promise<{ readonly name: string; readonly open: () => Promise<World> }[]> {
  const server = await startPostgres();
  afterAll(() => server?.stop());
  return [
    { name: "SQLite", open: openSqliteWorld },
    ...(server === undefined ? [] : [{ name: "PostgreSQL", open: () => openPostgresWorld(server) }]),
  ];
}

/** Three actors, as most races need. */
export async function openActors(world: World): Promise<[Actor, Actor, Actor]> {
  return [await world.actor(), await world.actor(), await world.actor()];
}

/** Collects what is left and closes the world: whatever happened, nothing dangles and nothing is left over. */
export async function leaveWorld(world: World, { registry }: Actor): Promise<void> {
  await collectAll(registry);
  expect(await check(registry)).toEqual({ numbers: [0, 0, 0, 0], problems: [] });
  expect(registry.alarms).toEqual([]);
  await world.close();
}
