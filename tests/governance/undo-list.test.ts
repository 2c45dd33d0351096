import { expect } from "vitest";
import { authenticate } from "../../src/access/index.ts";
import type { Caller } from "../../src/access/index.ts";
import { parseRepositoryName, parseTag } from "../../src/oci/index.ts";
import { deleteRepository, deleteTag, listUndoBelow } from "../../src/registry/index.ts";
import type { UndoEntry, UndoPlace as Cursor } from "../../src/registry/index.ts";
import { describeEachDatabase } from "../support/each-database.ts";
import { caller, indexOf, putManifest } from "../support/open-registry.ts";
import { basic, callerOf, grant, makeAccount, makeNamespace, makeToken, openGuarded } from "../support/open-rights.ts";
import { UndoPlace } from "../support/undo-place.ts";

// What can be undone below a namespace: page by page, and only what the caller may undo.

const empty = indexOf([]);

await describeEachDatabase((it, prepare) => {
  let place: UndoPlace;
  prepare(async (rows) => void (place = await UndoPlace.open(rows)));

  /** Makes and deletes a tag. */
  async function deleteTagIn(name: string, tag: string): Promise<void> {
    await putManifest(place.registry, name, empty, tag);
    await deleteTag(place.registry, caller, parseRepositoryName(name), parseTag(tag));
  }

  const shown = (entries: readonly UndoEntry[]) =>
    entries.map(({ repository, kind, target }) => `${repository} ${kind === "repository" ? kind : target}`);

  async function fill(): Promise<void> {
    for (const name of ["a/one", "a/two", "a/sub/three", "ab/four", "b/five"]) {
      for (const tag of ["v1", "v2"]) await deleteTagIn(name, tag);
    }
    const two = parseRepositoryName("a/two");
    await deleteRepository(place.registry, caller, two, undefined);
    await deleteTagIn("a/two", "v3");
    await deleteRepository(place.registry, caller, two, undefined);
    await deleteTagIn("a/two", "v4");
    await deleteRepository(place.registry, caller, parseRepositoryName("b/five"), undefined);
  }

  const below = ["a/one v2", "a/one v1", "a/sub/three v2", "a/sub/three v1"];
  const ofTwo = ["a/two v4", "a/two repository", "a/two repository"];

  it("it lists all below the namespace, by repository and the latest first, in pages of any size", async () => {
    await fill();
    expect(shown(await listUndoBelow(place.registry, caller, "a", undefined, 100))).toEqual([...below, ...ofTwo]);
    expect(shown(await listUndoBelow(place.registry, caller, "", undefined, 100))).toEqual([
      ...[...below, ...ofTwo],
      ...["ab/four v2", "ab/four v1", "b/five repository"],
    ]);
    for (const limit of [1, 2, 3]) {
      const all: UndoEntry[] = [];
      for (let after: Cursor | undefined; ;) {
        const page = await listUndoBelow(place.registry, caller, "", after, limit);
        expect(page.length).toBeLessThanOrEqual(limit);
        all.push(...page);
        const last = page.at(-1);
        if (last === undefined) break;
        after = { repository: last.repository, before: last.id };
      }
      expect(shown(all), `pages of ${limit}`).toEqual([
        ...[...below, ...ofTwo],
        ...["ab/four v2", "ab/four v1", "b/five repository"],
      ]);
    }
    await place.database.sql("update undo set until_at = 1 where kind = 'repository'");
    expect(shown(await listUndoBelow(place.registry, caller, "b", undefined, 100))).toEqual([]);
    await place.leave();
  });

  it("of thousands of repositories it finds the few in which something can be undone", async () => {
    for (const name of ["a/first", "z/last"]) await deleteTagIn(name, "v1");
    const names = Array.from({ length: 2_500 }, (_, n) => `('m/${String(n).padStart(5, "0")}', 1)`);
    await place.database.sql(`insert into repository (name, created_at) values ${names.join()}`);
    await deleteTagIn("m/01234", "v1");
    const found = ["a/first v1", "m/01234 v1", "z/last v1"];
    expect(shown(await listUndoBelow(place.registry, caller, "", undefined, 100))).toEqual(found);
    expect(shown(await listUndoBelow(place.registry, caller, "", undefined, 2))).toEqual(found.slice(0, 2));
    const [, second] = await listUndoBelow(place.registry, caller, "", undefined, 2);
    const after = { repository: second!.repository, before: second!.id };
    expect(shown(await listUndoBelow(place.registry, caller, "", after, 2))).toEqual(found.slice(2));
  });

  it("what the caller may not undo is not in it, whatever place it asks for", async () => {
    await fill();
    const { metadata } = place.database;
    const guarded = { ...place.registry, access: (await openGuarded(metadata)).access };
    const namespaces = new Map<string, number>();
    for (const path of ["a", "a/sub", "b"]) namespaces.set(path, await makeNamespace(metadata, path));
    const person = async (name: string): Promise<[number, Caller]> => {
      const account = await makeAccount(metadata, name);
      const { secret } = await makeToken(metadata, account, null, 600_000);
      return [account, callerOf(await authenticate(guarded.access, basic(name, secret)))];
    };
    const idOf = async (name: string) =>
      Number((await place.database.sql(`select id from repository where name = '${name}'`))[0]!["id"]);
    const [nobody, nil] = await person("nobody");
    const [writer, wendy] = await person("wendy");
    const [deleter, dora] = await person("dora");
    const [single, sven] = await person("sven");
    const [inner, ines] = await person("ines");
    expect(nobody).toBeGreaterThan(0);
    await grant(metadata, { account: writer }, { namespace: namespaces.get("a")! }, "writer");
    await grant(metadata, { account: deleter }, { namespace: namespaces.get("a")! }, ["delete"]);
    await grant(metadata, { account: single }, { repository: await idOf("a/two") }, "owner");
    await grant(metadata, { account: inner }, { namespace: namespaces.get("a/sub")! }, "maintainer");
    const seen = async (by: Caller, path: string) => shown(await listUndoBelow(guarded, by, path, undefined, 100));
    for (const path of ["", "a", "a/sub", "b", "none"]) {
      expect(await seen(nil, path)).toEqual([]);
      expect(await seen(wendy, path)).toEqual([]);
    }
    expect(await seen(dora, ""), "deleted repositories take delete-repository").toEqual([...below, "a/two v4"]);
    expect(await seen(sven, "a"), "a repository of its own, and none that had its name").toEqual(["a/two v4"]);
    expect(await seen(sven, "b")).toEqual([]);
    expect(await seen(ines, "a")).toEqual(["a/sub/three v2", "a/sub/three v1"]);
    expect(await seen(ines, "")).toEqual(["a/sub/three v2", "a/sub/three v1"]);
    const cursor = { repository: "b/five", before: Number.MAX_SAFE_INTEGER };
    expect(await listUndoBelow(guarded, ines, "", cursor, 100), "a page that begins where it may not look").toEqual([]);
    guarded.access.version.close();
    await place.leave();
  });
});
