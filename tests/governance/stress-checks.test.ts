import { describe, expect, test } from "vitest";
import type { Received } from "../support/receiver.ts";
import { judgeTold, readTold } from "../stress/governance/judge-told.ts";
import type { Told } from "../stress/governance/judge-told.ts";
import { isEnough } from "../stress/collect-under-load.ts";
import { judgeMoved } from "../stress/governance/moving-client.ts";
import { newMoving } from "../stress/governance/moving.ts";
import { startTestServer } from "../support/start-server.ts";
import { WireClient } from "../support/wire-client.ts";
import { imageKey, isAccountOf, Ledger } from "../stress/governance/ledger.ts";
import type { Change, KnownImage } from "../stress/governance/ledger.ts";

/* What judges the stress run must see each fault: a ledger and what was told of it, and one fault planted at a time. */

const repository = "stress/long/a";
const sure = (what: string): Change => ({ what, sure: true });
const unsure = (what: string): Change => ({ what, sure: false });

function makeCase() {
  const ledger = new Ledger();
  const image = (digest: string, kind: KnownImage["kind"], pushes: number, deletes: number): KnownImage => {
    const changes = (count: number, what: string) => Array.from({ length: count }, () => sure(what));
    const texts = { text: digest, layers: [] };
    const made = {
      repository,
      digest,
      kind,
      ...texts,
      pushes: changes(pushes, "pushed"),
      deletes: changes(deletes, "deleted"),
    };
    ledger.images.set(imageKey(made), made);
    return made;
  };
  image("d1", "keep", 1, 1);
  image("d2", "keep", 1, 0);
  image("d3", "tmp", 1, 0);
  ledger.changesOf(`${repository}:keep`).push(sure("to d1"), sure("to d2"), unsure("to d1"), sure("deleted"));
  ledger.changesOf(`${repository}:tmp`).push(sure("to d3"));
  ledger.undone.set(`${repository}#7`, sure("undone"));
  ledger.keeps.push({ image: `${repository}@d2`, why: "in use", from: 5, until: 100 });
  let number = 0;
  const event = (type: string, subject: string, data: object): Told => ({
    id: `evt_${++number}`,
    ...{ type, subject, at: number, data: { repository, actor: "anonymous", ...data } },
  });
  const pushed = (digest: string) => event("image.pushed", `${repository}@${digest}`, { digest, tags: [] });
  const moved = (tag: string, data: object) => event("tag.moved", `${repository}:${tag}`, data);
  const told = [
    moved("keep", { digest: "d1", new: true }),
    pushed("d1"),
    moved("keep", { digest: "d2", new: false }),
    pushed("d2"),
    event("image.deleted", `${repository}@d1`, { digest: "d1", tags: [] }),
    moved("tmp", { digest: "d3", new: true }),
    pushed("d3"),
    moved("keep", { deleted: true }),
    event("image.deleted", `${repository}@d3`, { digest: "d3", tags: ["tmp"], actor: "system:lifecycle" }),
    event("undo.applied", repository, { entry: 7, kind: "manifest", digest: "d1" }),
    event("lifecycle.ran", repository, { run: 3, actor: "system:lifecycle" }),
  ];
  return { ledger, told };
}

const everywhere = () => true;
const judged = (change: (of: ReturnType<typeof makeCase>) => Told[]) => {
  const of = makeCase();
  return judgeTold(of.ledger, change(of), everywhere);
};

describe("what judges the stress run", () => {
  test("has nothing to say of what is right, also where an unsure change was made after all", () => {
    expect(judged(({ told }) => told)).toEqual([]);
    expect(
      judged(({ told, ledger }) => {
        ledger.changesOf(`${repository}:tmp`).push(unsure("to d2"), unsure("deleted"));
        return told;
      }),
    ).toEqual([]);
  });

  test("sees each event that is lost, and each that is told under a second id", () => {
    const { told } = makeCase();
    for (const [index, { type, data }] of told.entries()) {
      // Who deletes by itself wrote down nothing, and a run is asked for elsewhere.
      const isSystem = String(data.actor).startsWith("system:");
      if (!isSystem) {
        const lost = judged((of) => of.told.toSpliced(index, 1));
        expect(lost, `${type} ${index} is lost`).not.toEqual([]);
      }
      const twice = judged((of) => of.told.toSpliced(index + 1, 0, { ...of.told[index]!, id: "evt_again" }));
      expect(twice, `${type} ${index} comes twice`).not.toEqual([]);
    }
  });

  test("sees two events of a tag, and of an image, in the other order", () => {
    const swapped = (one: number, other: number) =>
      judged(({ told }) => told.with(one, told[other]!).with(other, told[one]!));
    expect(swapped(0, 2)).not.toEqual([]);
    expect(swapped(2, 7)).not.toEqual([]);
    expect(swapped(1, 4)).not.toEqual([]);
  });

  test("sees what was deleted while it was in use, and what lifecycle took that no policy lets go", () => {
    const gone = (actor: string) => ({
      ...{ id: "evt_x", type: "image.deleted", subject: `${repository}@d2`, at: 50 },
      data: { repository, digest: "d2", tags: [], actor },
    });
    expect(judged(({ told }) => [...told, gone("system:collection")])).toEqual([
      expect.stringContaining("by system:collection while it was in use"),
    ]);
    expect(judged(({ told }) => [...told, gone("system:lifecycle")])).toContainEqual(
      expect.stringContaining("which no policy lets go"),
    );
  });

  test("sees an event that nobody caused", () => {
    const strange = { ...makeCase().told[0]!, id: "evt_x", subject: `${repository}:other` };
    expect(judged(({ told }) => [...told, strange])).toContainEqual(expect.stringContaining("nobody changed"));
  });

  test("sees a renamed repository that is there twice, one that lost an image, and a rename that was told twice or never", async () => {
    const server = await startTestServer();
    try {
      const wire = new WireClient(() => server.url);
      const moving = newMoving(1);
      const [long, short] = moving.names;
      await wire.pushImage(short, "moved-0");
      const { text } = await wire.get(`/v2/${short}/manifests/moved-0`);
      const layers = ["layer"];
      await wire.pushBlob(short, layers[0]!);
      moving.images.set("moved-0", { text, layers, sure: true });
      moving.renames[1].sure++;
      moving.renames[1].all += 2;
      const told = (type: string, data: Told["data"]): Told => ({ id: type, type, subject: "", at: 1, data });
      const gone = told("repository.deleted", { repository: long, to: short });
      const made = told("repository.created", { repository: short, from: long });
      const judge = (...events: readonly Told[]) => judgeMoved(server.url, [moving], events);
      expect(await judge(gone, made)).toEqual([]);
      expect(await judge(gone, made, gone, made)).toEqual([]);
      for (const wrong of [[], [gone], [made], [gone, made, made], [gone, made, gone, made, gone, made]]) {
        expect(await judge(...wrong)).toEqual([expect.stringContaining("was renamed to")]);
      }
      moving.images.set("moved-1", { text: "lost", layers: [], sure: true });
      expect(await judge(gone, made)).toEqual([expect.stringContaining("moved-1 is not what was pushed")]);
      moving.images.set("moved-1", { text: "lost", layers: [], sure: false });
      moving.images.set("moved-0", { text, layers: ["another layer"], sure: true });
      expect(await judge(gone, made)).toEqual([expect.stringContaining("has not all its bytes")]);
      moving.images.set("moved-0", { text, layers, sure: true });
      await wire.pushImage(long, "moved-0");
      expect(await judge(gone, made)).toContainEqual(expect.stringContaining("are one repository, and both there"));
    } finally {
      await server.close();
    }
  });

  test("goes on for longer where too little was answered, and not for ever", () => {
    const options = { operations: 100, time: 10, least: { operations: 20, time: 50 } };
    const enough = (answered: number, passed: number) => isEnough(options, answered, passed);
    expect([enough(100, 1), enough(20, 10), enough(0, 50)]).toEqual([true, true, true]);
    expect([enough(99, 9), enough(19, 10), enough(19, 49)]).toEqual([false, false, false]);
    expect(isEnough({ operations: 100, time: 10 }, 0, 10)).toBe(true);
  });

  test("drops repeats by their id, and sees one that says something else", () => {
    const message = (id: string, digest: string): Received => ({
      headers: { "webhook-id": id },
      path: "/all",
      body: JSON.stringify({ id, type: "tag.moved", subject: "a:b", time: "2026-01-01T00:00:00Z", data: { digest } }),
    });
    const same = readTold([message("1", "d1"), message("2", "d2"), message("1", "d1")]);
    expect([same.told.length, same.faults]).toEqual([2, []]);
    expect(readTold([message("1", "d1"), message("1", "d2")]).faults).toHaveLength(1);
  });

  test("reads lists of events one by one, and sees a list that comes with others under its id", () => {
    const event = (id: string, digest: string) => {
      return { id, type: "tag.moved", subject: "a:b", time: "2026-01-01T00:00:00Z", data: { digest } };
    };
    const list = (id: string, ...events: readonly object[]): Received => {
      return { headers: { "webhook-id": id }, path: "/long", body: JSON.stringify(events) };
    };
    const [one, two] = [event("1", "d1"), event("2", "d2")];
    const told = readTold([list("m1", one, two), list("m1", one, two), list("m2", two), list("m3", event("3", "d3"))]);
    expect([told.told.map(({ id }) => id), told.faults]).toEqual([["1", "2", "3"], []]);
    expect(readTold([list("m1", one), list("m1", two)]).faults).toEqual(["m1 came with different events"]);
    expect(readTold([list("m1", one), list("m2", event("1", "d2"))]).faults).toHaveLength(1);
  });

  test("takes an account for one of the changes where it can be, and else does not", () => {
    const changes = [sure("a"), unsure("b"), sure("c"), unsure("c")];
    for (const right of ["a c", "a b c", "a c c", "a b c c"]) expect(isAccountOf(changes, right.split(" "))).toBe(true);
    for (const wrong of ["a", "c", "a b", "b a c", "a c b", "a a c", "a c c c"]) {
      expect(isAccountOf(changes, wrong.split(" ")), wrong).toBe(false);
    }
    expect(isAccountOf([unsure("x"), sure("x")], ["x"])).toBe(true);
  });
});
