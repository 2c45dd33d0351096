import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openRawClient } from "../src/api/http/testing/raw-client.ts";
import { openSqliteInProcess } from "../src/metadata/index.ts";
import type { Metadata } from "../src/metadata/index.ts";
import { parseRepositoryName } from "../src/oci/index.ts";
import { listReferrers, registryWrites } from "../src/registry/index.ts";
import type { RegistryWrites } from "../src/registry/index.ts";
import { caller, descriptorOf, imageOf, openRegistry, putBlob, putManifest } from "./support/open-registry.ts";
import { startProcess } from "./support/start-process.ts";

/* What one client may make the registry hold in memory, and what others of the machine may read. */

async function residentMiB(pid: number): Promise<number> {
  const [, kib] = /VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, "utf8"))!;
  return Number(kib) / 1024;
}

test("a manifest in 800,000 chunks of a byte takes its bytes in memory, not a hundred times as much", async () => {
  const data = await mkdtemp(join(tmpdir(), "berth-chunks-"));
  const server = await startProcess({ data });
  try {
    const client = await openRawClient(Number(new URL(server.url).port));
    const send = async (head: string, count: number) => {
      client.send(`${head} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n`);
      const piece = "1\r\n{\r\n".repeat(10_000);
      for (let sent = 0; sent < count; sent += 10_000) {
        if (!client.socket.write(piece)) await new Promise((resolve) => client.socket.once("drain", resolve));
      }
    };
    const before = await residentMiB(server.pid);
    await send("PUT /v2/chunks/manifests/tag", 800_000);
    // Answered once all of it is read.
    client.send("0\r\n\r\n");
    await expect.poll(() => client.read().then((answer) => answer?.status)).toBe(400);
    expect((await residentMiB(server.pid)) - before).toBeLessThan(150);
    client.close();
  } finally {
    await server.stop();
    await rm(data, { recursive: true, force: true });
  }
});

test("in a directory that others may read, database and lock are their owner's alone", async () => {
  const data = await mkdtemp(join(tmpdir(), "berth-modes-"));
  await chmod(data, 0o755);
  const server = await startProcess({ data });
  try {
    for (const file of ["berth.db", "berth.db-wal", "lock", "blobs"]) {
      expect((await stat(join(data, file))).mode & 0o077, file).toBe(0);
    }
  } finally {
    await server.stop();
    await rm(data, { recursive: true, force: true });
  }
});

test("large referrers are read a few at a time, and each is listed once", async () => {
  const metadata = openSqliteInProcess<RegistryWrites>(":memory:", registryWrites);
  let most = 0;
  const { read } = metadata;
  const counting: Metadata<RegistryWrites> = {
    ...metadata,
    read: {
      async all(statement, parameters) {
        const rows = await read.all(statement, parameters);
        most = Math.max(most, rows.length);
        return rows;
      },
      first: (statement, parameters) => read.first(statement, parameters),
    },
  };
  const registry = openRegistry(counting);
  await putBlob(registry, "team/app", "layer");
  const text = imageOf(["layer"]);
  const subject = await putManifest(registry, "team/app", text, "latest");
  const pushed: string[] = [];
  for (let index = 0; index < 20; index++) {
    const annotations = { pad: randomBytes(500_000).toString("hex") };
    const referrer = imageOf(["layer"], { subject: descriptorOf(text), annotations });
    pushed.push(await putManifest(registry, "team/app", referrer));
  }
  most = 0;
  const listed: string[] = [];
  for (let after: string | undefined = ""; after !== undefined;) {
    const page: Awaited<ReturnType<typeof listReferrers>> = await listReferrers(
      registry,
      caller,
      parseRepositoryName("team/app"),
      { subject, types: [], after },
    );
    listed.push(...page.descriptors.map((one) => (JSON.parse(one) as { digest: string }).digest));
    expect(page.descriptors.length).toBeLessThan(4);
    after = page.next;
  }
  expect(listed).toEqual(pushed.toSorted());
  expect(most).toBeLessThanOrEqual(16);
  await metadata.close();
});
