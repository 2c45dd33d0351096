import { connect } from "node:net";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openStores } from "../src/open-stores.ts";
import { fsck } from "../src/registry/index.ts";
import type { Problem } from "../src/registry/index.ts";
import { openRawClient } from "../src/api/http/testing/raw-client.ts";
import { Dice, RequestSource } from "./support/fuzz-requests.ts";
import { startTestServer } from "./support/start-server.ts";
import { digestOf, types, WireClient } from "./support/wire-client.ts";

/*
 * Requests that are wrong in ways nobody thought of: no answer may be a 5xx, nothing may break inside, and the registry
 * must work afterwards, with rows and objects that agree. 100,000 under CI, 5,000 elsewhere. `BERTH_FUZZ_SEED` and `BERTH_FUZZ_REQUESTS` repeat a run or make it longer.
 */
const seed = Number(process.env["BERTH_FUZZ_SEED"] ?? 1);
const wanted = Number(process.env["BERTH_FUZZ_REQUESTS"] ?? (process.env["CI"] === "true" ? 100_000 : 5_000));
/** Of all requests, those whose framing is broken too; each needs a connection of its own. */
const brokenShare = 0.15;
const clients = 8;
const pipelined = 8;

const data = await mkdtemp(join(tmpdir(), "berth-fuzz-"));
const server = await startTestServer({ data, log: { requests: false } });
afterAll(() => rm(data, { recursive: true, force: true }));
const port = () => Number(new URL(server.url).port);
const client = new WireClient(() => server.url);

const statuses = new Map<number, number>();
const failures: string[] = [];

function note(status: number, request: Uint8Array, body = ""): void {
  statuses.set(status, (statuses.get(status) ?? 0) + 1);
  if (status < 500 && status > 0) return;
  failures.push(`${status} ${body.slice(0, 150)} to ${Buffer.from(request).toString("latin1").slice(0, 2000)}`);
}

/** Fails with a line for each thing that was found, the first of each kind first: a summary shows a few lines and no more. */
function expectNone(found: Readonly<Record<string, readonly unknown[]>>): void {
  const lines = Object.entries(found).flatMap(([kind, all]) =>
    all.map((one, index) => ({ index, text: `${kind} ${index + 1} of ${all.length}: ${tell(one)}` })),
  );
  const message = lines.toSorted((one, other) => one.index - other.index).map(({ text }) => text);
  expect(lines.length, message.slice(0, 5).join("\n")).toBe(0);
}

/** In few words: what comes again and again stands there once. */
function tell(one: unknown): string {
  const text = one instanceof Error ? (one.stack ?? one.message) : typeof one === "string" ? one : JSON.stringify(one);
  return JSON.stringify(text.replaceAll(/(.)\1{9,}/g, "$1…"));
}

/** Sends well-framed requests, some at a time on one connection, until `left` says that it is enough. */
async function sendFramed(source: RequestSource, left: () => boolean): Promise<void> {
  while (left()) {
    const raw = await openRawClient(port());
    for (let open = true; open && left();) {
      const batch = Array.from({ length: pipelined }, () => source.next());
      raw.send(Buffer.concat(batch.map(({ bytes }) => bytes)));
      for (const { method, bytes } of batch) {
        const answer = await raw.read(method);
        // A refusal that ends the connection leaves the others without an answer.
        open = answer !== undefined;
        if (answer === undefined) break;
        note(answer.status, bytes, answer.body);
        const { location } = answer.headers;
        if (answer.status === 202 && location !== undefined) source.learn(location);
      }
    }
    raw.close();
  }
}

/** Sends bytes that may be anything, and looks at every status line that comes back. */
function sendBroken(bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port: port(), host: "127.0.0.1" });
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
    socket.on("error", () => undefined);
    socket.once("close", () => {
      for (const [, status] of text.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)) note(Number(status), bytes);
      resolve();
    });
    socket.end(bytes);
  });
}

test(
  `${wanted.toLocaleString("en")} fuzzed requests: no 5xx, nothing breaks, and the registry works afterwards`,
  // Two busy cores took nine minutes for 100,000.
  { timeout: 3_000_000 },
  async () => {
    const image = await client.pushImage("team/app", "v1");
    const blob = await client.pushBlob("a", "z".repeat(20_000));
    const manifests = [
      (await client.get("/v2/team/app/manifests/v1")).text,
      JSON.stringify({ schemaVersion: 2, mediaType: types.index, manifests: [image], subject: image }),
      JSON.stringify({ schemaVersion: 2, mediaType: types.manifest, config: blob, layers: [blob], subject: image }),
    ];
    const known = {
      manifests,
      digests: [image.digest, blob.digest, digestOf(manifests[0]!), digestOf("{}"), digestOf("")],
    };
    const broken: unknown[] = [];
    const catchIt = (error: unknown) => void broken.push(error);
    process.on("uncaughtExceptionMonitor", catchIt);

    const brokenWanted = Math.floor(wanted * brokenShare);
    let brokenSent = 0;
    let framed = 0;
    const started = performance.now();
    await Promise.all(
      Array.from({ length: clients }, async (_, index) => {
        const source = new RequestSource(new Dice(seed * 1000 + index), known);
        const count = () => {
          framed = [...statuses.values()].reduce((sum, one) => sum + one, 0) - brokenSent;
          return framed < wanted - brokenWanted && failures.length === 0;
        };
        const share = async () => {
          while (brokenSent < brokenWanted && failures.length === 0) {
            brokenSent++;
            await sendBroken(source.nextBroken());
          }
        };
        await Promise.all([sendFramed(source, count), share()]);
      }),
    );
    process.off("uncaughtExceptionMonitor", catchIt);
    const seconds = Math.round((performance.now() - started) / 1000);
    const table = [...statuses].toSorted(([a], [b]) => a - b).map(([status, count]) => `${status}: ${count}`);
    console.log(`seed ${seed}, ${framed} framed, ${brokenSent} broken, ${seconds} s; ${table.join(", ")}`);
    expectNone({ "answer of 5xx": failures, "uncaught exception": broken, "logged error": server.errors });
    expect(framed + brokenSent).toBeGreaterThanOrEqual(wanted);

    // What was there before is there still, and a push goes through.
    const pulled = await client.get(`/v2/a/blobs/${blob.digest}`);
    expect([200, 404]).toContain(pulled.status);
    await client.pushImage("after/fuzz", "latest");
    expect((await client.get("/v2/after/fuzz/manifests/latest")).status).toBe(200);
    await server.close();

    const stores = await openStores(server.config, server.log);
    const options = {
      verify: true,
      rate: 0,
      grace: 0,
      report: ({ message }: Problem) => void problems.push(message),
      progress: () => undefined,
    };
    const problems: string[] = [];
    const { referencesWithoutRow, rowsWithoutObject, objectsWithoutRow, digestMismatches } = await fsck(
      stores.registry,
      options,
    );
    await stores.close();
    expectNone({ "problem of fsck": problems });
    expect([referencesWithoutRow, rowsWithoutObject, objectsWithoutRow, digestMismatches]).toEqual([0, 0, 0, 0]);
  },
);
