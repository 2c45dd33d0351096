import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Metadata } from "../../src/metadata/index.ts";
import { parseDigest, parseRepositoryName, parseTag } from "../../src/oci/index.ts";
import { deleteManifest, setTag } from "../../src/registry/index.ts";
import type { AllWrites } from "../../src/writes.ts";
import { everybody, HookStage } from "../support/hook-stage.ts";
import { startPostgres } from "../support/postgres.ts";

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

const name = parseRepositoryName("team/batches");
const taken = { delivered: true, status: 204, error: null, took: 1, gone: false };
const refused = { delivered: false, status: 500, error: "it answered 500", took: 1, gone: false };
const patience = { attempts: 2, threshold: 3, giveUp: 60_000, lease: 60_000 };

describe.each(["SQLite", "PostgreSQL"] as const)("%s", (kind) => {
  const there = kind === "SQLite" || postgres !== undefined;
  const it = test.skipIf(!there);
  let stage: HookStage;
  beforeAll(async () => {
    if (there) stage = await HookStage.open(kind === "SQLite" ? undefined : postgres);
  });
  afterEach(() => (there ? stage.clear() : undefined));
  afterAll(() => (there ? stage.close() : undefined));

  /** Deliveries of so many tags, and the webhook claimed. */
  const claim = async (tags: readonly string[]) => {
    const webhook = await stage.hook({ events: ["tag.moved"] });
    for (const tag of tags) await stage.push(tag, tag, name);
    await stage.metadata.write("spreadEvents", { limit: 100, waiting: 100 });
    const { claimed } = await stage.metadata.write("claimWebhook", { webhook, lease: 60_000 });
    const ids = (await stage.deliveries(webhook, "waiting")).map(({ id }) => id).toReversed();
    return { webhook, held: { webhook, fence: claimed!.fence }, ids };
  };
  const made = (delivery: number, attempt: typeof taken | typeof refused) => {
    return { deliveries: [delivery], attempt, pause: 5_000, rest: 30_000 };
  };

  it("attempts are written down together as one after the other: states, the breaker, and what is dead", async () => {
    const { webhook, held, ids } = await claim(["a", "b", "c", "d"]);
    const [a, b, c, d] = ids as [number, number, number, number];
    const once = [made(a, taken), made(b, refused), made(c, refused)];
    expect(await stage.metadata.write("recordAttempts", { ...held, made: once, patience })).toMatchObject({
      open: false,
      disabled: null,
    });
    expect(await stage.row(webhook)).toMatchObject({ failures: 2, rest_until: 0 });
    // One that is taken closes the count, and later failures count from there.
    const again = [made(d, taken), made(b, refused)];
    expect(await stage.metadata.write("recordAttempts", { ...held, made: again, patience })).toMatchObject({
      open: false,
    });
    expect(await stage.row(webhook)).toMatchObject({ failures: 1 });
    const rows = (await stage.deliveries(webhook)).toReversed();
    expect(rows.map(({ state, attempts }) => `${state} ${attempts}`)).toEqual([
      ...["delivered 1", "dead 2", "waiting 1", "delivered 1"],
    ]);
    const broken = { ...patience, attempts: 100 };
    const third = [made(c, refused), made(c, refused)];
    expect(await stage.metadata.write("recordAttempts", { ...held, made: third, patience: broken })).toMatchObject({
      open: true,
    });
    expect((await stage.row(webhook)).rest_until).toBeGreaterThan(0);
    await expect(
      stage.metadata.write("recordAttempts", { ...held, fence: held.fence - 1, made: once, patience }),
    ).rejects.toMatchObject({ code: "CONFLICT" });
  });

  it("what follows on a tag is sent when its forerunner is written down, and others do not wait for that", async () => {
    await stage.hook({ events: ["tag.moved"] });
    const digests = [await stage.push("a", "one", name), await stage.push("a", "two", name)];
    for (const tag of ["b", "c", "d"]) await stage.push(tag, `other ${tag}`, name);
    const heard = () => stage.told().map(({ subject }) => subject);
    const seen: string[][] = [];
    const write = async (what: never, input: never) => {
      if ((what as string) === "recordAttempts" && seen.length === 0) {
        await stage.until(() => heard().length >= 4);
        seen.push(heard());
      }
      return stage.metadata.write(what, input);
    };
    const node: Metadata<AllWrites> = { ...stage.metadata, read: stage.metadata.read, write: write as never };
    await stage.open({ atOnce: 2 }, node);
    await stage.until(() => heard().length === 5);
    expect(seen[0]!.toSorted()).toEqual(["a", "b", "c", "d"].map((tag) => `team/batches:${tag}`));
    const moves = stage.told().filter(({ data }) => data.tag === "a");
    expect(moves.map(({ data }) => data.digest)).toEqual(digests);
  });

  it("a message of several events tells of each once, in order, under one signature; the log has each", async () => {
    const id = await stage.hook({ format: "cloudevents-batch" });
    const lists = parseRepositoryName("team/lists");
    for (const note of ["one", "two", "three"]) await stage.push("a", note, lists);
    await stage.push("b", "other", lists);
    await stage.open({ look: 60_000 });
    await stage.until(async () => (await stage.deliveries(id, "delivered")).length >= 9);
    const log = (await stage.deliveries(id)).toReversed();
    expect(stage.receiver.got.map(({ headers }) => headers["content-type"])).toEqual([
      "application/cloudevents-batch+json; charset=utf-8",
    ]);
    const events = stage.told().flat();
    expect(events.map((event) => event.id)).toEqual(log.map(({ event }) => event));
    expect(events.map(({ type, subject }) => `${type} ${subject}`).slice(0, 3)).toEqual([
      expect.stringMatching(/^repository.created /),
      "tag.moved team/lists:a",
      expect.stringMatching(/^image.pushed team\/lists@/),
    ]);
    expect(log.map(({ attempts, status }) => `${attempts} ${status}`)).toEqual(log.map(() => "1 204"));
  });

  it("what a refused message told of goes alone then: one that is refused for ever stops nothing but its tag", async () => {
    const id = await stage.hook({ format: "cloudevents-batch", events: ["tag.moved"] });
    for (const tag of ["a", "bad", "c", "bad"]) await stage.push(tag, `${tag} ${Math.random()}`, name);
    stage.receiver.react = ({ body }) => (body.includes("team/batches:bad") ? 400 : undefined);
    await stage.open({ threshold: 100 });
    await stage.until(async () => (await stage.deliveries(id, "dead")).length === 2);
    await stage.until(async () => (await stage.deliveries(id, "waiting")).length === 0);
    const told = stage.told() as { subject: string; id: string }[][];
    expect(told[0]!.map(({ subject }) => subject.replace(/.*:/, ""))).toEqual(["a", "bad", "c", "bad"]);
    expect(told.slice(1).map((events) => events.length)).toEqual(told.slice(1).map(() => 1));
    const ids = stage.receiver.got.map(({ headers, body }) => `${String(headers["webhook-id"])} ${body}`);
    expect(new Set(stage.receiver.got.map(({ headers }) => headers["webhook-id"])).size).toBe(new Set(ids).size);
    const states = (await stage.deliveries(id)).toReversed().map(({ state, attempts }) => `${state} ${attempts}`);
    expect(states).toEqual(["delivered 2", "dead 4", "delivered 2", "dead 4"]);
  });

  it("an event of which several messages tell is told again from the first when one is refused, under the same ids", async () => {
    const id = await stage.hook({ format: "eventbridge", events: ["image.deleted"] });
    const digest = await stage.push("a", "parts", name);
    await setTag(stage.registry, everybody, name, parseTag("b"), digest, undefined);
    await deleteManifest(stage.registry, everybody, name, parseDigest(digest));
    stage.receiver.react = () => (stage.receiver.got.length === 2 ? 500 : undefined);
    await stage.open();
    await stage.until(async () => (await stage.deliveries(id, "delivered")).length === 1);
    const heard = stage.receiver.got.map(({ headers, body }) => {
      const { id: uuid, detail } = JSON.parse(body);
      return [detail["image-tag"], uuid, headers["webhook-id"]];
    });
    expect(heard.map(([tag]) => tag)).toEqual(["a", "b", "a", "b"]);
    expect(heard.slice(2)).toEqual(heard.slice(0, 2));
    const [row] = await stage.deliveries(id);
    expect(heard.map(([, , message]) => message).slice(0, 2)).toEqual([`${row!.event}-0`, `${row!.event}-1`]);
    expect(row).toMatchObject({ attempts: 2, status: 204 });
  });

  it("what waits when a webhook gets a form that has no words for it is not sent: the log has it without an answer", async () => {
    const id = await stage.hook({ events: ["repository.created", "tag.moved"] });
    await stage.push("v1", "worded", parseRepositoryName(`team/worded-${id}`));
    await stage.metadata.write("spreadEvents", { limit: 100, waiting: 100 });
    const wish = { format: "eventbridge" };
    await stage.metadata.write("updateWebhook", { caller: stage.olga, webhook: id, versions: undefined, wish });
    await stage.open();
    await stage.until(async () => (await stage.deliveries(id, "delivered")).length === 2);
    expect(stage.receiver.got).toEqual([]);
    expect((await stage.deliveries(id)).map(({ status, error }) => `${status} ${error}`)).toEqual(
      Array.from({ length: 2 }, () => "null null"),
    );
  });

  it("a refused message is one failure for the breaker, however many events it told of", async () => {
    const id = await stage.hook({ format: "cloudevents-batch", events: ["tag.moved"] });
    for (const tag of ["a", "b", "c", "d"]) await stage.push(tag, tag, name);
    let failures: number | undefined;
    stage.receiver.react = async () => {
      if (stage.receiver.got.length === 1) return 500;
      failures ??= (await stage.row(id)).failures;
      return undefined;
    };
    await stage.open({ threshold: 3 });
    await stage.until(async () => (await stage.deliveries(id, "delivered")).length === 4);
    expect(failures).toBe(1);
    expect(
      new Set(
        stage
          .told()
          .slice(1)
          .flat()
          .map((event) => event.id),
      ).size,
    ).toBe(4);
  });

  it("more than a message takes goes in several, and none is told twice", async () => {
    const id = await stage.hook({ format: "cloudevents-batch", events: ["tag.moved"] });
    const digest = await stage.push("first", "first", name);
    // Of a tag that is there already nothing is told: each is new.
    for (let n = 0; n < 119; n++) {
      await setTag(stage.registry, everybody, name, parseTag(`t${n}`), digest, undefined);
    }
    await stage.open();
    await stage.until(async () => (await stage.deliveries(id, "delivered")).length === 120);
    const told = stage.told() as { id: string }[][];
    expect(told[0]).toHaveLength(100);
    const ids = told.flat().map((event) => event.id);
    expect([ids.length, new Set(ids).size]).toEqual([120, 120]);
  });

  it("rights that end while there is always more to send end what is sent", async () => {
    const id = await stage.hook({ events: ["tag.moved"] });
    for (let n = 0; n < 12; n++) await stage.push(`t${n}`, `t${n}`, name);
    stage.receiver.react = async () => {
      if (stage.receiver.got.length > 1) return undefined;
      await stage.database.sql(`update account set disabled = 1 where name = 'olga'`);
      await stage.metadata.write("createGroup", { caller: everybody, name: `crew-${id}`, once: undefined });
      return undefined;
    };
    await stage.open({ atOnce: 1, lease: 60_000 });
    await stage.until(async () => (await stage.row(id)).trouble?.includes("may not pull there any more") === true);
    expect((await stage.deliveries(id, "waiting")).length).toBeGreaterThan(0);
    const heard = stage.receiver.got.length;
    await stage.opened.splice(0)[0]!.stop();
    expect(stage.receiver.got).toHaveLength(heard);
    await stage.database.sql(`update account set disabled = 0 where name = 'olga'`);
    await stage.metadata.write("createGroup", { caller: everybody, name: `crew2-${id}`, once: undefined });
  });
});
