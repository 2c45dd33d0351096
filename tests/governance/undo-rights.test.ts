import { expect } from "vitest";
import { authenticate } from "../../src/access/index.ts";
import type { Access, Caller } from "../../src/access/index.ts";
import { deleteRepository, listUndoBelow, purgeUndo, restoreRepository } from "../../src/registry/index.ts";
import type { Registry } from "../../src/registry/index.ts";
import { describeEachDatabase } from "../support/each-database.ts";
import { caller } from "../support/open-registry.ts";
import {
  basic,
  callerOf,
  grant,
  makeAccount,
  makeNamespace,
  makeRobot,
  makeToken,
  openGuarded,
} from "../support/open-rights.ts";
import { app, codeOf, UndoPlace } from "../support/undo-place.ts";

// A deleted repository that comes back gives nobody rights that were taken away, or that nobody gave, while it was gone.

await describeEachDatabase((it, prepare) => {
  let place: UndoPlace;
  let guarded: Registry & { readonly access: Access };
  prepare(async (rows) => {
    place = await UndoPlace.open(rows);
    guarded = { ...place.registry, access: (await openGuarded(rows.database.metadata)).access };
  });

  const leave = async () => {
    guarded.access.version.close();
    await place.leave();
  };
  const person = async (name: string): Promise<{ caller: Caller; account: number }> => {
    const account = await makeAccount(place.database.metadata, name);
    const { secret } = await makeToken(place.database.metadata, account, null, 600_000);
    return { account, caller: callerOf(await authenticate(guarded.access, basic(name, secret))) };
  };
  const idOf = async (): Promise<number> =>
    Number((await place.database.sql(`select id from repository where name = '${app}'`))[0]!["id"]);
  const seenBy = async (by: Caller) =>
    (await listUndoBelow(guarded, by, "team", undefined, 100)).map(({ repository }) => repository);
  const remove = () => deleteRepository(place.registry, caller, app, undefined);
  const back = (by: Caller) => codeOf(restoreRepository(guarded, by, app));

  it("whoever gets a namespace of the same name gets nothing that was deleted in the former one", async () => {
    const { metadata } = place.database;
    const [admin, former, next] = [await person("admin"), await person("former"), await person("next")];
    const root = Number((await place.database.sql("select id from namespace where path = ''"))[0]!["id"]);
    await grant(metadata, { account: admin.account }, { namespace: root }, "owner");
    const team = await makeNamespace(metadata, "team");
    await grant(metadata, { account: former.account }, { namespace: team }, "owner");
    await remove();
    expect(await seenBy(former.caller)).toEqual([app]);
    await metadata.write("deleteNamespace", { caller: former.caller, path: "team", versions: undefined });

    const anew = await makeNamespace(metadata, "team");
    await grant(metadata, { account: next.account }, { namespace: anew }, "owner");
    expect(await seenBy(next.caller), "whose it never was").toEqual([]);
    const [entry] = await listUndoBelow(guarded, admin.caller, "team", undefined, 100);
    expect(await back(next.caller)).toBe("NOT_FOUND");
    expect(await codeOf(purgeUndo(guarded, next.caller, app, entry!.id))).toMatch(/NAME_UNKNOWN|NOT_FOUND/);
    expect(await back(admin.caller), "by what is granted further up").toBe("done");
    await leave();
  });

  it("a trust rule to which other rights were given does not get the former ones back", async () => {
    const { metadata } = place.database;
    await makeNamespace(metadata, "team");
    const rule = {
      ...{ name: "ci", description: null, namespace: "team", disabled: false },
      ...{ issuer: "https://ci.example", audience: "berth", conditions: [{ claim: ["sub"], equals: "job" }] },
    };
    const pushes = { on: { repository: app }, role: "writer" as const, actions: [], tags: null };
    await metadata.write("createTrustRule", { caller, ...rule, grants: [pushes] });
    await remove();
    const pulls = { on: { namespace: "team" }, role: "reader" as const, actions: [], tags: null };
    await metadata.write("updateTrustRule", { caller, rule: "ci", versions: undefined, grants: [pulls] });
    expect(await back(caller)).toBe("done");
    const grants = await place.database.sql("select role from access_grant where trust_id is not null");
    expect(grants.map(({ role }) => role)).toEqual(["reader"]);
    await leave();
  });

  it("nobody gets at a robot's secret before it has its rights back", async () => {
    const { metadata } = place.database;
    const [owner, keeper] = [await person("owner"), await person("keeper")];
    const team = await makeNamespace(metadata, "team");
    await grant(metadata, { account: owner.account }, { namespace: team }, "owner");
    await grant(metadata, { account: keeper.account }, { namespace: team }, ["manage-robots"]);
    const robot = await makeRobot(metadata, team, "bot", { account: owner.account });
    await grant(metadata, { robot: robot.id }, { repository: await idOf() }, "writer");
    const rotate = (by: Caller) =>
      codeOf(
        metadata.write("rotateRobot", {
          ...{ caller: by, path: "team", robot: "bot", hash: `hash-${Math.random()}` },
          ...{ age: 60_000, overlap: 60_000, once: undefined },
        }),
      );
    expect(await rotate(keeper.caller)).toBe("DENIED");
    await remove();
    expect(await rotate(keeper.caller), "it can have them again").toBe("DENIED");
    expect(await rotate(owner.caller)).toBe("done");
    await leave();
  });
});
