import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseReference, parseRepositoryName } from "../../src/oci/index.ts";
import { pullManifest } from "../../src/registry/index.ts";
import { openPostgresWorld, openSqliteWorld } from "../support/actors.ts";
import type { Actor, World } from "../support/actors.ts";
import { caller, check, collectAll, digestOf, imageOf, putBlob, putManifest } from "../support/open-registry.ts";
import { startPostgres } from "../support/postgres.ts";

const long = "a layer that is too long to live in its row ".repeat(5);
const a = parseRepositoryName("team/a");

const server = await startPostgres();
afterAll(() => server?.stop());

const worlds = [
  { name: "SQLite", open: openSqliteWorld },
  ...(server === undefined ? [] : [{ name: "PostgreSQL", open: () => openPostgresWorld(server) }]),
];

describe.each(worlds)("on $name", { timeout: 60_000 }, ({ open }) => {
  let world: World;
  let pusher: Actor;
  let collector: Actor;
  let other: Actor;

  beforeEach(async () => {
    world = await open();
    [pusher, collector, other] = [await world.actor(), await world.actor(), await world.actor()];
  });

  afterEach(async () => {
    await collectAll(other.registry);
    expect(await check(other.registry)).toEqual({ numbers: [0, 0, 0, 0], problems: [] });
    await world.close();
  });

  test("new-tag: of two pushes that make one tag, the later moves it and the former manifest goes", async () => {
    const [one, two] = [imageOf([long]), imageOf([long], { annotations: { which: "two" } })];
    await putBlob(pusher.registry, "team/a", long);
    const first = { by: pusher, at: "insertAudit", run: () => putManifest(pusher.registry, "team/a", one, "t") };
    const second = () => putManifest(other.registry, "team/a", two, "t");
    const ends = await world.race(first, second);
    expect(ends.map((end) => end.status)).toEqual(["fulfilled", "fulfilled"]);
    const found = Buffer.from((await pullManifest(other.registry, caller, a, parseReference("t"))).bytes).toString();
    const lost = found === one ? two : one;
    await collectAll(collector.registry);
    const gone = async () => pullManifest(other.registry, caller, a, parseReference(digestOf(Buffer.from(lost))));
    await expect(gone()).rejects.toMatchObject({ code: "MANIFEST_UNKNOWN" });
  });
});
