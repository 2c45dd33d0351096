import { createHash, randomBytes } from "node:crypto";
import { Agent, request } from "node:http";
import { afterAll, describe, expect, test } from "vitest";
import { startPostgres } from "../support/postgres.ts";
import { startTestServer } from "../support/start-server.ts";

/*
 * No row that all pushes share: a thousand uploads at once into one namespace with a quota, beside a thousand into one without, in turn.
 */

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

const uploads = 1_000;
const pairs = 5;
/** Of the rate without a quota; a tenth less is taken, since machines vary. */
const least = 0.8 * 0.9;

const databases = [
  { name: "SQLite", database: async () => undefined },
  ...(postgres === undefined ? [] : [{ name: "PostgreSQL", database: () => postgres.makeMigrated() }]),
];

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

describe.each(databases)("on $name", ({ name, database }) => {
  test(
    "a thousand uploads at once into a namespace with quotas are about as fast as without, and none fails",
    { timeout: 300_000 },
    async () => {
      const url = await database();
      const server = await startTestServer(url === undefined ? {} : { database: url });
      const agent = new Agent({ keepAlive: true, maxSockets: uploads });
      const ask = (method: string, path: string, body: Buffer, headers: Record<string, string> = {}) =>
        new Promise<{ readonly status: number; readonly text: string }>((resolve, reject) => {
          const asked = request(server.url + path, { method, agent, headers }, (answer) => {
            const chunks: Buffer[] = [];
            answer.on("data", (chunk: Buffer) => void chunks.push(chunk));
            answer.on("end", () => resolve({ status: answer.statusCode!, text: Buffer.concat(chunks).toString() }));
          });
          asked.on("error", reject);
          asked.end(body);
        });
      const json = { "content-type": "application/json" };
      const setUp = async (path: string, set: object) => {
        await ask("POST", "/api/v1/namespaces", Buffer.from(JSON.stringify({ path })), json);
        const changed = await ask(
          "PATCH",
          `/api/v1/namespaces/${path}/-/settings`,
          Buffer.from(JSON.stringify({ set })),
          json,
        );
        expect(changed.status, changed.text).toBe(200);
      };
      /** Milliseconds that a thousand uploads take together. */
      const pushAll = async (namespace: string): Promise<number> => {
        const bodies = Array.from({ length: uploads }, () => randomBytes(1_024));
        const began = performance.now();
        const answers = await Promise.all(
          bodies.map((body, index) => {
            const digest = `sha256:${createHash("sha256").update(body).digest("hex")}`;
            return ask("POST", `/v2/${namespace}/app-${index % 50}/blobs/uploads/?digest=${digest}`, body);
          }),
        );
        const took = performance.now() - began;
        expect(answers.filter(({ status }) => status !== 201).slice(0, 3)).toEqual([]);
        return took;
      };
      try {
        await setUp("free", { description: "no quota" });
        await setUp("counted", { quotaStorage: 100 * 1024 ** 3, quotaRepositories: 1_000 });
        for (const namespace of ["free", "counted"]) await pushAll(namespace);
        const took: { free: number; counted: number }[] = [];
        const ratioOf = () => median(took.map(({ free, counted }) => free / counted));
        // On a machine that does much else at the time, more pairs tell more.
        for (let round = 0; round < 3 && (round === 0 || ratioOf() <= least); round++) {
          for (let pair = 0; pair < pairs; pair++) {
            const first = pair % 2 === 0 ? "free" : "counted";
            const one = await pushAll(first);
            const other = await pushAll(first === "free" ? "counted" : "free");
            took.push(first === "free" ? { free: one, counted: other } : { free: other, counted: one });
          }
        }
        const ratio = ratioOf();
        const rate = Math.round((uploads * 1_000) / median(took.map(({ free }) => free)));
        console.info(`${name}: ${rate}/s without, ${ratio.toFixed(2)} of it with quotas, ${took.length} pairs`);
        expect(ratio).toBeGreaterThan(least);
      } finally {
        agent.destroy();
        await server.close();
      }
    },
  );
});
