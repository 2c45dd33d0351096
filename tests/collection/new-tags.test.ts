import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseReference, parseRepositoryName } from "../../src/oci/index.ts";
import { pullManifest } from "../../src/registry/index.ts";
import type { Actor, World } from "../support/actors.ts";
import { caller, collectAll, digestOf, imageOf, putBlob, putManifest } from "../support/open-registry.ts";
import { leaveWorld, listWorlds, openActors } from "../support/worlds.ts";

const long = "a layer that is too long to live in its row ".repeat(5);
const a = parseRepositoryName("team/a");

describe.each(await listWorlds())("on $name", { timeout: 240_000 }, ({ open }) => {
  let world: World;
  let pusher: Actor;
  let collector: Actor;
  let other: Actor;

  beforeEach(async () => {
    world = await open();
    [pusher, collector, other] = await openActors(world);
  });

  afterEach(() => leaveWorld(world, other));

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
