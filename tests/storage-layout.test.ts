import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { DatabaseSync } from "node:sqlite";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { findPeer, needPeers } from "./support/peers.ts";
import { s3Credentials, startS3 } from "./support/s3.ts";
import { startTestServer } from "./support/start-server.ts";
import type { TestServer } from "./support/start-server.ts";
import { digestOf } from "./support/wire-client.ts";

const page = readFileSync(resolve(import.meta.dirname, "../docs/storage-layout.md"), "utf8");

/** The first column of the table under a heading. */
function listed(heading: string): string[] {
  const section = page.split(`## ${heading}\n`)[1]!.split("\n## ")[0]!;
  return [...section.matchAll(/^\| `([^`]+)`/gm)].map(([, name]) => name!);
}

/** `o/<2 hex>/<ULID>` as a pattern. */
function patternOf(path: string): RegExp {
  const words: Record<string, string> = {
    "2 hex": "[0-9a-f]{2}",
    "12 hex": "[0-9a-f]{12}",
    ULID: "[0-9A-HJKMNP-TV-Z]{26}",
    UUID: "[0-9a-f-]{36}",
    n: "[0-9]+",
  };
  const escaped = path.replace(/[.]/g, "[.]").replace(/<([^>]+)>/g, (_all, word: string) => words[word]!);
  return new RegExp(`^${escaped}$`);
}

function filesBelow(folder: string): string[] {
  // Sockets, too.
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
    (path) => statSync(join(folder, path), { throwIfNoEntry: false })?.isDirectory() === false,
  );
}

/** A large and a small blob, and an upload that waits for its client with more and with less than a part in hand. */
async function fill(server: TestServer): Promise<void> {
  for (const size of [100, 300_000]) await begin(server, size, true);
  for (const size of [300_000, 6_000_000]) await begin(server, size, false);
}

async function begin(server: TestServer, size: number, whole: boolean): Promise<void> {
  const opened = await fetch(`${server.url}/v2/team/app/blobs/uploads/`, { method: "POST" });
  const location = new URL(opened.headers.get("location")!, server.url);
  const bytes = randomBytes(size);
  expect((await fetch(location, { method: "PATCH", body: bytes })).status).toBe(202);
  if (!whole) return;
  location.searchParams.set("digest", digestOf(bytes));
  expect((await fetch(location, { method: "PUT" })).status).toBe(201);
}

test("every file in the data directory is on the page, and the page names no other object", async () => {
  const server = await startTestServer();
  try {
    await fill(server);
    const paths = listed("The data directory");
    const patterns = paths.map(patternOf);
    const files = filesBelow(server.config.data);
    for (const file of files)
      expect(
        patterns.some((pattern) => pattern.test(file)),
        file,
      ).toBe(true);
    for (const path of [
      "berth.db",
      "berth.db-wal",
      "berth.db-shm",
      "lock",
      "blobs/store.json",
      "blobs/o/<2 hex>/<ULID>",
    ]) {
      expect(paths).toContain(path);
      expect(
        files.some((file) => patternOf(path).test(file)),
        path,
      ).toBe(true);
    }
  } finally {
    await server.close();
  }
});

test("so is what a first start leaves that everybody has to log in to", async () => {
  const server = await startTestServer({ open: false });
  try {
    const patterns = listed("The data directory").map(patternOf);
    const files = filesBelow(server.config.data);
    expect(files).toContain("initial-password");
    expect(files.filter((file) => !patterns.some((pattern) => pattern.test(file)))).toEqual([]);
  } finally {
    await server.close();
  }
});

test("every table of the database is on the page, and no other", async () => {
  const server = await startTestServer();
  try {
    const database = new DatabaseSync(join(server.config.data, "berth.db"), { readOnly: true });
    const tables = database.prepare("select name from sqlite_master where type = 'table' order by name").all();
    database.close();
    const names = tables.map((row) => String(row["name"])).filter((name) => !name.startsWith("sqlite_"));
    expect(listed("Tables").toSorted()).toEqual(names);
  } finally {
    await server.close();
  }
});

test("every key in the bucket is on the page, and each of the page is made", async (context) => {
  if (findPeer("versitygw") === undefined) return needPeers(context, "versitygw");
  const s3 = (await startS3("versitygw"))!;
  try {
    await s3.makeBucket("layout");
    const storage = `s3://layout/some/prefix?endpoint=${s3.endpoint}&region=us-east-1`;
    const server = await startTestServer({ storage, storageCredentials: s3Credentials } as never);
    try {
      await fill(server);
      const keys = filesBelow(join(s3.folder, "layout", "some", "prefix")).filter((key) => !key.includes(".sgwtmp"));
      const paths = listed("Objects in S3");
      for (const key of keys)
        expect(
          paths.some((path) => patternOf(path).test(key)),
          key,
        ).toBe(true);
      for (const path of paths.filter((one) => one !== "mark.json")) {
        expect(
          keys.some((key) => patternOf(path).test(key)),
          path,
        ).toBe(true);
      }
    } finally {
      await server.close();
    }
  } finally {
    await s3.close();
  }
});

test("an empty directory where rows name objects is not opened as the store, and begins anew only when told so", async (context) => {
  const data = await mkdtemp(join(tmpdir(), "berth-unmounted-"));
  context.onTestFinished(() => rm(data, { recursive: true, force: true }));
  const blobs = join(data, "blobs");
  const first = await startTestServer({ data });
  await begin(first, 300_000, true);
  await first.close();
  renameSync(blobs, join(data, "away"));
  mkdirSync(blobs);
  await expect(startTestServer({ data })).rejects.toThrow(/blobs is not a store .* mount it/);
  expect(readdirSync(blobs)).toEqual([]);

  writeFileSync(join(blobs, "store.json"), '{"format":1}\n');
  const anew = await startTestServer({ data });
  await begin(anew, 300_000, true);
  await anew.close();

  await rm(blobs, { recursive: true });
  renameSync(join(data, "away"), blobs);
  await (await startTestServer({ data })).close();
});
