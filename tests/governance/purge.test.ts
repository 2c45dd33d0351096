import { expect } from "vitest";
import { authenticate } from "../../src/access/index.ts";
import type { Caller } from "../../src/access/index.ts";
import { parseTag } from "../../src/oci/index.ts";
import {
  changeSettings,
  deleteManifest,
  deleteRepository,
  deleteTag,
  restoreRepository,
  setHold,
  setTag,
} from "../../src/registry/index.ts";
import { describeEachDatabase } from "../support/each-database.ts";
import { caller, collectAll, digestOf, putManifest } from "../support/open-registry.ts";
import { basic, callerOf, grant, makeAccount, makeNamespace, makeToken, openGuarded } from "../support/open-rights.ts";
import { app, codeOf, digestOfText, first, long, second, UndoPlace } from "../support/undo-place.ts";

// What an owner purges is final at once: nothing of it can be undone, and collection takes its bytes without a window.

const v1 = parseTag("v1");
const purge = { purge: true };
const digestOfFirst = digestOf(Buffer.from(first));

await describeEachDatabase((it, prepare) => {
  let place: UndoPlace;
  prepare(async (rows) => void (place = await UndoPlace.open(rows)));

  it("a purged image leaves nothing, nor do its earlier deletions and what tags were at it", async () => {
    await putManifest(place.registry, app, first, "v1");
    await deleteManifest(place.registry, caller, app, digestOfFirst);
    await putManifest(place.registry, app, first, "v1");
    await setTag(place.registry, caller, app, parseTag("v2"), digestOfFirst, undefined);
    await deleteTag(place.registry, caller, app, parseTag("v2"));
    await putManifest(place.registry, app, second, "other");
    await deleteTag(place.registry, caller, app, parseTag("other"));
    expect(await place.undoable()).toHaveLength(3);
    await deleteManifest(place.registry, caller, app, digestOfFirst, purge);
    expect(
      (await place.undoable()).map(({ target }) => target),
      "of others",
    ).toEqual(["other"]);
    for (const table of ["undo_manifest", "undo_blob"]) expect([table, await place.count(table)]).toEqual([table, 0]);
    await collectAll(place.registry);
    expect(await place.hasBlob(long)).toBe("BLOB_UNKNOWN");
    const blobs = await place.database.sql("select digest from blob");
    expect(
      blobs.map(({ digest }) => digest),
      "what the other image needs",
    ).toEqual([digestOfText("layer")]);
    await place.leave();
  });

  it("a purged tag leaves no history, and its image goes where nothing else holds it", async () => {
    await putManifest(place.registry, app, second, "v1");
    await putManifest(place.registry, app, first, "v1");
    await deleteManifest(place.registry, caller, app, digestOf(Buffer.from(second)));
    await deleteTag(place.registry, caller, app, v1, purge);
    expect((await place.undoable()).map(({ kind, tags }) => [kind, tags])).toEqual([["manifest", []]]);
    await collectAll(place.registry);
    expect([await place.has(first), await place.hasBlob(long)]).toEqual(["MANIFEST_UNKNOWN", "BLOB_UNKNOWN"]);
    await place.leave();
  });

  it("a purged repository does not come back, and its bytes go at once", async () => {
    await putManifest(place.registry, app, first, "v1");
    await putManifest(place.registry, app, second, "v1");
    await deleteRepository(place.registry, caller, app, undefined, purge);
    expect(await codeOf(restoreRepository(place.registry, caller, app))).toBe("NOT_FOUND");
    await collectAll(place.registry);
    for (const table of ["manifest", "repository_blob", "blob", "undo"]) {
      expect([table, await place.count(table)]).toEqual([table, 0]);
    }
    for await (const entry of place.registry.store.driver.list()) expect(entry.key).toBeUndefined();
    await place.leave();
  });

  it("owners purge, nobody else; holds, workloads and rules refuse it like any delete; it is in the trail as a purge", async () => {
    const { metadata } = place.database;
    const team = await makeNamespace(metadata, "team");
    const guarded = { ...place.registry, access: (await openGuarded(metadata)).access };
    const person = async (name: string, role: "maintainer" | "owner", tags: readonly string[] | null = null) => {
      const account = await makeAccount(metadata, name);
      await grant(metadata, { account }, { namespace: team }, role, tags);
      const { secret } = await makeToken(metadata, account, null, 600_000);
      return callerOf(await authenticate(guarded.access, basic(name, secret)));
    };
    const mona = await person("mona", "maintainer");
    const olga = await person("olga", "owner");
    const tina = await person("tina", "owner", ["v*"]);
    await putManifest(place.registry, app, first, "v1");
    await setTag(place.registry, caller, app, parseTag("v2"), digestOfFirst, undefined);
    const ways: readonly ((by: Caller) => Promise<unknown>)[] = [
      (by) => deleteTag(guarded, by, app, v1, purge),
      (by) => deleteManifest(guarded, by, app, digestOfFirst, purge),
      (by) => deleteRepository(guarded, by, app, undefined, purge),
    ];
    for (const [index, way] of ways.entries()) {
      expect([index, await codeOf(way(mona)), await codeOf(way(tina))]).toEqual([index, "DENIED", "DENIED"]);
    }
    await setHold(place.registry, caller, app, { digest: undefined, reason: "court" });
    for (const [index, way] of ways.entries())
      expect([index, await codeOf(way(olga))], "held").toEqual([index, "DENIED"]);
    await place.database.sql("delete from hold");
    await place.database.sql(
      `insert into usage_report (namespace_id, source, digests, reported_by, reported_at, expires_at)
       values (${team}, 'cluster', 1, 'robot:x', 1, 99999999999999)`,
    );
    await place.database.sql(
      `insert into usage_digest (report_id, digest, repository, workload)
       select id, '${digestOfFirst}', '', 'pod web' from usage_report`,
    );
    for (const [index, way] of ways.slice(1).entries()) {
      expect([index, await codeOf(way(olga))], "in use").toEqual([index, "DENIED"]);
    }
    await place.database.sql("delete from usage_report");
    const rule = async (tagDelete: object | null) =>
      changeSettings(
        place.registry,
        caller,
        { repository: app },
        tagDelete === null
          ? { set: {}, unset: ["tagDelete"], enforce: [], relax: [] }
          : { set: { tagDelete: { rule: "refuse", except: [], by: null } }, unset: [], enforce: [], relax: [] },
        undefined,
      );
    await rule({});
    for (const [index, way] of ways.entries())
      expect([index, await codeOf(way(olga))], "rule").toEqual([index, "DENIED"]);
    await rule(null);
    expect(await place.at("v1"), "nothing of all that was done").toBe(digestOfText(first));
    for (const [index, way] of ways.entries()) expect([index, await codeOf(way(olga))]).toEqual([index, "done"]);
    const audit = await place.database.sql(
      "select principal, action, target from audit where action like 'purge-%' and decision = 'allowed' order by id",
    );
    expect(audit.map(({ principal, action, target }) => [principal, action, target])).toEqual([
      ["user:olga", "purge-tag", "v1"],
      ["user:olga", "purge-manifest", digestOfFirst],
      ["user:olga", "purge-repository", app],
    ]);
    guarded.access.version.close();
    await place.leave();
  });
});
