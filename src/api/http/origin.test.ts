import { expect, test } from "vitest";
import { sendJson } from "./index.ts";
import type { Exchange } from "./index.ts";
import { listenWith } from "./testing/open-test-listener.ts";
import { ask } from "./testing/raw-client.ts";

test("a request's id is in no other request", async () => {
  const { port } = await listenWith({}, (exchange) => sendJson(exchange, 200, ["X-Request-Id", exchange.id], "{}"));
  const ids = new Set<string>();
  for (let count = 0; count < 50; count++) {
    const answer = await ask(port, "GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: from-a-stranger\r\n\r\n");
    ids.add(answer!.headers["x-request-id"]!);
  }
  expect(ids.size).toBe(50);
});

test.each([
  ["X-Forwarded-For: 203.0.113.7", "203.0.113.7 http a"],
  ["X-Forwarded-For: 1.1.1.1, 203.0.113.7, 10.0.0.9", "203.0.113.7 http a"],
  [
    "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: r.example",
    "203.0.113.7 https r.example",
  ],
  ["X-Forwarded-Proto: https", "127.0.0.1 https a"],
  ["X-Forwarded-For: nonsense", "127.0.0.1 http a"],
  ['Forwarded: for=6.6.6.6, for="[2001:db8::1]:4711";proto=https;host=r.example', "2001:db8::1 https r.example"],
  ["X-Forwarded-Host: a b\\nc", "127.0.0.1 http a"],
])("behind a trusted proxy, %s gives %s", async (header, expected) => {
  const trustedProxies = ["127.0.0.0/8", "10.0.0.0/8"];
  const handle = (exchange: Exchange) => {
    const { address, scheme, host } = exchange.origin;
    sendJson(exchange, 200, [], JSON.stringify({ origin: `${address} ${scheme} ${host}`, id: exchange.id }));
  };
  const bytes = `GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: 0af7651916cd43dd\r\n${header}\r\n\r\n`;
  const trusting = await ask((await listenWith({ trustedProxies }, handle)).port, bytes);
  expect(JSON.parse(trusting!.body)).toEqual({ origin: expected, id: "0af7651916cd43dd" });
  const doubting = await ask((await listenWith({}, handle)).port, bytes);
  const { origin, id } = JSON.parse(doubting!.body) as { origin: string; id: string };
  expect(origin).toBe("127.0.0.1 http a");
  expect(id).not.toBe("0af7651916cd43dd");
});
