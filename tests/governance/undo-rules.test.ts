import { expect } from "vitest";
import { authenticate, readLatest } from "../../src/access/index.ts";
import type { Caller } from "../../src/access/index.ts";
import { parseRepositoryName, parseTag } from "../../src/oci/index.ts";
import {
  applyUndo,
  changeSettings,
  deleteManifest,
  deleteTag,
  inspectSettings,
  listUndo,
  purgeUndo,
} from "../../src/registry/index.ts";
import { describeEachDatabase } from "../support/each-database.ts";
import { caller, collectAll, digestOf, permit, putBlob, putManifest, windowOf } from "../support/open-registry.ts";
import { app, codeOf, day, digestOfText, first, latest, second, UndoPlace } from "../support/undo-place.ts";
import { basic, callerOf, grant, makeAccount, makeNamespace, makeToken, openGuarded } from "../support/open-rights.ts";

// For how long, by which rules, and by whom something is undone.

const v1 = parseTag("v1");

await describeEachDatabase((it, prepare) => {
  let place: UndoPlace;
  prepare(async (rows) => void (place = await UndoPlace.open(rows)));

  it("with a window of 0 nothing is kept but what was promised before, which stays undoable", async () => {
    await putManifest(place.registry, "team/app", first, "v1");
    await putManifest(place.registry, "team/app", second, "v1");
    const change = { set: { undoWindow: "0s" }, unset: [], enforce: [], relax: [] };
    await changeSettings(place.registry, caller, { repository: app }, change, undefined);
    await putManifest(place.registry, "team/app", first, "v1");
    await deleteManifest(place.registry, caller, app, digestOf(Buffer.from(first)));
    const [deleted, moved, ...more] = await place.undoable();
    expect([deleted, moved, more]).toMatchObject([
      { kind: "manifest", digest: digestOfText(first), until: moved!.until },
      { kind: "tag", digest: digestOfText(first) },
      [],
    ]);
    await collectAll(place.registry);
    expect(await place.has(second), "no window was left for it").toBe("MANIFEST_UNKNOWN");
    await place.undo(moved!.id);
    expect(await place.at()).toBe(digestOfText(first));
    await place.leave();
  });

  it("the window is inherited, and a namespace may enforce that it is no shorter", async () => {
    await makeNamespace(place.database.metadata, "team");
    const windowOf = async () =>
      (await inspectSettings(place.registry, caller, { repository: app })).settings.find(
        ({ key }) => key === "undoWindow",
      );
    expect(await windowOf()).toMatchObject({ value: "7d", from: "undo.window of the server" });
    const change = (at: Parameters<typeof changeSettings>[2], undoWindow: string, enforce: "undoWindow"[] = []) =>
      changeSettings(place.registry, caller, at, { set: { undoWindow }, unset: [], enforce, relax: [] }, undefined);
    await change({ namespace: "team" }, "30d", ["undoWindow"]);
    expect(await windowOf()).toMatchObject({ value: "30d", from: "namespace team" });
    expect(await codeOf(change({ repository: app }, "29d"))).toBe("DENIED");
    await change({ repository: app }, "60d");
    await putManifest(place.registry, "team/app", first, "v1");
    await deleteTag(place.registry, caller, app, v1);
    const [entry] = await place.undoable();
    expect(entry!.until - entry!.at).toBe(60 * day);
    await place.leave();
  });

  it("undo obeys the rules for tags of the moment", async () => {
    await putManifest(place.registry, "team/app", first, "v1");
    await putManifest(place.registry, "team/app", second, "v1");
    await deleteTag(place.registry, caller, app, v1);
    const rule = (set: Parameters<typeof changeSettings>[3]["set"]) =>
      changeSettings(
        place.registry,
        caller,
        { repository: app },
        { set, unset: [], enforce: [], relax: [] },
        undefined,
      );
    const [deleted, moved] = await place.undoable();
    await place.undo(deleted!.id);
    await rule({ tagOverwrite: { rule: "refuse", except: [], by: null } });
    expect(await codeOf(place.undo(moved!.id))).toBe("DENIED");
    expect(await place.at()).toBe(digestOfText(second));
    await deleteManifest(place.registry, caller, app, digestOf(Buffer.from(second)));
    await rule({ tagFormat: { semver: false, regex: ["release-.*"], except: [] } });
    const { left, tags } = await place.undo();
    expect([tags, left.map(({ tag }) => tag)]).toEqual([[], ["v1"]]);
    expect([await place.at(), await place.has(second)]).toEqual([undefined, "done"]);
    expect(await codeOf(place.undo()), "the tag by itself").toBe("DENIED");
    await place.leave();
  });

  it("a lifecycle run is named with its reason", async () => {
    await putManifest(place.registry, "team/app", first, "v1");
    const context = { repository: "team/app", permit, pin: 0, undoWindow: windowOf(day) };
    const by = { ...permit.by, reason: "older than 30 days" };
    await place.database.metadata.write("deleteManifest", {
      ...context,
      digest: digestOfText(first),
      run: 7,
      permit: { ...permit, by },
    });
    expect(await place.undoable()).toMatchObject([{ kind: "manifest", run: 7, reason: "older than 30 days" }]);
    await place.undo();
    await place.leave();
  });

  it("an owner makes a delete final, nobody else does; a held repository keeps it", async () => {
    const team = await makeNamespace(place.database.metadata, "team");
    const guarded = { ...place.registry, access: (await openGuarded(place.database.metadata)).access };
    const people: Record<string, Caller> = {};
    for (const role of ["maintainer", "owner"] as const) {
      const account = await makeAccount(place.database.metadata, role);
      await grant(place.database.metadata, { account }, { namespace: team }, role);
      const { secret } = await makeToken(place.database.metadata, account, null, 600_000);
      people[role] = callerOf(await authenticate(guarded.access, basic(role, secret)));
    }
    await putManifest(place.registry, "team/app", first, "v1");
    await deleteManifest(place.registry, caller, app, digestOf(Buffer.from(first)));
    const { id } = (await place.undoable())[0]!;
    expect(await codeOf(purgeUndo(guarded, people["maintainer"]!, app, id))).toBe("DENIED");
    await place.database.sql(
      `insert into hold (repository_id, reason, set_by, set_at) select id, 'x', 'user:x', 1 from repository`,
    );
    expect(await codeOf(purgeUndo(guarded, people["owner"]!, app, id)), "held").toBe("DENIED");
    await place.database.sql("delete from hold");
    await purgeUndo(guarded, people["owner"]!, app, id);
    expect(await place.undoable()).toEqual([]);
    expect(await place.count("undo")).toBe(0);
    await collectAll(place.registry);
    expect(await place.count("blob"), "nothing is kept").toBe(0);
    expect(await codeOf(purgeUndo(guarded, people["owner"]!, app, id))).toBe("NOT_FOUND");
    const rows = await Array.fromAsync(readLatest(place.database.metadata.read, { action: "purge-undo" }));
    expect(rows.map(({ principal, decision }) => [principal, decision])).toContainEqual(["user:owner", "allowed"]);
    guarded.access.version.close();
    await place.leave();
  });

  it("who may delete may undo, within the tags of the grant; others are refused; all of it is in the trail", async () => {
    const team = await makeNamespace(place.database.metadata, "team");
    const guarded = { ...place.registry, access: (await openGuarded(place.database.metadata)).access };
    const people: Record<string, Caller> = {};
    for (const [name, role, tags] of [
      ["wendy", "writer", null],
      ["mona", "maintainer", null],
      ["cid", "maintainer", ["ci-*"]],
    ] as const) {
      const account = await makeAccount(place.database.metadata, name);
      await grant(place.database.metadata, { account }, { namespace: team }, role, tags);
      const { secret } = await makeToken(place.database.metadata, account, null, 600_000);
      people[name] = callerOf(await authenticate(guarded.access, basic(name, secret)));
    }
    await putManifest(place.registry, "team/app", first, "v1");
    await putManifest(place.registry, "team/app", second, "v1");
    const { id } = (await place.undoable())[0]!;
    const tried = (name: string) => codeOf(applyUndo(guarded, people[name]!, app, id));
    expect(await codeOf(listUndo(guarded, people["wendy"]!, app, latest, 10))).toBe("DENIED");
    expect([await tried("wendy"), await tried("cid"), await tried("mona")]).toEqual(["DENIED", "DENIED", "done"]);
    const other = parseRepositoryName("team/other");
    await putBlob(place.registry, other, "layer");
    await putManifest(place.registry, other, second, "v1");
    const foreign = (await place.undoable())[0]!;
    expect(await codeOf(applyUndo(guarded, people["mona"]!, other, foreign.id)), "of another repository").toBe(
      "NOT_FOUND",
    );
    const rows = await Array.fromAsync(readLatest(place.database.metadata.read, { action: "undo" }));
    expect(rows.map(({ principal, target, decision }) => [principal, target, decision])).toContainEqual([
      "user:mona",
      "v1",
      "allowed",
    ]);
    const events = await place.database.sql("select payload from event where type = 'undo.applied'");
    expect(events.map(({ payload }) => JSON.parse(payload as string) as object)).toMatchObject([
      { target: "v1", principal: "user:mona", kind: "tag", digest: digestOfText(first) },
    ]);
    guarded.access.version.close();
    await place.leave();
  });
});
