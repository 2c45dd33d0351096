import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { countGarbage, countLeft, garbageRows } from "../../tests/support/garbage-rows.ts";
import { startPostgres } from "../../tests/support/postgres.ts";
import type { Postgres } from "../../tests/support/postgres.ts";
import { runPushes } from "../clients/push.ts";
import type { Server } from "../registries.ts";
import type { Beside, Case, Lab, Metrics, Work } from "../work.ts";

/** Manifests to delete, as many as somebody complained of. */
const garbage = 263_000;
const quickly = 60_000;
/** Windows with collection on, each beside one with collection paused. */
const pairs = 5;
/** Images a second that are made beforehand. */
const plenty = 1_500;
const repositories = Array.from({ length: 8 }, (_none, index) => `team/app${index}`);

/** Two looks follow each other at once; what pushes are told of is held for longer than a push takes. */
const quick = {
  BERTH_COLLECTION_UNTAGGED: "delete",
  BERTH_COLLECTION_INTERVAL: "100ms",
  BERTH_COLLECTION_LOOK_GAP: "1s",
  BERTH_COLLECTION_PIN: "10m",
  BERTH_COLLECTION_OBJECT_GRACE: "0s",
};
const unlimited = { BERTH_COLLECTION_ROW_RATE: "0", BERTH_COLLECTION_OBJECT_RATE: "0" };

let postgres: Postgres | undefined;

function besideOf(database: "SQLite" | "PostgreSQL", env: Readonly<Record<string, string>>) {
  return async (): Promise<Beside | undefined> => {
    if (database === "SQLite") return { env: { ...quick, ...env }, stop: async () => {} };
    postgres = await startPostgres({ durable: true });
    if (postgres === undefined) return undefined;
    const started = postgres;
    return { env: { ...quick, ...env, BERTH_DATABASE: started.url }, stop: () => started.stop() };
  };
}

/** Runs statements past Berth. */
async function ask(database: "SQLite" | "PostgreSQL", folder: string, texts: readonly string[]): Promise<number> {
  if (database === "SQLite") {
    const file = new DatabaseSync(join(folder, "berth.db"));
    file.exec("pragma busy_timeout = 60000; begin");
    let count = 0;
    for (const text of texts) count = Number(Object.values(file.prepare(text).all()[0] ?? { none: 0 })[0]);
    file.exec("commit");
    file.close();
    return count;
  }
  const client = new pg.Client({ connectionString: postgres!.url });
  await client.connect();
  let count = 0;
  for (const text of texts) {
    const { rows } = await client.query<{ count: string }>(text);
    count = Number(rows[0]?.count ?? 0);
  }
  await client.end();
  return count;
}

function pause(server: Server, on: boolean): Promise<Response> {
  const headers = { "content-type": "application/json" };
  const init = on ? { method: "PUT", headers, body: "{}" } : { method: "DELETE" };
  return fetch(`http://127.0.0.1:${server.port}/api/v1/collection/pause`, init);
}

const sleep = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

/** Pushes with collection on and paused in turn, then lets it end alone where `whole` says so. */
function beside(database: "SQLite" | "PostgreSQL", whole: boolean): Case["measure"] {
  return async (server, lab) => {
    const left = () => ask(database, lab.folder, [countGarbage]);
    const push = (seconds: number, prefix: string) =>
      runPushes(server, {
        kind: "images",
        clients: 8,
        repositories,
        layerBytes: 1024,
        count: plenty * seconds,
        seconds,
        prefix,
      });
    await pause(server, true);
    await push(4, "warm");
    const seconds = lab.seconds + 2;
    const ratios: number[] = [];
    const [on, off, rates]: Metrics[][] = [[], [], []];
    for (let pair = 0; pair < pairs; pair++) {
      // Who comes second finds more rows: each does as often.
      for (const collecting of pair % 2 === 0 ? [false, true] : [true, false]) {
        await pause(server, !collecting);
        await sleep(1_500);
        const [before, began] = [await left(), performance.now()];
        const metrics = await push(seconds, `${collecting ? "on" : "off"}${pair}x`);
        const took = (performance.now() - began) / 1_000;
        (collecting ? on : off)!.push(metrics);
        if (collecting) rates!.push({ rate: (before - (await left())) / took });
      }
      ratios.push(on!.at(-1)!["p99"]! / off!.at(-1)!["p99"]!);
    }
    const alone: { "manifests/s alone"?: number } = {};
    if (whole) {
      await pause(server, false);
      const [before, began] = [await left(), performance.now()];
      while ((await ask(database, lab.folder, [countLeft(lab.quick ? quickly : garbage)])) > 0) await sleep(1_000);
      alone["manifests/s alone"] = (before * 1_000) / (performance.now() - began);
    }
    return {
      rate: middle(rates!.map(({ rate }) => rate!)),
      "pushes/s": middle(on!.map(({ rate }) => rate!)),
      "pushes/s off": middle(off!.map(({ rate }) => rate!)),
      p99: middle(on!.map(({ p99 }) => p99!)),
      "p99 off": middle(off!.map(({ p99 }) => p99!)),
      "p99 on ÷ off": middle(ratios),
      ...alone,
    };
  };
}

function middle(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
}

function fill(database: "SQLite" | "PostgreSQL") {
  return async (lab: Lab) => {
    await (await lab.start()).stop();
    const dialect = database === "SQLite" ? "sqlite" : "postgres";
    await ask(database, lab.folder, garbageRows(dialect, lab.quick ? quickly : garbage, { seen: true }));
    if (dialect === "postgres") await ask(database, lab.folder, ["analyze"]);
  };
}

function on(database: "SQLite" | "PostgreSQL", rates: "rates as they are" | "no rates"): Case {
  const env = rates === "no rates" ? unlimited : {};
  return {
    name: `${database}, ${rates}`,
    registry: "berth",
    rounds: 1,
    beside: besideOf(database, env),
    prepare: fill(database),
    measure: beside(database, rates === "no rates"),
  };
}

const cases = [
  on("SQLite", "rates as they are"),
  on("SQLite", "no rates"),
  on("PostgreSQL", "rates as they are"),
  on("PostgreSQL", "no rates"),
];

/** Collection of what somebody complained of, while pushes go on. */
export const collection: Work = {
  name: "collection",
  title: "collection of 263,000 manifests beside pushes of 1 KiB images, 8 clients",
  unit: "manifests/s",
  notes: [
    "rows for 263,000 manifests (60,000 with --quick) without a tag in one repository, each with a config of its own and a layer that all share, seen unused once before, with reviews that are due; `untagged: delete`, one second between the two looks",
    "five windows of pushes with collection on, each beside one with collection paused, in turn: medians, and the median of the five ratios",
    "alone: what is left then, to its last blob, without pushes; before, links and blobs wait for the manifests, which come first",
  ],
  cases,
  targets: cases
    .filter(({ name }) => name.endsWith("rates as they are"))
    .map(({ name }) => ({
      text: `${name}: pushes' p99, on ÷ off`,
      value: (results) => results.median(name, "p99 on ÷ off"),
      atMost: 1.2,
    })),
};
