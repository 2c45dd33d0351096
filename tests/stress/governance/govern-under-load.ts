import { randomInt } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { Receiver } from "../../support/receiver.ts";
import type { Received } from "../../support/receiver.ts";
import { clientOf } from "../../support/management-client.ts";
import type { ApiClient } from "../../support/management-client.ts";
import type { TestProcess } from "../../support/start-process.ts";
import type { Postgres } from "../../support/postgres.ts";
import { examine, isEnough, makeLayers, start } from "../collect-under-load.ts";
import type { StressOptions } from "../collect-under-load.ts";
import { pull, removeBlob, runWorks } from "../stress-client.ts";
import { tagsOf, worksOf } from "./governed-client.ts";
import type { GovernedWorld } from "./governed-client.ts";
import { openGround } from "./ground.ts";
import { judge } from "./judge.ts";
import { Ledger } from "./ledger.ts";

export interface GovernedOptions extends Omit<StressOptions, "kept"> {
  /** Two nodes compete for it; one node with SQLite when left out. */
  readonly postgres?: Postgres | undefined;
}

export interface GovernedResult {
  readonly operations: number;
  readonly lost: number;
  readonly kills: number;
  readonly seconds: number;
  readonly counts: Readonly<Record<string, number>>;
  /** What must not be; empty. */
  readonly violations: readonly string[];
  readonly numbers: readonly number[];
  readonly integrity: readonly string[];
  readonly left: readonly string[];
  /** Of what was looked at. */
  readonly figures: Readonly<Record<string, number>>;
}

/** What is deleted in `long` can be undone for an hour, in `short` for two seconds. */
const repositories = ["stress/long/a", "stress/long/b", "stress/short/a", "stress/short/b"];
const windows = { long: "1h", short: "2s" };
/** Some pushes have no room. */
const quotas = { quotaStorage: 4_000_000, quotaImages: 250, quotaRepositories: 40 };
/** Lets go of what has the tags of that kind alone: `keep` beats `expire`. */
const lifecycle = {
  rules: [
    { name: "kept", action: "keep", select: { glob: ["keep-*"] } },
    { name: "tmp", action: "expire", select: { glob: ["tmp-*"] }, exceptNewest: { count: 6 } },
  ],
  floor: { images: 1, percent: 100 },
};

/**
 * Clients push, move, delete, undo, hold and report images while lifecycle runs, collection and quotas are at work and two
 * receivers are told of everything; the server is killed again and again. Then what the clients wrote down, what the receivers
 * were told and what is there must be the same.
 */
export async function governUnderLoad(options: GovernedOptions): Promise<GovernedResult> {
  const ground = await openGround(options.postgres);
  const world: GovernedWorld = {
    ...{ url: "", pin: 0, layers: makeLayers(), operations: 0, lost: 0, violations: [], counts: new Map() },
    repositories,
    tags: Array.from({ length: options.clients }, (_none, client) => tagsOf(client)).flat(),
    quotas: true,
    ledger: new Ledger(),
    seenUndo: new Map(),
  };
  const receiver = await Receiver.open();
  const taken: Received[] = [];
  receiver.react = (message, response) => takeBadly(taken, message, response);
  const env = {
    BERTH_OUTGOING_ALLOW: "127.0.0.1",
    BERTH_LIFECYCLE_SCHEDULE: "* * * * *",
    BERTH_LIFECYCLE_JITTER: "0s",
    ...ground.env,
  };
  let began = performance.now();
  const goOn = () => world.violations.length === 0 && !isEnough(options, world.operations, performance.now() - began);
  let kills = 0;
  const servers: TestProcess[] = [];
  const startNode = async (node: number) => {
    servers[node] = await start(world, ground.nodes[node]!, env);
    if (servers.length > 1) world.urls = servers.map(({ url }) => url);
  };
  const api = clientOf(() => world.url);
  try {
    for (const node of ground.nodes.keys()) await startNode(node);
    await setUp(api, receiver.url);
    began = performance.now();
    const clients = Array.from({ length: options.clients }, (_none, client) =>
      runWorks(world, [...worksOf(world, client), pull, pull, removeBlob], goOn),
    );
    const end = Promise.allSettled(clients);
    while (goOn()) {
      const { operations } = world;
      const pause = setTimeout(options.killEvery);
      if ((await Promise.race([end, pause])) !== undefined || !goOn()) break;
      // A server that is killed before it has answered anybody proves nothing.
      if (world.operations === operations) continue;
      const node = kills % servers.length;
      await servers[node]!.stop("SIGKILL");
      kills++;
      await startNode(node);
    }
    for (const one of await end) if (one.status === "rejected") world.violations.push(String(one.reason));
    receiver.react = (message) => void taken.push(message);
    const figures = await judge({ world, api, look: ground.look, taken, quotas });
    for (const server of servers) {
      if ((await server.stop()) !== 0) world.violations.push("a server did not end in order");
      for (const line of server.lines) if (line["level"] === "error") world.violations.push(JSON.stringify(line));
    }
    // All windows of servers that have stopped end.
    await ground.alter("update undo set until_at = 1");
    const { operations, lost, violations } = world;
    const seconds = Math.round((performance.now() - began) / 1000);
    const counts = Object.fromEntries(world.counts);
    const after = await examine(ground.nodes[0]!, world, ground.shared);
    return { operations, lost, kills, seconds, counts, violations, ...after, figures };
  } finally {
    await Promise.all(servers.map((server) => server.stop("SIGKILL")));
    await receiver.close();
    await ground.close();
  }
}

/** Refuses some, hears some without saying so, and lets others wait. */
async function takeBadly(
  taken: Received[],
  message: Received,
  response: { destroy(): unknown },
): Promise<number | undefined | "itself"> {
  const die = randomInt(100);
  if (die < 2) return 500;
  taken.push(message);
  if (die < 4) {
    response.destroy();
    return "itself";
  }
  if (die < 20) await setTimeout(randomInt(400));
  return undefined;
}

async function setUp(api: ApiClient, receiver: string): Promise<void> {
  const done = async (asked: Promise<{ readonly status: number; readonly text: string }>) => {
    const { status, text } = await asked;
    if (status >= 300) throw new Error(`${status} ${text}`);
  };
  for (const path of ["stress", "stress/long", "stress/short"]) await done(api.post("/namespaces", { path }));
  await done(api.patch("/namespaces/stress/-/settings", { set: { ...quotas, lifecycle } }));
  for (const [name, undoWindow] of Object.entries(windows)) {
    await done(api.patch(`/namespaces/stress/${name}/-/settings`, { set: { undoWindow } }));
  }
  for (const name of repositories) await done(api.post("/repositories", { name }));
  await done(api.post("/webhooks", { namespace: "", url: `${receiver}/all` }));
  const batches = { namespace: "stress/long", url: `${receiver}/long`, format: "cloudevents-batch" };
  await done(api.post("/webhooks", batches));
}
