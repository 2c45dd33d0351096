import type { ServerResponse } from "node:http";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { parseReference, parseRepositoryName, parseTag } from "../../src/oci/index.ts";
import {
  deleteManifest,
  deleteRepository,
  deleteTag,
  keepPullTimes,
  notePull,
  pullManifest,
  renameRepository,
} from "../../src/registry/index.ts";
import { app, everybody, HookStage } from "../support/hook-stage.ts";
import { startPostgres } from "../support/postgres.ts";

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

describe.each(["SQLite", "PostgreSQL"] as const)("%s", (kind) => {
  const there = kind === "SQLite" || postgres !== undefined;
  const it = test.skipIf(!there);
  let stage: HookStage;
  beforeAll(async () => {
    if (there) stage = await HookStage.open(kind === "SQLite" ? undefined : postgres);
  });
  afterEach(() => (there ? stage.clear() : undefined));
  afterAll(() => (there ? stage.close() : undefined));

  it("what happens is told in its order, each event once, and its rows go", async () => {
    const id = await stage.hook();
    await stage.open();
    const digest = await stage.push("v1");
    await deleteTag(stage.registry, everybody, app, parseTag("v1"));
    await deleteManifest(stage.registry, everybody, app, digest);
    await stage.until(() => stage.receiver.got.length >= 5);
    const brief = stage.told().map(({ type, subject }) => `${type} ${subject}`);
    // What is about neither the same tag nor the same digest may pass each other.
    expect([...brief.slice(0, 3), ...brief.slice(3).toSorted((a, b) => (a < b ? 1 : -1))]).toEqual([
      "repository.created team/app",
      "tag.moved team/app:v1",
      `image.pushed team/app@${digest}`,
      "tag.moved team/app:v1",
      `image.deleted team/app@${digest}`,
    ]);
    expect(new Set(stage.told().map((event) => event.id)).size).toBe(5);
    await stage.until(async () => (await stage.deliveries(id, "delivered")).length === 5);
    expect(await stage.database.sql("select id from event")).toEqual([]);
    expect((await stage.deliveries(id)).every(({ status, attempts }) => status === 204 && attempts === 1)).toBe(true);
  });

  it("a failed event is tried again under its id, and holds back its tag alone", async () => {
    await stage.hook({ events: ["tag.moved"] });
    const moved = (tag: string) => stage.told().filter(({ data }) => data.tag === tag);
    stage.receiver.react = ({ body }) => (body.includes('"tag":"held"') && moved("free").length === 0 ? 500 : 204);
    await stage.open({ attempts: 1000, threshold: 1000 });
    const first = await stage.push("held", "one");
    const second = await stage.push("held", "two");
    await stage.until(() => moved("held").length > 2);
    expect(new Set(moved("held").map(({ id }) => id)).size).toBe(1);
    await stage.push("free", "three");
    await stage.until(() => moved("held").at(-1)?.data.digest === second);
    const inOrder = [...new Set(moved("held").map(({ data }) => data.digest))];
    expect(inOrder).toEqual([first, second]);
    expect(moved("free")).toHaveLength(1);
  });

  it("what a receiver refuses for too long is dead, and is sent again when somebody asks", async () => {
    const id = await stage.hook({ events: ["repository.created"] });
    await stage.open();
    stage.receiver.react = () => 500;
    const name = parseRepositoryName("team/dead");
    await stage.push("v1", "v1", name);
    await stage.until(async () => (await stage.deliveries(id, "dead")).length === 1);
    const [dead] = await stage.deliveries(id, "dead");
    expect(dead).toMatchObject({ attempts: 4, status: 500, error: "it answered 500" });
    stage.receiver.react = () => undefined;
    const input = { caller: stage.olga, webhook: id, delivery: dead!.id };
    const { id: again } = await stage.metadata.write("redeliver", input);
    await stage.until(async () => (await stage.deliveries(id, "delivered")).length === 1);
    expect((await stage.deliveries(id, "delivered"))[0]).toMatchObject({ id: again, event: dead!.event });
    expect(new Set(stage.receiver.got.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
    await expect(stage.metadata.write("redeliver", { ...input, delivery: 4711 })).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
    const audit = await stage.database.sql("select action from audit where target like 'webhook %' order by id");
    expect(audit.map(({ action }) => action)).toContain("redeliver");
  });

  it("secrets, and what of a URL may be one, are in no audit row, and in no row as they are (threat 40)", async () => {
    const id = await stage.hook({ url: "http://127.0.0.1:1/canary-in-path?key=canary-in-url" });
    await stage.metadata.write("updateWebhook", { caller: stage.olga, webhook: id, versions: undefined, wish: {} });
    await stage.metadata.write("deleteWebhook", { caller: stage.olga, webhook: id, versions: undefined });
    const audit = JSON.stringify(await stage.database.sql("select * from audit"));
    expect(audit).toContain("http://127.0.0.1:1");
    const secrets = JSON.stringify(await stage.database.sql("select secret from webhook"));
    for (const canary of ["canary", "whsec_"]) expect(audit + secrets).not.toContain(canary);
  });

  it("a receiver that fails in a row is left alone, then asked once, and its events wait", async () => {
    const id = await stage.hook();
    const came: number[] = [];
    stage.receiver.react = () => (came.push(Date.now()), 503);
    await stage.open({ threshold: 3, attempts: 100, rest: { first: 2_000, factor: 1, most: 2_000 } });
    for (const tag of ["a", "b", "c", "d"]) await stage.push(tag, tag, parseRepositoryName(`team/breaker-${tag}`));
    /** Its rest, once nobody has it any more: all that was under way is written down. */
    const restsLonger = async (than: number) => {
      let row = await stage.row(id);
      await stage.until(async () => {
        row = await stage.row(id);
        return row.rest_until > than && row.lease_until === 0;
      });
      return row;
    };
    const { rest_until: rest, trouble, failures } = await restsLonger(0);
    const asked = failures;
    expect(trouble).toContain("attempts failed in a row, the last one because it answered 503");
    await restsLonger(rest);
    expect(came).toHaveLength(asked + 1);
    expect(came[asked], "not before the end of its rest").toBeGreaterThanOrEqual(rest);
    stage.receiver.react = () => undefined;
    await stage.until(async () => (await stage.deliveries(id, "waiting")).length === 0);
    expect(await stage.row(id)).toMatchObject({ failures: 0, trouble: null, rest_until: 0 });
  });

  it("a receiver that says that it is gone, and one that has failed for too long, get nothing more", async () => {
    const gone = await stage.hook();
    await stage.open({ giveUp: 200, attempts: 100 });
    stage.receiver.react = () => 410;
    await stage.push("gone");
    await stage.until(async () => (await stage.row(gone)).disabled === 1);
    expect((await stage.row(gone)).trouble).toContain("gone (410)");
    const late = await stage.hook();
    stage.receiver.react = () => 500;
    await stage.push("late");
    await stage.until(async () => (await stage.row(late)).disabled === 1);
    expect((await stage.row(late)).trouble).toContain("failed for too long");
    const before = stage.receiver.got.length;
    stage.receiver.react = () => undefined;
    await stage.metadata.write("updateWebhook", {
      caller: stage.olga,
      webhook: late,
      versions: undefined,
      wish: { disabled: false },
    });
    await stage.until(() => stage.receiver.got.length > before);
  });

  it.each([
    ["hangs", () => "itself" as const, "did not answer whole within 0.4 s"],
    [
      "resets",
      (_m: unknown, response: { destroy(): unknown }) => (response.destroy(), "itself" as const),
      "cannot be reached",
    ],
    [
      "sends us to the machine's own metadata",
      (_message: unknown, response: ServerResponse) => {
        response.writeHead(302, { location: "http://169.254.169.254/latest/meta-data/" }).end("canary-in-answer");
        return "itself" as const;
      },
      "sends us elsewhere, and redirects are not followed",
    ],
    [
      "answers without an end",
      (_message: unknown, response: ServerResponse) => {
        response.writeHead(200).end("canary-in-answer".repeat(1000));
        return "itself" as const;
      },
      "answers with more than 1000 bytes",
    ],
  ])(
    "a receiver that %s has failed, and nothing of its answer is kept (threats 22, 23)",
    async (what, react, error) => {
      const id = await stage.hook({ events: ["tag.moved"] });
      stage.receiver.react = react as typeof stage.receiver.react;
      await stage.open({ attempts: 1, timeout: what === "hangs" ? 400 : 20_000 });
      await stage.push("trouble", error);
      await stage.until(async () => (await stage.deliveries(id, "dead")).length === 1);
      const [dead] = await stage.deliveries(id, "dead");
      expect(dead!.error).toContain(error);
      expect(JSON.stringify([await stage.deliveries(id), stage.alarms])).not.toContain("canary");
    },
  );

  it("what is no public address gets nothing, whatever the webhook says (threat 22)", async () => {
    const places = [
      "http://169.254.169.254/",
      "https://10.0.0.1/",
      "https://[::ffff:192.168.0.1]/",
      "http://localhost:1/",
    ];
    for (const url of places) {
      const id = await stage.hook({ url, events: ["tag.moved"] });
      await stage.open({ attempts: 1 });
      await stage.push("private", url);
      await stage.until(async () => (await stage.deliveries(id, "dead")).length === 1, url);
      expect((await stage.deliveries(id, "dead"))[0]!.error, url).toMatch(/outgoing\.allow|cannot be reached/);
      await Promise.all(stage.opened.splice(0).map((webhooks) => webhooks.stop()));
      await stage.database.sql("delete from webhook");
    }
  });

  it("nothing is told that whoever answers for the webhook may not read any more, until somebody who may takes over", async () => {
    const id = await stage.hook();
    await stage.open();
    await stage.push("seen");
    const isDone = async () => (await stage.deliveries(id)).every(({ state }) => state === "delivered");
    await stage.until(async () => (await stage.deliveries(id)).length > 0 && (await isDone()));
    const before = stage.receiver.got.length;
    await stage.database.sql(`update account set disabled = 1 where name = 'olga'`);
    await stage.metadata.write("createGroup", { caller: everybody, name: `crew-${id}`, once: undefined });
    // Whoever has it has looked at the right before it was lost.
    await stage.until(async () => (await stage.row(id)).lease_until === 0);
    await stage.push("unseen");
    await stage.until(async () => (await stage.row(id)).trouble !== null);
    expect((await stage.row(id)).trouble).toContain("user:olga, who answers for it, may not pull there any more");
    expect(stage.receiver.got).toHaveLength(before);
    const other = await stage.member(`otto-${id}`);
    await stage.metadata.write("updateWebhook", { caller: other, webhook: id, versions: undefined, wish: {} });
    await stage.until(() => stage.receiver.got.length > before);
    await stage.database.sql(`update account set disabled = 0 where name = 'olga'`);
    await stage.metadata.write("createGroup", { caller: everybody, name: `crew2-${id}`, once: undefined });
  });

  it("a namespace is told of its own repositories, a repository of itself under any name, patterns narrow", async () => {
    await stage.push("v0", "v0", parseRepositoryName("team/one"));
    await stage.push("v0", "v0", parseRepositoryName("other/one"));
    const one = await stage.hook({ url: `${stage.receiver.url}/one` }, { repository: "team/one" });
    await stage.hook({ url: `${stage.receiver.url}/team` });
    await stage.hook({ url: `${stage.receiver.url}/tags`, tags: ["v1*"], repositories: ["*/one"] });
    await stage.open();
    await stage.push("v1", "a", parseRepositoryName("team/one"));
    await stage.push("v1", "a", parseRepositoryName("other/one"));
    await stage.push("v2", "a", parseRepositoryName("team/two"));
    await renameRepository(
      stage.registry,
      everybody,
      parseRepositoryName("team/one"),
      parseRepositoryName("team/new"),
      undefined,
    );
    await stage.push("v3", "a", parseRepositoryName("team/new"));
    await deleteRepository(stage.registry, everybody, parseRepositoryName("team/new"), undefined);
    const at = (path: string) =>
      stage.receiver.got
        .filter((message) => message.path === path)
        .map(({ body }) => JSON.parse(body).subject.replace(/@.*/, "@"));
    await stage.until(() => at("/one").length >= 6 && at("/team").length >= 10);
    expect(at("/tags")).toEqual(["team/one:v1", "team/one@"]);
    const own = ["team/new", "team/new", "team/new:v3", "team/new@", "team/one:v1", "team/one@"];
    expect(at("/one")).toHaveLength(own.length);
    expect(new Set(at("/one"))).toEqual(new Set(own));
    expect(at("/team").some((subject: string) => subject.startsWith("other"))).toBe(false);
    expect(await stage.row(one)).toBeDefined();
  });

  it("pulls are counted and told to who asks for them, refused tags to all", async () => {
    const id = await stage.hook({ events: ["image.pulled", "tag.refused"] });
    await stage.open();
    const digest = await stage.push("pulled");
    const { mark } = await pullManifest(stage.registry, everybody, app, parseReference("pulled"));
    const puller = { principal: everybody.principal, repository: app };
    for (let time = 0; time < 3; time++) notePull(stage.registry, puller, mark);
    await keepPullTimes(stage.registry, 60_000).stop();
    const who = { principal: "user:wendy", credential: null, address: null, request: null, reason: "v* do not move" };
    const tried = { action: "push", repository: "team/app", target: "pulled", event: "tag.refused", times: 2 };
    await stage.metadata.write("recordRefusals", { refused: [{ ...who, ...tried, firstAt: 1, lastAt: Date.now() }] });
    await stage.until(() => stage.receiver.got.length >= 2);
    const [pulled, refused] = stage.told().toSorted((a, b) => (a.type < b.type ? -1 : 1));
    expect(pulled).toMatchObject({ type: "image.pulled", data: { digest, tag: "pulled", count: 3, actor: null } });
    expect(refused).toMatchObject({ type: "tag.refused", subject: "team/app:pulled" });
    expect(refused.data).toMatchObject({ tag: "pulled", actor: "user:wendy", action: "push", times: 2 });
    expect(await stage.deliveries(id)).toHaveLength(2);
  });

  it("what waits is bounded, and old deliveries go", async () => {
    const id = await stage.hook({ events: ["tag.moved"] });
    for (let n = 0; n < 5; n++) await stage.push("bounded", `n${n}`);
    await stage.metadata.write("spreadEvents", { limit: 100, waiting: 3 });
    expect(await stage.deliveries(id, "waiting")).toHaveLength(3);
    expect((await stage.deliveries(id, "dead")).map(({ error }) => error)).toEqual(
      Array.from({ length: 2 }, () => "3 deliveries wait already"),
    );
    expect(await stage.metadata.write("expireDeliveries", { keep: 60_000, most: 100, limit: 50 })).toEqual({
      removed: 0,
    });
    await stage.metadata.write("expireDeliveries", { keep: 60_000, most: 1, limit: 50 });
    expect(await stage.deliveries(id)).toHaveLength(4);
    await stage.metadata.write("expireDeliveries", { keep: -1_000, most: 100, limit: 50 });
    await stage.metadata.write("expireDeliveries", { keep: -1_000, most: 100, limit: 50 });
    expect(await stage.deliveries(id)).toEqual([]);
  });
});
