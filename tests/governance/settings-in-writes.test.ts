import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { findRepository, lockRepository } from "../../src/metadata/index.ts";
import type { Transaction } from "../../src/metadata/index.ts";
import { parseRepositoryName } from "../../src/oci/index.ts";
import { changeSettings, createRepository, registryWrites } from "../../src/registry/index.ts";
import type { Registry } from "../../src/registry/index.ts";
import { settingsWithin } from "../../src/registry/read-settings.ts";
import { openPostgresWorld, openSqliteWorld } from "../support/actors.ts";
import type { Actor, World } from "../support/actors.ts";
import { caller } from "../support/open-registry.ts";
import { startPostgres } from "../support/postgres.ts";

/*
 * What a transaction finds settings to be: remembered by its process, never older than what was committed before it, and the
 * same to its end.
 */

const server = await startPostgres();
afterAll(() => server?.stop());

const app = parseRepositoryName("team/app");
const noChange = { set: {}, unset: [], enforce: [], relax: [] };

/** A write that looks, as each does that decides by settings. */
async function look(tx: Transaction, { name }: { readonly name: string }): Promise<string> {
  const found = await tx.first(lockRepository, { name });
  const { description } = await settingsWithin(tx, { id: found!.id, name });
  await tx.first(findRepository, { name });
  return description.value;
}
const writes = { ...registryWrites, look };

const worlds = [
  { name: "SQLite", open: () => openSqliteWorld(writes) },
  ...(server === undefined ? [] : [{ name: "PostgreSQL", open: () => openPostgresWorld(server, writes) }]),
];

describe.each(worlds)("on $name", ({ open }) => {
  let world: World;
  let one: Actor;
  let other: Actor;
  beforeEach(async () => {
    world = await open();
    [one, other] = [await world.actor(), await world.actor()];
    await createRepository(one.registry, caller, app, "inherit");
  });
  afterEach(() => world.close());

  const see = ({ registry }: Actor, name: string = app) =>
    (registry as unknown as { metadata: { write(name: string, input: object): Promise<string> } }).metadata.write(
      "look",
      {
        name,
      },
    );
  const describeIt = ({ registry }: { readonly registry: Registry }, at: object, description: string) =>
    changeSettings(registry, caller, at as { namespace: string }, { ...noChange, set: { description } }, undefined);

  test("the next transaction after a change sees it, in every process", async () => {
    expect([await see(one), await see(other)]).toEqual(["", ""]);
    await describeIt(one, { namespace: "" }, "all");
    expect([await see(one), await see(other)]).toEqual(["all", "all"]);
    await describeIt(other, { repository: app }, "mine");
    expect([await see(one), await see(other)]).toEqual(["mine", "mine"]);
    await changeSettings(one.registry, caller, { repository: app }, { ...noChange, unset: ["description"] }, undefined);
    expect([await see(one), await see(other)]).toEqual(["all", "all"]);
  });

  test("what did not change is not read again", async () => {
    await see(one);
    const before = one.ran("listSettings");
    for (let time = 0; time < 3; time++) await see(one);
    expect(one.ran("listSettings")).toBe(before);
  });

  test("a change waits for the transactions that have looked; those that begin while it runs wait for it", async () => {
    // Held after it has looked, before its end.
    const held = one.holdAt("findRepository");
    const seen = see(one);
    if (world.kind === "postgres") await held;
    let changed = false;
    const change = describeIt(other, { namespace: "" }, "later").finally(() => (changed = true));
    await world.comeToRest(change);
    const early = changed;
    one.letGo();
    expect(await seen).toBe("");
    await change;
    if (world.kind === "postgres") expect(early, "it was made before the other's end").toBe(false);
    const [, sees] = await world.race(
      { by: other, at: "insertAudit", run: async () => describeIt(other, { namespace: "" }, "last") },
      () => see(one),
    );
    expect(sees).toEqual({ status: "fulfilled", value: "last" });
  });
});
