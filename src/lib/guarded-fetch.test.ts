import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeCertificate } from "../../tests/support/certificate.ts";
import { afterEach, describe, expect, test, vi } from "vitest";
import { openGuardedFetch } from "./guarded-fetch.ts";
import type { OutgoingSettings } from "./guarded-fetch.ts";

const closers: (() => void)[] = [];
afterEach(() => closers.splice(0).forEach((close) => close()));

const settings: OutgoingSettings = { allow: [], ca: undefined, timeout: 20_000, sizeLimit: 1_000 };
const local = openGuardedFetch({ ...settings, allow: ["127.0.0.0/8"] });

/** A server of this machine, and how often it was asked. */
async function listen(
  answer: RequestListener,
): Promise<{ readonly url: string; readonly port: number; asked: number }> {
  const server = createServer((request, response) => {
    state.asked++;
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => void server.close().closeAllConnections());
  const { port } = server.address() as AddressInfo;
  const state = { url: `http://127.0.0.1:${port}`, port, asked: 0 };
  return state;
}

test("what is on the list is asked, and answers with status, headers and body", async () => {
  const { url } = await listen(({ method, headers }, response) => {
    response.writeHead(201, { "content-type": "text/plain", "set-cookie": ["a=1", "b=2"] });
    response.end(`${method} ${String(headers["x-one"])} ${headers["accept-encoding"]}`);
  });
  const response = await local(url, { method: "POST", headers: { "X-One": "1" }, body: new URLSearchParams("a=b") });
  expect([response.status, await response.text()]).toEqual([201, "POST 1 identity"]);
  expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
});

test.each([
  "https://127.0.0.1/",
  "https://2130706433/",
  "https://0x7f.1/",
  "https://0/",
  "https://[::1]/",
  "https://[::]/",
  "https://[::ffff:127.0.0.1]/",
  "https://[::ffff:169.254.169.254]/",
  "https://[64:ff9b::7f00:1]/",
  "https://[2002:7f00:1::]/",
  "https://[fd00:ec2::254]/",
  "https://[fe80::1]/",
  "https://169.254.169.254/latest/meta-data",
  "https://10.0.0.1/",
  "https://172.31.255.255/",
  "https://192.168.1.1/",
  "https://100.64.0.1/",
  "https://localhost/",
])("an address that is not public is not asked: %s (threat 22)", async (url) => {
  await expect(openGuardedFetch(settings)(url)).rejects.toThrow(/is not a public address: list its network/);
});

test.each([
  ["ftp://example.com/", "ftp://example.com is not https"],
  ["file:///etc/passwd", "file:// is not https"],
  ["https://user:word@example.com/", "the URL of example.com holds a user name, which is never sent"],
])("nor is what no issuer has: %s (threat 22)", async (url, message) => {
  await expect(openGuardedFetch(settings)(url)).rejects.toThrow(message);
});

test("a name is judged by the address that is connected to, not by one looked up before (threat 22)", async () => {
  const server = await listen((_request, response) => void response.end("inside"));
  const named = `http://localhost:${server.port}`;
  await expect(openGuardedFetch(settings)(named)).rejects.toThrow(
    /localhost \((?:127\.0\.0\.1|::1)\) is asked by http/,
  );
  expect(server.asked).toBe(0);
  const byName = openGuardedFetch({ ...settings, allow: ["LocalHost"] });
  expect(await (await byName(named)).text()).toBe("inside");
});

test("redirects are not followed, credentials go nowhere else (threat 15, threat 22)", async () => {
  const other = await listen((_request, response) => void response.end("secret"));
  for (const status of [301, 302, 303, 307, 308]) {
    const first = await listen((_request, response) => void response.writeHead(status, { location: other.url }).end());
    const headers = { authorization: "Bearer canary" };
    await expect(local(first.url, { headers })).rejects.toThrow(/redirects are not followed/);
  }
  expect(other.asked).toBe(0);
});

test("time and size of an answer are bounded, and errors hold nothing of its body (threat 8, threat 23)", async () => {
  const large = await listen((_request, response) => {
    response.on("error", () => undefined);
    const more = () => {
      while (!response.destroyed && response.write("canary".repeat(1000))) continue;
    };
    response.on("drain", more);
    more();
  });
  await expect(local(large.url)).rejects.toThrow(/^127\.0\.0\.1 answers with more than 1000 bytes$/);
  const packed = await listen(
    (_request, response) => void response.writeHead(200, { "content-encoding": "gzip" }).end("canary"),
  );
  await expect(local(packed.url)).rejects.toThrow(/compressed/);
  const silent = await listen(() => undefined);
  const slow = await listen((_request, response) => void response.write("canary"));
  const quick = openGuardedFetch({ ...settings, allow: ["127.0.0.0/8"], timeout: 300 });
  for (const { url } of [silent, slow]) {
    await expect(quick(url)).rejects.toThrow(/^127\.0\.0\.1: it did not answer whole within 0\.3 s$/);
  }
});

test("certificates are checked: an expired one, one of another name, one of nobody known, and one that is listed", async () => {
  const folder = mkdtempSync(join(tmpdir(), "berth-outgoing-"));
  closers.push(() => rmSync(folder, { recursive: true }));
  const make = async (name: string, age: "good" | "expired" = "good") => {
    const { cert, key } = makeCertificate(folder, name, age);
    const server = createSecureServer({ cert, key }, (_request, response) => void response.end("in"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closers.push(() => void server.close().closeAllConnections());
    return { cert, url: `https://localhost:${(server.address() as AddressInfo).port}` };
  };
  const asking = (ca: string | undefined, url: string) =>
    openGuardedFetch({ ...settings, allow: ["localhost"], ca })(url);
  const good = await make("localhost");
  expect(await (await asking(good.cert, good.url)).text()).toBe("in");
  await expect(asking(undefined, good.url)).rejects.toThrow("localhost: its certificate is signed by itself");
  const other = await make("elsewhere.example");
  await expect(asking(other.cert, other.url)).rejects.toThrow("localhost: its certificate is for another name");
  const old = await make("localhost", "expired");
  await expect(asking(old.cert, old.url)).rejects.toThrow("localhost: its certificate has expired");
});

describe("connections that are kept", () => {
  const bounds = { ...settings, allow: ["127.0.0.0/8", "localhost"] };
  const ports = async (answer: RequestListener = (_request, response) => void response.end("in")) => {
    const seen: number[] = [];
    const server = await listen((request, response) => {
      seen.push(request.socket.remotePort!);
      answer(request, response);
    });
    return { seen, ...server };
  };

  test("they carry one request after the other, and without being asked none is kept", async () => {
    const kept = openGuardedFetch({ ...bounds, keep: { idle: 60_000, life: 60_000 } });
    const { seen, url } = await ports();
    for (let time = 0; time < 3; time++)
      expect(await (await kept(url, { method: "POST", body: "a" })).text()).toBe("in");
    expect(new Set(seen).size).toBe(1);
    for (let time = 0; time < 2; time++) await local(url);
    expect(new Set(seen).size).toBe(3);
  });

  test("they end when nothing is asked, and when they are old: what a name means is looked up again (threat 22)", async () => {
    const { seen, url } = await ports();
    const idle = openGuardedFetch({ ...bounds, keep: { idle: 50, life: 60_000 } });
    await idle(url);
    const old = openGuardedFetch({ ...bounds, keep: { idle: 60_000, life: 0 } });
    await old(url);
    await old(url);
    expect(new Set(seen).size).toBe(3);
    await vi.waitFor(
      async () => {
        await idle(url);
        expect(seen.at(-1)).not.toBe(seen[0]);
      },
      { timeout: 20_000, interval: 200 },
    );
  });

  test("a place that may not be reached is not reached by one that was kept for another name of it (threat 22)", async () => {
    const { seen, url, port } = await ports();
    const named = openGuardedFetch({ ...settings, allow: ["localhost"], keep: { idle: 60_000, life: 60_000 } });
    await named(`http://localhost:${port}`);
    await expect(named(url)).rejects.toThrow(/list its network or its name/);
    expect(seen).toHaveLength(1);
  });

  test("what meets one that was just closed is sent again on a new one, once", async () => {
    const kept = openGuardedFetch({ ...bounds, keep: { idle: 60_000, life: 60_000 } });
    const asked = new Map<Socket, number>();
    let patience = 1;
    const { seen, url } = await ports(({ socket }, response) => {
      const count = (asked.get(socket) ?? 0) + 1;
      asked.set(socket, count);
      if (count > patience) socket.destroy();
      else response.end("in");
    });
    for (let time = 0; time < 2; time++) expect(await (await kept(url)).text()).toBe("in");
    expect(seen).toHaveLength(3);
    expect(new Set(seen).size).toBe(2);
    patience = 0;
    await expect(kept(url)).rejects.toThrow("127.0.0.1: it cannot be reached (ECONNRESET)");
  });

  test("none is used again after a redirect, or after an answer that was too much", async () => {
    const kept = openGuardedFetch({ ...bounds, keep: { idle: 60_000, life: 60_000 } });
    const first = await ports((_request, response) => void response.writeHead(302, { location: "/b" }).end("x"));
    for (let time = 0; time < 2; time++) await expect(kept(first.url)).rejects.toThrow(/redirects are not followed/);
    const large = await ports((_request, response) => void response.end("x".repeat(100_000)));
    for (let time = 0; time < 2; time++) await expect(kept(large.url)).rejects.toThrow(/more than 1000 bytes/);
    expect([new Set(first.seen).size, new Set(large.seen).size]).toEqual([2, 2]);
  });

  test("certificates are believed as without keeping, and one connection of TLS carries several requests", async () => {
    const folder = mkdtempSync(join(tmpdir(), "berth-kept-"));
    closers.push(() => rmSync(folder, { recursive: true }));
    const { cert, key } = makeCertificate(folder, "localhost", "good");
    let connections = 0;
    const server = createSecureServer({ cert, key }, (_request, response) => void response.end("in"));
    server.on("secureConnection", () => connections++);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closers.push(() => void server.close().closeAllConnections());
    const url = `https://localhost:${(server.address() as AddressInfo).port}`;
    const keep = { idle: 60_000, life: 60_000 };
    const kept = openGuardedFetch({ ...settings, allow: ["localhost"], ca: cert, keep });
    for (let time = 0; time < 3; time++) expect(await (await kept(url)).text()).toBe("in");
    expect(connections).toBe(1);
    const doubting = openGuardedFetch({ ...settings, allow: ["localhost"], keep });
    await expect(doubting(url)).rejects.toThrow("localhost: its certificate is signed by itself");
  });
});
