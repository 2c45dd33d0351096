import fc from "fast-check";
import { expect, test } from "vitest";
import { formatRefused, formatRequest, sendEmpty, sendJson } from "./index.ts";
import type { Exchange } from "./index.ts";
import { ended, listenWith } from "./testing/open-test-listener.ts";
import { ask, openRawClient } from "./testing/raw-client.ts";

const lastLine = async () => {
  await expect.poll(() => ended.length).toBeGreaterThan(0);
  return formatRequest(ended.at(-1)!, Date.UTC(2026, 0, 2, 3, 4, 5, 6));
};

test("a request's line says who asked what, how it ended, how much went over and how long it took", async () => {
  const { port } = await listenWith();
  await ask(
    port,
    "POST /v2/a?token=secret HTTP/1.1\r\nHost: a\r\nUser-Agent: t/1\r\nAuthorization: Basic c2VjcmV0\r\nContent-Length: 3\r\n\r\nabc",
  );
  const line = await lastLine();
  expect(line).not.toContain("secret");
  expect(line).not.toContain("c2VjcmV0");
  expect(JSON.parse(line)).toEqual({
    level: "info",
    time: "2026-01-02T03:04:05.006Z",
    message: "request",
    id: ended[0]!.id,
    method: "POST",
    path: "/v2/a",
    status: 200,
    in: 3,
    out: 29,
    ms: expect.any(Number) as number,
    from: "127.0.0.1",
    agent: "t/1",
  });
});

test("a client that leaves before its answer is whole is marked", async () => {
  let waiting: Exchange | undefined;
  const { port } = await listenWith({}, (exchange) => (waiting = exchange));
  const client = await openRawClient(port);
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await expect.poll(() => waiting).toBeDefined();
  client.close();
  expect(JSON.parse(await lastLine())).toMatchObject({ path: "/", broken: true });
});

test("whatever a client sends, a request is one line that parses", async () => {
  const { port } = await listenWith({}, (exchange) => sendEmpty(exchange.response, 404, []));
  const client = await openRawClient(port);
  const visible = fc.stringMatching(/^[!-~]{1,40}$/);
  await fc.assert(
    fc.asyncProperty(visible, fc.stringMatching(/^[ -~\x80-\xff\t]{0,60}$/), async (path, agent) => {
      client.send(Buffer.from(`GET /${path} HTTP/1.1\r\nHost: a\r\nUser-Agent: ${agent}\r\n\r\n`, "latin1"));
      if ((await client.read()) === undefined) throw new Error("the connection ended");
      const line = await lastLine();
      expect(line.match(/\n/g)).toHaveLength(1);
      expect(JSON.parse(line)).toMatchObject({ message: "request", method: "GET" });
    }),
    { numRuns: 300 },
  );
  client.close();
});

test("what was no request has a line, too", () => {
  const facts = { id: "a-1", peer: "127.0.0.1", status: 400, reason: 'not "HTTP"\n' };
  expect(JSON.parse(formatRefused(facts, 0))).toMatchObject({ message: "no request", why: 'not "HTTP"\n' });
});

test("an answer of unknown exchanges is counted by its body's bytes", async () => {
  const { port } = await listenWith({}, (exchange) => sendJson(exchange, 200, [], "{}"));
  await ask(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  expect(JSON.parse(await lastLine())).toMatchObject({ in: 0, out: 2 });
});
