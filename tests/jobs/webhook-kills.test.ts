import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout } from "node:timers/promises";
import pg from "pg";
import { afterAll, expect, test } from "vitest";
import { clientOf } from "../support/management-client.ts";
import { digestOf, imageOf, imageType } from "../support/open-registry.ts";
import { needPeers } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";
import { Receiver } from "../support/receiver.ts";
import { startProcess } from "../support/start-process.ts";
import type { TestProcess } from "../support/start-process.ts";

/* `berth serve` is killed while it delivers: before a request, in one, and after its answer, before that is written down. */

const folder = await mkdtemp(join(tmpdir(), "berth-webhook-kills-"));
const postgres = await startPostgres();
const receiver = await Receiver.open();
const processes: TestProcess[] = [];
afterAll(async () => {
  for (const one of processes) await one.stop("SIGKILL");
  await receiver.close();
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
}, 240_000);

async function startNode(data: string, env: Readonly<Record<string, string>>): Promise<TestProcess> {
  const started = await startProcess({
    data: join(folder, data),
    env: { BERTH_OUTGOING_ALLOW: "127.0.0.1", BERTH_WEBHOOKS_TIMEOUT: "20s", ...env },
  });
  processes.push(started);
  return started;
}

async function waitFor(what: string, done: () => boolean | Promise<boolean>): Promise<void> {
  for (let look = 0; look < 1_500; look++) {
    if (await done()) return;
    await setTimeout(40);
  }
  throw new Error(`nothing comes of it: ${what}`);
}

async function push(node: TestProcess, repository: string, tag: string, note: string): Promise<string> {
  const layer = "the layer of all";
  const to = `${node.url}/v2/${repository}`;
  const blob = `${to}/blobs/uploads/?digest=${digestOf(Buffer.from(layer))}`;
  expect((await fetch(blob, { method: "POST", body: layer })).status).toBe(201);
  const text = imageOf([layer], { annotations: { note } });
  const headers = { "content-type": imageType };
  expect((await fetch(`${to}/manifests/${tag}`, { method: "PUT", body: text, headers })).status).toBe(201);
  return digestOf(Buffer.from(text));
}

/** A port that takes connections and reads nothing: a request to it has not begun. */
async function openDeaf() {
  const server = createServer({ pauseOnConnect: true });
  const sockets: Socket[] = [];
  server.on("connection", (socket) => sockets.push(socket.on("error", () => undefined)));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}

/** From now on nobody can write down an attempt of these webhooks; resolves with what lets go. */
type HoldRows = (webhooks: readonly number[]) => Promise<() => Promise<void>>;

interface Kind {
  readonly name: string;
  readonly open: () => Promise<{
    readonly first: TestProcess;
    /** Who delivers after the kill: another node that is there before it, or the next start. */
    readonly other: (when: "before" | "after") => Promise<TestProcess | undefined>;
    readonly holdRows: HoldRows;
  }>;
}

const kinds: readonly Kind[] = [
  {
    name: "SQLite",
    async open() {
      const first = await startNode("sqlite", {});
      return {
        first,
        other: async (when) => (when === "after" ? startNode("sqlite", {}) : undefined),
        holdRows: async () => {
          const database = new DatabaseSync(join(folder, "sqlite", "berth.db"), { timeout: 10_000 });
          database.exec("begin immediate");
          return async () => {
            database.exec("rollback");
            database.close();
          };
        },
      };
    },
  },
  {
    name: "PostgreSQL",
    async open() {
      const url = await postgres!.makeDatabase();
      const env = { BERTH_DATABASE: url, BERTH_STORAGE: join(folder, "shared") };
      const first = await startNode("node-1", env);
      return {
        first,
        other: async (when) => (when === "before" ? startNode("node-2", env) : undefined),
        holdRows: async (webhooks) => {
          const client = new pg.Client({ connectionString: url });
          await client.connect();
          await client.query("begin");
          await client.query("select id from webhook where id = any($1) for update", [webhooks]);
          return async () => {
            await client.query("rollback");
            await client.end();
          };
        },
      };
    },
  },
];

test.for(kinds)(
  "a server that is killed in a delivery loses no event and counts no attempt; whoever follows tells it under its id, in order ($name)",
  { timeout: 300_000 },
  async ({ name, open }, context) => {
    if (name === "PostgreSQL" && postgres === undefined) return needPeers(context, "postgresql");
    const { first, other, holdRows } = await open();
    const steps = ["before", "during", "after", "tried", "gone"] as const;
    const of = (list: readonly { readonly path: string; readonly body: string }[], step: string) =>
      list
        .filter(({ path }) => path === `/${name}/${step}`)
        .map(({ body }) => JSON.parse(body) as { id: string; data: { digest: string } });
    const api = clientOf(() => first.url);
    const deaf = await openDeaf();
    const hooks = new Map<string, number>();
    for (const step of steps) {
      const at = step === "before" ? `http://127.0.0.1:${deaf.port}` : receiver.url;
      const wish = { url: `${at}/${name}/${step}`, events: ["tag.moved"] };
      await api.post("/repositories", { name: `kill/${step}` });
      hooks.set(step, (await api.post("/webhooks", { repository: `kill/${step}`, ...wish })).body.id);
    }

    // Until the kill nobody is answered but those whose answer is heard before it, or lost with it.
    let killed = false;
    let gone = 410;
    let held: Promise<() => Promise<void>> | undefined;
    const pushed = Promise.withResolvers<void>();
    let answers = 0;
    receiver.react = async ({ path }, response) => {
      const step = path.split("/").at(-1)!;
      if (killed) return step === "gone" ? gone : 204;
      if (step === "tried" && of(receiver.got, step).length === 1) return 500;
      if (step !== "after" && step !== "gone") return "itself";
      await pushed.promise;
      await (held ??= holdRows(["after", "gone"].map((one) => hooks.get(one)!)));
      response.writeHead(step === "gone" ? 410 : 204).end(() => answers++);
      return "itself";
    };
    const digests = new Map<string, string[]>();
    const pushBoth = async (step: string) =>
      void digests.set(step, [
        await push(first, `kill/${step}`, "v1", "one"),
        await push(first, `kill/${step}`, "v1", "two"),
      ]);
    await pushBoth("tried");
    await waitFor("a second attempt", () => of(receiver.got, "tried").length === 2);
    for (const step of ["before", "during"]) await pushBoth(step);
    await waitFor("a connection", () => deaf.sockets.length > 0);
    await waitFor("a request", () => of(receiver.got, "during").length === 1);
    for (const step of ["gone", "after"]) await pushBoth(step);
    await waitFor("two requests", () => ["gone", "after"].every((step) => of(receiver.got, step).length === 1));
    // It comes when everything is claimed.
    const next = await other("before");
    pushed.resolve();
    await waitFor("two answers", () => answers === 2);
    await setTimeout(500);
    expect(first.lines.filter(({ level }) => level === "error")).toEqual([]);
    await first.stop("SIGKILL");
    await deaf.close();
    killed = true;
    const early = [...receiver.got];
    await (
      await held!
    )();

    // The deaf one hears from now on, before anybody follows.
    const hearing = await Receiver.open(deaf.port);
    const following = next ?? (await other("after"))!;
    const then = clientOf(() => following.url);
    const stateOf = async (step: string) =>
      (await then.get(`/webhooks/${hooks.get(step)}/deliveries`)).body.items as {
        readonly id: number;
        readonly event: string;
        readonly state: string;
        readonly attempts: number;
      }[];
    for (const step of ["before", "during", "after", "tried"]) {
      await waitFor(step, async () => (await stateOf(step)).every(({ state }) => state === "delivered"));
      const rows = (await stateOf(step)).toReversed();
      const heard = of([...receiver.got, ...hearing.got], step);
      const ids = [...new Set(heard.map(({ id }) => id))];
      expect(ids, `${step}: one id for each event, in order`).toEqual(rows.map(({ event }) => event));
      expect([...new Set(heard.map(({ data }) => data.digest))], step).toEqual(digests.get(step));
      // The first attempt of "tried" failed and counts; those that the kill cut off count for nothing.
      expect(
        rows.map(({ attempts }) => attempts),
        step,
      ).toEqual([step === "tried" ? 2 : 1, 1]);
      const before = of(early, step).length;
      expect(before, `${step}: heard before the kill`).toBe({ before: 0, during: 1, after: 1, tried: 2 }[step]);
      expect(heard.length, `${step}: and again after it`).toBe(before + 2);
    }
    // 410 was answered before the kill and not heard; it takes one that is heard.
    await waitFor(
      "the gone one is disabled",
      async () => (await then.get(`/webhooks/${hooks.get("gone")}`)).body.disabled,
    );
    const [second, dead] = await stateOf("gone");
    expect([dead, second]).toMatchObject([
      { state: "dead", attempts: 1 },
      { state: "waiting", attempts: 0 },
    ]);
    expect(of(receiver.got, "gone").map(({ id }) => id)).toEqual([dead!.event, dead!.event]);
    gone = 204;
    await then.patch(`/webhooks/${hooks.get("gone")}`, { disabled: false });
    await then.post(`/webhooks/${hooks.get("gone")}/deliveries/${dead!.id}/redeliver`, {});
    const isTold = ({ state }: { readonly state: string }) => state === "delivered";
    await waitFor("the gone one is back", async () => (await stateOf("gone")).filter(isTold).length === 2);
    expect(new Set(of(receiver.got, "gone").map(({ id }) => id))).toEqual(new Set([dead!.event, second!.event]));
    await hearing.close();
    await following.stop();
  },
);
