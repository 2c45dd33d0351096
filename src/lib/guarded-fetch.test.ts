import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeCertificate } from "../../tests/support/certificate.ts";
import { afterEach, expect, test } from "vitest";
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
