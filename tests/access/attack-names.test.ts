import { afterAll, expect, test } from "vitest";
import { adminPassword, basicHeader, startGuardedServer } from "../support/management-client.ts";
import { ask } from "../support/permissions/ask.ts";
import { distributionRows } from "../support/permissions/rows.ts";
import type { Probe } from "../support/permissions/rows.ts";
import { sendBytes } from "../support/send-bytes.ts";
import { WireClient } from "../support/wire-client.ts";

/* Names and digests that are none, on all routes, by somebody who may do everything. */

const guarded = await startGuardedServer();
const { server } = guarded;
const owner = basicHeader("admin", adminPassword);
afterAll(() => guarded.close());

const client = new WireClient(
  () => server.url,
  (input, init) => fetch(input, { ...init, headers: { ...(init?.headers as object), authorization: owner } }),
);
await client.pushImage("hidden/app", "v1");

const crookedDigests = [
  ...["sha256:../../etc/passwd", "sha256:%2e%2e%2f%2e%2e", `sha256:${"A".repeat(64)}`, `sha256:${"a".repeat(63)}`],
  ...[`sha256:${"a".repeat(65)}`, `sha256:${"a".repeat(10_000)}`, `SHA256:${"a".repeat(64)}`, `md5:${"a".repeat(32)}`],
  ...[`sha256:${"a".repeat(63)}%00`, `sha256:${"a".repeat(63)}%2f`, "sha256:", ":", `sha256:${"a".repeat(64)}%20`],
  ...[`sha256+b64:${"a".repeat(64)}`, `${"a".repeat(64)}`, `sha256%3a..%2f..`, `sha512:${"a".repeat(64)}`],
];

test("a digest that is none is refused on every route that takes one (threat 16)", async () => {
  for (const crooked of crookedDigests) {
    for (const [method, path] of [
      ["GET", `/v2/hidden/app/blobs/${crooked}`],
      ["HEAD", `/v2/hidden/app/blobs/${crooked}`],
      ["DELETE", `/v2/hidden/app/blobs/${crooked}`],
      ["GET", `/v2/hidden/app/referrers/${crooked}`],
      ["POST", `/v2/hidden/app/blobs/uploads/?digest=${crooked}`],
      ["POST", `/v2/hidden/app/blobs/uploads/?mount=${crooked}`],
      ["PUT", `/v2/hidden/app/blobs/uploads/x?digest=${crooked}`],
      ["DELETE", `/v2/hidden/app/manifests/${crooked}`],
      ["GET", `/v2/hidden/app/manifests/${crooked}`],
    ] as const) {
      const { status } = await ask(server.url, { method, path }, owner);
      // 64 hex digits alone are a tag as good as any, and slashes make another path.
      const tag = path.includes("/manifests/") && !/[^\w.-]/.test(crooked) && crooked.length <= 128;
      expect([400, tag || /^[^?]*sha256:\.\.\//.test(path) ? 404 : 400], `${method} ${path.slice(0, 100)}`).toContain(
        status,
      );
    }
  }
});

const crookedNames = [
  ...[
    "..",
    ".",
    "../../etc",
    "a/../b",
    "a/./b",
    "a//b",
    "%2e%2e",
    "%2e%2e/%2e%2e",
    "a%2fb",
    "a%2Fb",
    "a%5cb",
    "a\\b",
    "A",
  ],
  ...[
    "-a",
    "a-",
    "a/-",
    "_a",
    "a__b_",
    "a...b",
    "a%00b",
    "a%0d%0ab",
    "ä",
    "a%c3%a4",
    "a b",
    "~a",
    "~access",
    "a".repeat(256),
  ],
  ...["hidden%2fapp", "hidden/app%20", "hidden/app/", "/hidden/app", "hidden/app.", "hidden/app;x", "hidden/app%3f"],
];

test("a repository's name that is none leads to nothing, on every route (threat 17)", async () => {
  const rows = distributionRows().filter(({ places }) => places.length > 1);
  for (const name of crookedNames) {
    for (const row of rows) {
      const { path, ...rest } = row.probe("hidden/app");
      const answer = await sendPath({ ...rest, path: path.replace("hidden/app", name) });
      expect([400, 404, 405], `${row.name} ${name.slice(0, 40)}`).toContain(answer.status);
      expect(answer.body, `${row.name} ${name.slice(0, 40)}`).not.toContain('"tags"');
    }
  }
});

/** The client of Node refuses some paths; those are for the listener to refuse. */
async function sendPath(probe: Probe): Promise<{ readonly status: number; readonly body: string }> {
  if (/^[\x21-\x7e]+$/.test(probe.path)) return ask(server.url, probe, owner);
  const heard = await sendBytes(
    server.host,
    `${probe.method} ${probe.path} HTTP/1.1\r\nHost: ${server.host}\r\nAuthorization: ${owner}\r\nContent-Length: 0\r\n\r\n`,
    20,
  );
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(heard)?.[1]), body: heard };
}

test("the server's log has no error", () => {
  expect(server.errors).toEqual([]);
});
