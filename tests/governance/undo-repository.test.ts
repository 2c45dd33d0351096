import { expect } from "vitest";
import { authenticate } from "../../src/access/index.ts";
import type { Caller } from "../../src/access/index.ts";
import { parseRepositoryName, parseTag } from "../../src/oci/index.ts";
import {
  changeSettings,
  createRepository,
  deleteRepository,
  deleteTag,
  findBlob,
  inspectRepository,
  inspectSettings,
  listTags,
  listUndoBelow,
  purgeUndo,
  restoreRepository,
  setHold,
} from "../../src/registry/index.ts";
import type { Registry } from "../../src/registry/index.ts";
import { describeEachDatabase } from "../support/each-database.ts";
import {
  caller,
  check,
  collectAll,
  descriptorOf,
  digestOf,
  imageOf,
  indexOf,
  putManifest,
} from "../support/open-registry.ts";
import { basic, callerOf, grant, makeAccount, makeNamespace, makeToken, openGuarded } from "../support/open-rights.ts";
import { countedUsageOf, plainUsageOf, setQuota } from "../support/quota-world.ts";
import { app, codeOf, day, digestOfText, first, long, second, UndoPlace } from "../support/undo-place.ts";

// A deleted repository comes back as it was, under its name or another, until its window ends.

const other = parseRepositoryName("team/other");

await describeEachDatabase((it, prepare) => {
  let place: UndoPlace;
  prepare(async (rows) => void (place = await UndoPlace.open(rows)));

  const remove = (registry: Registry = place.registry, by = caller) => deleteRepository(registry, by, app, undefined);
  const back = (to = app, by = caller, registry: Registry = place.registry) => restoreRepository(registry, by, app, to);
  const deleted = async () => (await listUndoBelow(place.registry, caller, "team", undefined, 100)).map(({ id }) => id);

  /** Images, an index, a referrer, tags, and a tag that can be undone. */
  async function fill(): Promise<string> {
    await putManifest(place.registry, app, first, "v1");
    await putManifest(place.registry, app, second);
    const index = indexOf([first, second]);
    await putManifest(place.registry, app, index, "all");
    await putManifest(place.registry, app, imageOf(["layer"], { subject: descriptorOf(index) }));
    await putManifest(place.registry, app, second, "gone");
    await deleteTag(place.registry, caller, app, parseTag("gone"));
    return index;
  }

  /** All rows of it, but for numbers that the database gives. */
  async function rowsOf(name: string): Promise<unknown> {
    const of = `repository_id = (select id from repository where name = '${name}')`;
    const queries = [
      `select id, name, public, visibility, created_at, deleted_at, former_name from repository where name = '${name}'`,
      `select * from manifest where ${of} order by id`,
      `select * from tag where ${of} order by name`,
      `select * from repository_blob where ${of} order by blob_id`,
      `select * from referrer where ${of} order by digest`,
      `select key, value, changed_at from setting where ${of} order by key`,
      `select * from undo where ${of} order by id`,
      `select account_id, role, actions, tags, created_at, created_by from access_grant where ${of} order by id`,
    ];
    const rows: unknown[] = [];
    for (const query of queries) rows.push(await place.database.sql(query));
    return rows;
  }

  it("it comes back with all that it held, row for row, whatever was collected meanwhile", async () => {
    await makeNamespace(place.database.metadata, "team");
    const index = await fill();
    await changeSettings(
      place.registry,
      caller,
      { repository: app },
      { set: { description: "ours", visibility: "public" }, unset: [], enforce: [], relax: [] },
      undefined,
    );
    const account = await makeAccount(place.database.metadata, "wendy");
    const { id } = (await place.database.sql(`select id from repository where name = '${app}'`))[0]!;
    await grant(place.database.metadata, { account }, { repository: Number(id) }, "writer", ["ci-*"]);
    const before = await rowsOf(app);
    await remove();
    expect(await codeOf(inspectRepository(place.registry, caller, app))).toBe("NAME_UNKNOWN");
    await collectAll(place.registry);
    expect(await check(place.registry)).toEqual({ numbers: [0, 0, 0, 0], problems: [] });
    expect(await place.hasBlob(long), "answers as if it had never been").toBe("BLOB_UNKNOWN");
    await back();
    expect(await rowsOf(app)).toEqual(before);
    expect([await place.at("all"), await place.has(first)]).toEqual([digestOfText(index), "done"]);
    expect(await place.hasBlob(long)).toBe("done");
    await place.undo();
    expect(await place.at("gone"), "what could be undone in it can be still").toBe(digestOfText(second));
    expect(await codeOf(back()), "a second time").toBe("NOT_FOUND");
    await place.leave();
    expect((await listTags(place.registry, caller, app, "", 10)).items).toEqual(["all", "gone", "v1"]);
  });

  it("while its name is taken it comes back under another, and each of several by its number", async () => {
    await fill();
    await remove();
    await putManifestsAnew();
    await remove();
    const [latest, earlier] = await deleted();
    await createRepository(place.registry, caller, app, "inherit");
    const refused = await codeOf(back());
    expect(refused).toBe("CONFLICT");
    await expect(back()).rejects.toThrow("--as");
    await restoreRepository(place.registry, caller, app, other, earlier);
    expect((await listTags(place.registry, caller, other, "", 10)).items).toEqual(["all", "v1"]);
    expect(await deleted(), "what can be undone in it is below its new name").toContain(latest);
    expect(await codeOf(restoreRepository(place.registry, caller, app, other, latest)), "taken, too").toBe("CONFLICT");
    expect(await codeOf(restoreRepository(place.registry, caller, other, other, latest)), "not its name").toBe(
      "NOT_FOUND",
    );
    await deleteRepository(place.registry, caller, app, undefined, { purge: true });
    await back();
    expect((await listTags(place.registry, caller, app, "", 10)).items).toEqual(["new"]);
    await place.leave();
    expect((await listTags(place.registry, caller, other, "", 10)).items).toEqual(["all", "v1"]);
  });

  async function putManifestsAnew(): Promise<void> {
    const empty = indexOf([]);
    await createRepository(place.registry, caller, app, "inherit");
    await putManifest(place.registry, app, empty, "new");
  }

  it("when its window ends it goes for good, and with a window of 0 at once", async () => {
    await fill();
    await remove();
    await collectAll(place.registry);
    expect(await place.count("manifest")).toBe(4);
    await place.database.sql("update undo set until_at = 1 where kind = 'repository'");
    expect(await codeOf(back())).toBe("NOT_FOUND");
    await collectAll(place.registry);
    expect(await codeOf(back())).toBe("NOT_FOUND");
    for (const table of ["manifest", "repository_blob", "blob", "undo", "undo_grant"]) {
      expect([table, await place.count(table)]).toEqual([table, 0]);
    }
    await createRepository(place.registry, caller, app, "inherit");
    const change = { set: { undoWindow: "0s" }, unset: [], enforce: [], relax: [] };
    await changeSettings(place.registry, caller, { repository: app }, change, undefined);
    await remove();
    expect(await codeOf(back())).toBe("NOT_FOUND");
    await place.leave();
  });

  it("rules for tags, places and quotas of the moment hold, and a refusal leaves it where it was", async () => {
    await makeNamespace(place.database.metadata, "team");
    await makeNamespace(place.database.metadata, "strict");
    const set = (at: Parameters<typeof changeSettings>[2], values: Parameters<typeof changeSettings>[3]["set"]) =>
      changeSettings(place.registry, caller, at, { set: values, unset: [], enforce: [], relax: [] }, undefined);
    await fill();
    await remove();
    await set({ namespace: "strict" }, { tagFormat: { semver: false, regex: ["release-.*"], except: [] } });
    const strict = parseRepositoryName("strict/app");
    expect(await codeOf(back(strict))).toBe("DENIED");
    await setQuota(place.registry, "team", { quotaImages: 0 });
    expect(await codeOf(back()), "its images do not fit").toBe("DENIED");
    await setQuota(place.registry, "team", { quotaImages: 1, quotaRepositories: 1, quotaStorage: 1_000_000 });
    await back();
    const counted = await countedUsageOf(place.registry, "team");
    expect(counted).toMatchObject({ images: 1, repositories: 1 });
    expect(counted).toEqual(await plainUsageOf(place.registry, "team"));
    await setHold(place.registry, caller, app, { digest: undefined, reason: "court" });
    expect(await codeOf(remove()), "held as ever").toBe("DENIED");
    await place.database.sql("delete from hold");
    await place.leave();
  });

  it("who has rights on the namespace brings it back; grants on another of its name do not count", async () => {
    const team = await makeNamespace(place.database.metadata, "team");
    const guarded = { ...place.registry, access: (await openGuarded(place.database.metadata)).access };
    const person = async (name: string): Promise<{ caller: Caller; account: number }> => {
      const account = await makeAccount(place.database.metadata, name);
      const { secret } = await makeToken(place.database.metadata, account, null, 600_000);
      return { account, caller: callerOf(await authenticate(guarded.access, basic(name, secret))) };
    };
    const [mona, wendy, nora] = [await person("mona"), await person("wendy"), await person("nora")];
    await grant(place.database.metadata, { account: mona.account }, { namespace: team }, "maintainer");
    await grant(place.database.metadata, { account: wendy.account }, { namespace: team }, "writer");
    await fill();
    const idOf = async () =>
      Number((await place.database.sql(`select id from repository where name = '${app}'`))[0]!["id"]);
    const former = await idOf();
    await grant(place.database.metadata, { account: nora.account }, { repository: former }, "owner");
    const scope = [{ repository: { id: former, name: app }, actions: ["pull" as const] }];
    const narrow = await makeToken(place.database.metadata, mona.account, scope, 600_000);
    const narrowed = async () => callerOf(await authenticate(guarded.access, basic("mona", narrow.secret)));
    const sees = async (by: Caller) => codeOf((async () => findBlob(guarded, by, app, digestOf(Buffer.from(long))))());
    expect([await sees(nora.caller), await sees(await narrowed())]).toEqual(["done", "done"]);

    await remove(guarded, mona.caller);
    await createRepository(guarded, mona.caller, app, "inherit");
    await grant(place.database.metadata, { account: nora.account }, { repository: await idOf() }, "owner");
    const [entry] = await deleted();
    expect(await codeOf(back(other, nora.caller, guarded)), "an owner of the next of its name").toBe("DENIED");
    expect((await listUndoBelow(guarded, nora.caller, "team", undefined, 100)).map(({ kind }) => kind)).toEqual([]);
    expect(await codeOf(purgeUndo(guarded, nora.caller, app, entry!)), "it is not there for her").toBe("NOT_FOUND");
    expect(await sees(await narrowed()), "a token for the former one").toBe("DENIED");
    expect(await codeOf(back(other, wendy.caller, guarded))).toBe("DENIED");
    await deleteRepository(guarded, mona.caller, app, undefined);
    expect(await codeOf(restoreRepository(guarded, nora.caller, app)), "nor one whose grants went with it").toBe(
      "DENIED",
    );

    await restoreRepository(guarded, mona.caller, app, app, entry);
    expect([await idOf(), await sees(nora.caller), await sees(await narrowed())]).toEqual([former, "done", "done"]);
    const audit = await place.database.sql(
      "select principal, action from audit where action in ('undo', 'restore-repository')",
    );
    expect(audit.map(({ principal, action }) => [principal, action])).toEqual([
      ["user:mona", "undo"],
      ["user:mona", "restore-repository"],
    ]);
    const events = await place.database.sql("select type, payload from event where type = 'undo.applied'");
    expect(JSON.parse(events[0]!["payload"] as string)).toMatchObject({ kind: "repository", to: app, grants: 1 });
    guarded.access.version.close();
    await place.leave();
  });

  it("what was granted on it ends with those who are gone", async () => {
    await fill();
    const { id } = (await place.database.sql(`select id from repository where name = '${app}'`))[0]!;
    const account = await makeAccount(place.database.metadata, "gone");
    await grant(place.database.metadata, { account }, { repository: Number(id) }, "owner");
    await remove();
    await place.database.sql("delete from account where name = 'gone'");
    await back();
    expect(await place.count("access_grant")).toBe(0);
    await place.leave();
  });

  it("of two who bring it back at once one does, and so of one who purges it", async () => {
    await fill();
    await remove();
    const both = await Promise.all([codeOf(back()), codeOf(back(other))]);
    expect(new Set(both)).toEqual(new Set(["done", "NOT_FOUND"]));
    const name = both[0] === "done" ? app : other;
    await deleteRepository(place.registry, caller, name, undefined);
    const [entry] = await deleted();
    const race = await Promise.all([
      codeOf(purgeUndo(place.registry, caller, name, entry!)),
      codeOf(restoreRepository(place.registry, caller, name)),
    ]);
    expect(new Set(race)).toEqual(new Set(["done", "NOT_FOUND"]));
    await place.leave();
  });

  it("the setting of its own says for how long", async () => {
    await fill();
    const change = { set: { undoWindow: "30d" }, unset: [], enforce: [], relax: [] };
    await changeSettings(place.registry, caller, { repository: app }, change, undefined);
    await remove();
    const [entry] = await listUndoBelow(place.registry, caller, "team", undefined, 100);
    expect([entry!.kind, entry!.repository, entry!.until - entry!.at]).toEqual(["repository", app, 30 * day]);
    await back();
    const { settings } = await inspectSettings(place.registry, caller, { repository: app });
    expect(settings.find(({ key }) => key === "undoWindow")).toMatchObject({ value: "30d" });
    await place.leave();
  });
});
