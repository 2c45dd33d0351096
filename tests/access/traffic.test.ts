import { createHash } from "node:crypto";
import { request } from "node:http";
import { expect, test } from "vitest";
import { basic, grant, makeAccount, makeToken } from "../support/open-rights.ts";
import { serveGuarded } from "../support/serve-guarded.ts";
import type { GuardedServer } from "../support/serve-guarded.ts";

async function writer(server: GuardedServer, name: string): Promise<string> {
  const account = await makeAccount(server.metadata, name);
  await grant(server.metadata, { account }, { namespace: 1 }, "writer");
  return basic(name, (await makeToken(server.metadata, account)).secret);
}

/** The first refusal of many requests at once: one after the other may be too slow for it. */
async function refusedAmong(ask: () => ReturnType<GuardedServer["ask"]>) {
  for (let time = 0; time < 100; time++) {
    const answers = await Promise.all(Array.from({ length: 10 }, ask));
    const refused = answers.find(({ status }) => status !== 200);
    if (refused !== undefined) return refused;
  }
  throw new Error("nothing was refused");
}

test("who asks faster than allowed is told to wait, and nobody else is (threat 53)", async () => {
  const server = await serveGuarded({}, { traffic: { requestRate: 1, uploadsAtOnce: 0 } });
  const [one, two] = [await writer(server, "one"), await writer(server, "two")];
  const ask = async (login: string) => await server.ask("GET", "/v2/", login);
  const statuses = [];
  for (let number = 0; number < 15; number++) statuses.push((await ask(one)).status);
  // Ten in a burst; on a slow machine more are allowed while they are asked.
  expect(statuses.slice(0, 10)).toEqual(Array(10).fill(200));
  const refused = await refusedAmong(() => ask(one));
  expect([refused.status, refused.code, refused.headers.get("retry-after")]).toEqual([429, "TOOMANYREQUESTS", "1"]);
  expect((await ask(two)).status).toBe(200);
  // A registry token is the same principal.
  const token = await server.token("repository:a:pull", one);
  await refusedAmong(() => ask(one));
  expect((await refusedAmong(() => ask(token))).status).toBe(429);
  await server.close();
});

test("uploads above the limit wait for others of the same principal to end (threat 53)", async () => {
  const server = await serveGuarded({}, { traffic: { requestRate: 0, uploadsAtOnce: 1 } });
  const [one, two] = [await writer(server, "one"), await writer(server, "two")];
  const opened = await server.ask("POST", "/v2/app/blobs/uploads/", one);
  const path = opened.headers.get("location")!;
  const slow = request(`${server.url}${path}`, { method: "PATCH", headers: { authorization: one } });
  const ended = new Promise<number>((resolve, reject) => {
    slow.on("response", (response) => resolve(response.resume().statusCode!)).on("error", reject);
  });
  slow.write("begin");
  // The server has seen it when it refuses the next.
  let refused = await server.ask("POST", "/v2/app/blobs/uploads/", one);
  while (refused.status === 202) refused = await server.ask("POST", "/v2/app/blobs/uploads/", one);
  expect([refused.status, refused.code]).toEqual([429, "TOOMANYREQUESTS"]);
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  expect((await server.ask("POST", "/v2/app/blobs/uploads/", two)).status).toBe(202);
  expect((await server.ask("GET", "/v2/", one)).status).toBe(200);
  slow.end(" and end");
  expect(await ended).toBe(202);
  expect((await server.ask("POST", "/v2/app/blobs/uploads/", one)).status).toBe(202);
  await server.close();
});

test("many slow clients take nothing from others and are cut off; then their principal may upload again (threat 53)", async () => {
  const slowest = { bytesPerSecond: 1_000, over: 4_000 };
  const server = await serveGuarded({}, { traffic: { requestRate: 0, uploadsAtOnce: 50 }, slowest });
  const [slow, busy] = [await writer(server, "slow"), await writer(server, "busy")];
  const begin = (login?: string) => server.ask("POST", "/v2/app/blobs/uploads/", login);
  expect((await begin()).status, "who shows nothing begins none").toBe(401);
  const opened = await Promise.all(Array.from({ length: 300 }, () => begin(slow)));
  const statuses: number[] = [];
  const clients = opened.map(({ headers }) => {
    const path = headers.get("location")!;
    const client = request(`${server.url}${path}`, { method: "PATCH", headers: { authorization: slow } });
    const ended = new Promise<void>((resolve) => {
      client.on("response", (response) => statuses.push(response.resume().statusCode!));
      client.on("error", () => undefined).on("close", resolve);
    });
    client.write("a");
    return ended;
  });
  // Meanwhile somebody else works as if they were not there.
  for (let number = 0; statuses.length < clients.length; number++) {
    const body = `layer ${number}`;
    const digest = `sha256:${createHash("sha256").update(body).digest("hex")}`;
    const pushed = await server.ask("POST", `/v2/app/blobs/uploads/?digest=${digest}`, busy, body);
    expect(pushed.status, pushed.text).toBe(201);
    expect((await server.ask("GET", `/v2/app/blobs/${digest}`, busy)).text).toBe(body);
  }
  await Promise.all(clients);
  // Those beyond the limit were told to wait, the others that they are too slow.
  const count = (wanted: number) => statuses.filter((status) => status === wanted).length;
  expect(count(429) + count(408)).toBe(300);
  expect(count(408)).toBeGreaterThanOrEqual(50);
  // On a slow machine some are cut off before the last have come.
  expect(count(429)).toBeGreaterThan(100);
  expect((await begin(slow)).status).toBe(202);
  await server.close();
});
