import { expect, test } from "vitest";
import { sendChunk } from "./index.ts";
import type { Exchange } from "./index.ts";
import { answerBody, closers, ended, listenWith } from "./testing/open-test-listener.ts";
import { ask, openRawClient } from "./testing/raw-client.ts";

const post = (rest: string) => `POST /v2/ HTTP/1.1\r\nHost: a\r\n${rest}`;
const errorOf = (body: string | undefined) =>
  (JSON.parse(body ?? "{}") as { errors: { code: string; message: string; detail: { requestId: string } }[] })
    .errors[0]!;

test.each([
  ["Content-Length beside Transfer-Encoding", post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")],
  ["Transfer-Encoding beside Content-Length", post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n")],
  ["two Content-Lengths", post("Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd")],
  ["the same Content-Length twice", post("Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc")],
  ["a list as Content-Length", post("Content-Length: 3, 3\r\n\r\nabc")],
  ["a signed Content-Length", post("Content-Length: +3\r\n\r\nabc")],
  ["an unknown Transfer-Encoding", post("Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n")],
  ["a space before the colon", post("Content-Length : 3\r\n\r\nabc")],
  ["a folded header (obs-fold)", post("X-A: 1\r\n 2\r\n\r\n")],
  ["a bare line feed", "GET /v2/ HTTP/1.1\nHost: a\n\n"],
  ["a bare carriage return in a header", post("X-A: 1\rX-B: 2\r\n\r\n")],
  ["NUL in a header", post("X-A: \0\r\n\r\n")],
  ["NUL in the target", "GET /v2/\0 HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["no Host", "GET /v2/ HTTP/1.1\r\n\r\n"],
  ["two Hosts", "GET /v2/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"],
  ["HTTP/0.9", "GET /v2/\r\n\r\n"],
  ["an HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["a TLS greeting on a plain port", Buffer.from("160301020001000001fc0303", "hex")],
  ["an unknown method", "BREW /v2/ HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"],
])("%s is answered 400 with an error that says so, and the connection ends", async (_what, bytes) => {
  const { port } = await listenWith();
  const client = await openRawClient(port);
  client.send(bytes);
  const answer = await client.read();
  expect(answer?.status).toBe(400);
  expect(answer?.headers["connection"]).toBe("close");
  const error = errorOf(answer?.body);
  expect(error.code).toBe("UNSUPPORTED");
  expect(error.detail.requestId).toBe(answer?.headers["x-request-id"]);
  expect(error.message).not.toBe("");
  await client.ended();
});

test("a client that begins TLS on a plain port is told that the port is plain, and how to change that", async () => {
  const { port } = await listenWith();
  const client = await openRawClient(port);
  client.send(Buffer.from("160301020001000001fc0303", "hex"));
  const { message } = errorOf((await client.read())?.body);
  expect(message).toContain("this port speaks plain HTTP");
  expect(message).toContain("`tls.certificate`");
  await client.ended();
});

test("chunks that are no chunks break off the body's reading with 400", async () => {
  const { port } = await listenWith();
  const answer = await ask(port, post("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nnonsense\r\n"));
  expect([answer?.status, errorOf(answer?.body).message]).toEqual([400, expect.stringContaining("not valid HTTP")]);
});

test("a body that breaks off before anybody reads it is refused when somebody does", async () => {
  let waiting: Exchange | undefined;
  const { port } = await listenWith({}, (exchange) => (waiting = exchange));
  const client = await openRawClient(port);
  client.send(post("Content-Length: 5\r\n\r\nabc"));
  client.socket.end();
  await expect.poll(() => waiting?.failure).toBeDefined();
  answerBody(waiting!);
  expect(errorOf((await client.read())?.body).message).toContain("the body ended early");
});

test("what follows a refused body on its connection is not taken for a request", async () => {
  const { port } = await listenWith();
  const client = await openRawClient(port);
  client.send("POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n");
  expect((await client.read())?.status).toBe(400);
  client.send("0123456789GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n");
  expect(await client.read()).toBeUndefined();
  expect(ended).toHaveLength(1);
});

test("a refusal reaches a client that is still sending, and its connection is not reset at once", async () => {
  const { port } = await listenWith();
  const client = await openRawClient(port);
  client.send("POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n");
  const block = Buffer.alloc(1_000_000);
  for (let count = 0; count < 10; count++) client.send(block);
  expect((await client.read())?.status).toBe(400);
  await client.ended();
  for (let count = 0; count < 10; count++) {
    expect(await new Promise((done) => client.socket.write(block, done))).toBeFalsy();
  }
  client.close();
});

test("a refusal without a body leaves the connection open", async () => {
  const { port } = await listenWith();
  const client = await openRawClient(port);
  for (let round = 0; round < 3; round++) {
    client.send("GET /refused HTTP/1.1\r\nHost: a\r\n\r\n");
    const answer = await client.read();
    expect([answer?.status, answer?.headers["connection"]]).toEqual([400, "keep-alive"]);
  }
  client.close();
});

test("HTTP/1.0 is answered and its connection closed; an absolute target means its path", async () => {
  const { port } = await listenWith();
  const old = await openRawClient(port);
  old.send("GET /v2/ HTTP/1.0\r\n\r\n");
  expect((await old.read())?.status).toBe(200);
  await old.ended();
  const absolute = await ask(port, "GET http://a/v2/x?y HTTP/1.1\r\nHost: a\r\n\r\n");
  expect(JSON.parse(absolute!.body)).toEqual({ path: "/v2/x", body: "" });
});

test("pipelined requests are answered in their order", async () => {
  const { port } = await listenWith();
  const client = await openRawClient(port);
  client.send(["/1", "/2", "/3"].map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(""));
  for (const path of ["/1", "/2", "/3"]) expect(JSON.parse((await client.read())!.body)).toEqual({ path, body: "" });
  client.close();
});

test("headers above the limit are answered 431", async () => {
  const { port } = await listenWith();
  const answer = await ask(port, post(`X-A: ${"a".repeat(5000)}\r\n\r\n`));
  expect([answer?.status, errorOf(answer?.body).code]).toEqual([431, "UNSUPPORTED"]);
});

test("headers that do not arrive are answered 408, also when none came at all", async () => {
  const { port } = await listenWith({ headerTime: 200 });
  const [some, none] = [await openRawClient(port), await openRawClient(port)];
  some.send("GET /v2/ HTTP/1.1\r\nHost: ");
  expect((await some.read())?.status).toBe(408);
  expect((await none.read())?.status).toBe(408);
});

test("a body slower than the slowest rate is answered 408, a faster one is not", async () => {
  const { port } = await listenWith({ slowest: { bytesPerSecond: 100, over: 2_000 } });
  const [slow, steady] = [await openRawClient(port), await openRawClient(port)];
  slow.send(post("Content-Length: 1000\r\n\r\na"));
  steady.send(post("Content-Length: 1000\r\n\r\n"));
  let sent = 0;
  const timer = setInterval(() => {
    if (sent++ < 10) steady.send("a".repeat(100));
  }, 300);
  closers.push(() => clearInterval(timer));
  const answer = await slow.read();
  expect([answer?.status, errorOf(answer?.body).code]).toEqual([408, "BLOB_UPLOAD_INVALID"]);
  expect((await steady.read())?.status).toBe(200);
  steady.close();
});

test("a client that does not take its answer loses the connection", async () => {
  let failed: Error | undefined;
  const { port } = await listenWith({ slowest: { bytesPerSecond: 100_000, over: 300 } }, (exchange) => {
    exchange.response.writeHead(200, ["Content-Length", String(1e9)]);
    const block = Buffer.alloc(1_000_000);
    void (async () => {
      for (let count = 0; count < 1000; count++) await sendChunk(exchange, block);
    })().catch((error: Error) => (failed = error));
  });
  const client = await openRawClient(port);
  client.socket.pause();
  client.send("GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n");
  await expect.poll(() => failed?.message).toContain("ended early");
  client.close();
});

test("connections above the limit are told 503 and closed", async () => {
  const { port } = await listenWith({ connections: 2 });
  const get = "GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n";
  const clients = [await openRawClient(port), await openRawClient(port)];
  for (const client of clients) {
    client.send(get);
    expect((await client.read())?.status).toBe(200);
  }
  const third = await openRawClient(port);
  third.send(get);
  const answer = await third.read();
  expect([answer?.status, answer?.headers["retry-after"], answer?.headers["connection"]]).toEqual([503, "2", "close"]);
  await third.ended();
  clients[0]!.close();
  await clients[0]!.ended();
  await expect.poll(async () => (await ask(port, get))?.status).toBe(200);
  clients[1]!.close();
});

test("Expect: 100-continue is answered when the body is wanted, and not when the request is refused", async () => {
  const { port } = await listenWith();
  const wanted = await openRawClient(port);
  wanted.send(post("Expect: 100-continue\r\nContent-Length: 3\r\n\r\n"));
  expect((await wanted.read())?.status).toBe(100);
  wanted.send("abc");
  expect(JSON.parse((await wanted.read())!.body)).toEqual({ path: "/v2/", body: "abc" });
  const refused = await openRawClient(port);
  refused.send("POST /refused HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  const answer = await refused.read();
  expect([answer?.status, answer?.headers["connection"]]).toEqual([400, "close"]);
  const large = await openRawClient(port);
  large.send(post("Expect: 100-continue\r\nContent-Length: 3000000\r\n\r\n"));
  expect((await large.read())?.status).toBe(400);
});

test("a drain lets requests in flight finish, says that they are the last, and closes idle connections", async () => {
  let begun = false;
  const listener = await listenWith({}, (exchange) => {
    begun ||= exchange.path === "/v2/busy";
    answerBody(exchange);
  });
  const [idle, busy] = [await openRawClient(listener.port), await openRawClient(listener.port)];
  idle.send("GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n");
  await idle.read();
  busy.send("POST /v2/busy HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
  await expect.poll(() => begun).toBe(true);
  expect(listener.connections).toBe(2);
  const drained = listener.drain(10_000);
  await idle.ended();
  await expect(openRawClient(listener.port)).rejects.toThrow("ECONNREFUSED");
  busy.send("def");
  const answer = await busy.read();
  expect([answer?.status, answer?.headers["connection"]]).toEqual([200, "close"]);
  await drained;
});

test("a connection closes after as many answers as one may have", async () => {
  const listener = await listenWith({ answersEach: 3 });
  const client = await openRawClient(listener.port);
  for (const connection of ["keep-alive", "keep-alive", "close"]) {
    client.send("GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n");
    expect((await client.read())?.headers["connection"]).toBe(connection);
  }
  await client.ended();
});

test("what is in flight when the drain's time is over is cut", async () => {
  const listener = await listenWith();
  const client = await openRawClient(listener.port);
  client.send(post("Content-Length: 6\r\n\r\nabc"));
  await expect.poll(() => listener.connections).toBe(1);
  await listener.drain(50);
  expect(await client.read()).toBeUndefined();
});

test("a port in use is an error that says what to do", async () => {
  const { port } = await listenWith();
  await expect(listenWith({ port })).rejects.toThrow("is taken by another program");
  await expect(listenWith({ host: "192.0.2.1" })).rejects.toThrow("is no address of this machine");
  await expect(listenWith({ trustedProxies: ["10.0.0.0/40"] })).rejects.toThrow("neither an address nor a network");
});
