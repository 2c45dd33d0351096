import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { listTombstones } from "../../src/metadata/index.ts";
import { parseRepositoryName, parseTag, RegistryError } from "../../src/oci/index.ts";
import { collectGarbage, deleteRepository, deleteTag, listTags, restoreRepository } from "../../src/registry/index.ts";
import type { Actor, World } from "../support/actors.ts";
import { caller, indexOf, putManifest } from "../support/open-registry.ts";
import { leaveWorld, listWorlds } from "../support/worlds.ts";

// A deleted repository comes back whole or not at all, whoever empties it at the same time.

const name = parseRepositoryName("team/a");
/** Long enough for what must happen before it ends, however busy the machine is. */
const undoWindow = 10_000;

describe.each(await listWorlds())("on $name", { timeout: 240_000 }, ({ open }) => {
  let world: World;
  let first: Actor;
  let second: Actor;

  beforeEach(async () => {
    world = await open();
    first = await world.actor({ undoWindow });
    second = await world.actor({ undoWindow });
  });

  afterEach(async () => {
    await sleep(undoWindow);
    await leaveWorld(world, second);
  });

  const codeOf = (work: Promise<unknown>) =>
    work.then(
      () => "done",
      (error: unknown) => (error instanceof RegistryError ? error.code : String(error)),
    );

  test("who comes in time, and has to wait until it is being emptied, finds that it is too late", async () => {
    for (const tag of ["v1", "v2", "v3"]) {
      await putManifest(first.registry, name, indexOf([], { annotations: { tag } }), tag);
    }
    for (const tag of ["v1", "v2"]) await deleteTag(first.registry, caller, name, parseTag(tag));
    await deleteRepository(first.registry, caller, name, undefined);
    const { metadata } = second.registry;
    const tombstones = { afterTime: -1, afterId: 0, now: Number.MAX_SAFE_INTEGER, limit: 1 };
    const [tombstone] = await metadata.read.all(listTombstones, tombstones);
    const empty = () => metadata.write("emptyRepository", { repository: tombstone!.id, limit: 1 });
    expect((await empty()).state, "before its window ends").toBe("busy");

    const held = first.holdAt("takeTombstone");
    // SQLite lets one write after the other: there the emptying comes first.
    const early = world.kind === "sqlite" ? undefined : codeOf(restoreRepository(first.registry, caller, name));
    await Promise.race([held, early]);
    await sleep(undoWindow);
    expect((await empty()).state, "a part is out").toBe("more");
    first.letGo();
    expect(await (early ?? codeOf(restoreRepository(first.registry, caller, name)))).toBe("NOT_FOUND");
    expect(await codeOf((async () => listTags(second.registry, caller, name, "", 10))())).toBe("NAME_UNKNOWN");
    const options = { clock: undefined, checkMark: true, sweepEvery: 0, signal: new AbortController().signal };
    await collectGarbage(second.registry, options);
  });
});
