import { expect } from "vitest";
import { authenticate } from "../../src/access/index.ts";
import type { Caller } from "../../src/access/index.ts";
import type { InputOf, Metadata } from "../../src/metadata/index.ts";
import {
  changeSettings,
  deleteManifest,
  deleteRepository,
  listReferrers,
  restoreRepository,
  undoRun,
} from "../../src/registry/index.ts";
import type { Registry, UndoneRun } from "../../src/registry/index.ts";
import { parseDigest } from "../../src/oci/index.ts";
import type { RegistryWrites } from "../../src/registry/index.ts";
import { describeEachDatabase } from "../support/each-database.ts";
import {
  caller,
  check,
  collectAll,
  descriptorOf,
  imageOf,
  indexOf,
  permit,
  putBlob,
  putManifest,
  windowOf,
} from "../support/open-registry.ts";
import { basic, callerOf, grant, makeAccount, makeNamespace, makeToken, openGuarded } from "../support/open-rights.ts";
import { app, codeOf, day, digestOfText, UndoPlace } from "../support/undo-place.ts";

// What one lifecycle run deleted comes back, as far as nobody wants it otherwise since.

const run = 7;

await describeEachDatabase((it, prepare) => {
  let place: UndoPlace;
  prepare(async (rows) => void (place = await UndoPlace.open(rows)));

  const image = (note: string) => imageOf(["layer"], { annotations: { note } });

  /** Deletes as a run does: an index before what it lists. */
  async function expire(text: string, number: number = run): Promise<void> {
    const by = { ...permit.by, principal: "system:lifecycle", reason: "older than 30 days" };
    await place.database.metadata.write("deleteManifest", {
      ...{ repository: app, pin: 0, undoWindow: windowOf(day), digest: digestOfText(text), run: number },
      permit: { ...permit, by },
    });
  }

  /** Images with an index and its signature; what the run let go is their texts. */
  async function fill(images: number): Promise<string[]> {
    const gone: string[] = [];
    await putBlob(place.registry, app, "layer");
    for (let n = 0; n < images; n++) {
      await putManifest(place.registry, app, image(`part ${n}`), n === 0 ? "part" : undefined);
      const index = indexOf([image(`part ${n}`)]);
      await putManifest(place.registry, app, index, `dev-${n}`);
      const signature = imageOf(["layer"], { subject: descriptorOf(index) });
      await putManifest(place.registry, app, signature);
      gone.push(index, image(`part ${n}`), signature);
    }
    await putManifest(place.registry, app, image("by hand"), "hand");
    await putManifest(place.registry, app, image("another run"), "another");
    for (const text of gone) await expire(text);
    await deleteManifest(place.registry, caller, app, parseDigest(digestOfText(image("by hand"))));
    await expire(image("another run"), run + 1);
    await collectAll(place.registry);
    return gone;
  }

  async function undoAll(registry: Registry = place.registry, by: Caller = caller): Promise<UndoneRun> {
    let all: UndoneRun | undefined;
    for (let after = 0; ;) {
      const some = await undoRun(registry, by, run, after);
      all = {
        ...some,
        restored: [...(all?.restored ?? []), ...some.restored],
        left: [...(all?.left ?? []), ...some.left],
      };
      if (some.next === null) return all;
      after = some.next;
    }
  }

  const there = async (texts: readonly string[]) => Promise.all(texts.map((text) => place.has(text)));

  it("all of it comes back, with tags, children and referrers; what others deleted does not", async () => {
    const gone = await fill(3);
    expect(new Set(await there(gone))).toEqual(new Set(["MANIFEST_UNKNOWN"]));
    const { repository, left, restored } = await undoAll();
    expect([repository, left]).toEqual([app, []]);
    expect(new Set(await there(gone))).toEqual(new Set(["done"]));
    expect([await place.at("part"), await place.at("dev-2")]).toEqual([
      digestOfText(image("part 0")),
      digestOfText(gone[6]!),
    ]);
    expect(restored.flatMap(({ tags }) => tags).toSorted()).toEqual(["dev-0", "dev-1", "dev-2", "part"]);
    const { descriptors } = await listReferrers(place.registry, caller, app, {
      subject: parseDigest(digestOfText(gone[0]!)),
      types: [],
      after: "",
    });
    expect(descriptors).toHaveLength(1);
    expect(await there([image("by hand"), image("another run")])).toEqual(["MANIFEST_UNKNOWN", "MANIFEST_UNKNOWN"]);
    expect(await codeOf(undoRun(place.registry, caller, run, 0)), "a second time").toBe("NOT_FOUND");
    const audit = await place.database.sql("select detail from audit where action = 'undo'");
    for (const { detail } of audit) expect(JSON.parse(detail as string)).toMatchObject({ run });
    await place.leave();
    expect(new Set(await there(gone.filter((_, n) => n % 3 === 0)))).toEqual(new Set(["done"]));
  });

  it("what was made again since is left and named, and so is what rules of the moment refuse", async () => {
    const gone = await fill(2);
    await putBlob(place.registry, app, "layer");
    await putManifest(place.registry, app, image("newer"), "dev-0");
    await putManifest(place.registry, app, image("newer"), "part");
    const change = { tagFormat: { semver: false, regex: ["part", "dev-0"], except: [] } };
    const set = { set: change, unset: [], enforce: [], relax: [] };
    await changeSettings(place.registry, caller, { repository: app }, set, undefined);
    const { left } = await undoAll();
    expect(left.map(({ tag, reason }) => [tag, /made again since|tagFormat/.exec(reason)?.[0]])).toEqual([
      ["dev-0", "made again since"],
      ["part", "made again since"],
      ["dev-1", "tagFormat"],
    ]);
    expect([await place.at("dev-0"), await place.at("dev-1")]).toEqual([digestOfText(image("newer")), undefined]);
    expect(new Set(await there(gone.filter((_, n) => n % 3 === 0))), "their images are there").toEqual(
      new Set(["done"]),
    );
    const told = await place.database.sql("select payload from event where type = 'undo.applied'");
    const back = told.flatMap(({ payload }) => {
      const { digest, also = [] } = JSON.parse(payload as string) as { digest: string; also?: string[] };
      return [digest, ...also];
    });
    expect(back).toEqual(expect.arrayContaining(gone.filter((_, n) => n % 3 === 0).map(digestOfText)));
    await deleteManifest(place.registry, caller, app, parseDigest(digestOfText(gone[0]!)));
    expect((await undoAll()).left.map(({ tag }) => tag)).toEqual(["dev-0", "part", "dev-1"]);
    expect(await place.has(gone[0]!), "nothing is brought back for a tag that stays away").toBe("MANIFEST_UNKNOWN");
    await place.leave();
  });

  it("an image that is refused is left, and those around it come back", async () => {
    await fill(4);
    // The grant is for the tags of all but one.
    const { metadata } = place.database;
    const team = await makeNamespace(metadata, "team");
    const guarded = { ...place.registry, access: (await openGuarded(metadata)).access };
    const account = await makeAccount(metadata, "cid");
    await grant(metadata, { account }, { namespace: team }, "maintainer", ["dev-0", "dev-2", "dev-3", "part"]);
    const { secret } = await makeToken(metadata, account, null, 600_000);
    const cid = callerOf(await authenticate(guarded.access, basic("cid", secret)));
    const { left, restored } = await undoAll(guarded, cid);
    expect(left).toMatchObject([{ tag: null, reason: expect.stringContaining("dev-1") as string }]);
    expect(restored.flatMap(({ tags }) => tags).toSorted()).toEqual(["dev-0", "dev-2", "dev-3", "part"]);
    const kept = await place.database.sql(
      `select target from undo where run = ${run} and applied_at is null and kind = 'manifest'`,
    );
    expect(kept.map(({ target }) => target)).toEqual([left[0]!.target]);
    const nobody = await makeAccount(metadata, "nora");
    await grant(metadata, { account: nobody }, { namespace: team }, "writer");
    const token = await makeToken(metadata, nobody, null, 600_000);
    const nora = callerOf(await authenticate(guarded.access, basic("nora", token.secret)));
    expect(await codeOf(undoRun(guarded, nora, run, 0)), "what it may not see is not there").toBe("NOT_FOUND");
    guarded.access.version.close();
    await place.leave();
  });

  it("of a repository that was deleted since it is undone once that is back", async () => {
    const gone = await fill(1);
    await deleteRepository(place.registry, caller, app, undefined);
    await expect(undoRun(place.registry, caller, run, 0)).rejects.toThrow("berth undo repository team/app");
    await restoreRepository(place.registry, caller, app);
    await undoAll();
    expect(new Set(await there(gone))).toEqual(new Set(["done"]));
    await place.leave();
  });

  it("a process that dies at any batch: the next goes on, and the end is the same", { timeout: 300_000 }, async () => {
    for (const when of ["before", "after"] as const) {
      for (let dieAt = 1; ; dieAt++) {
        const gone = await fill(3);
        const { life, node } = dyingNode(place.database.metadata, dieAt, when);
        const dying = undoAll({ ...place.registry, metadata: node });
        await Promise.race([dying, life.died]);
        expect((await check(place.registry)).numbers, `${when} ${dieAt}`).toEqual([0, 0, 0, 0]);
        if (life.dead) await codeOf(undoAll());
        expect(new Set(await there(gone)), `${when} ${dieAt}`).toEqual(new Set(["done"]));
        expect([await place.at("dev-2"), await place.at("part")]).toEqual([
          digestOfText(gone[6]!),
          digestOfText(image("part 0")),
        ]);
        const rows = await place.database.sql("select target from audit where action = 'undo'");
        const undone = rows.map(({ target }) => String(target)).toSorted();
        expect(undone, "each once").toEqual([...new Set(undone)]);
        await place.database.sql("delete from audit where action = 'undo'");
        if (!life.dead) break;
        expect(dieAt).toBeLessThan(40);
      }
    }
    await place.leave();
  });
});

/** Rows of a process that dies at its n-th batch: before it, or after it was done and before it hears so. */
function dyingNode(whole: Metadata<RegistryWrites>, dieAt: number, when: "before" | "after") {
  let die: () => void = () => undefined;
  const life = { dead: false, writes: 0, died: new Promise<void>((resolve) => (die = resolve)) };
  const never = new Promise<never>(() => undefined);
  const write = async (name: never, input: never) => {
    if (name !== "undoRun") return whole.write(name, input);
    const last = ++life.writes === dieAt;
    // As many as a busy machine may come to in its time.
    const { entries, ...rest } = input as InputOf<RegistryWrites["undoRun"]>;
    const few = { ...rest, entries: entries.slice(0, 2) };
    const answer = last && when === "before" ? undefined : await whole.write(name, few as never);
    if (!last) return answer;
    life.dead = true;
    die();
    return never;
  };
  const node = { ...whole, read: whole.read, write } as unknown as Metadata<RegistryWrites>;
  return { life, node };
}
