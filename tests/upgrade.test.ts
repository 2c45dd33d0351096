import { cpSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import pg from "pg";
import { afterAll, expect, test } from "vitest";
import { checkNow } from "../src/maintain.ts";
import { openTrail } from "../src/trail.ts";
import { needPeers } from "./support/peers.ts";
import { startPostgres } from "./support/postgres.ts";
import { startTestServer } from "./support/start-server.ts";
import { WireClient, digestOf } from "./support/wire-client.ts";

/*
 * What earlier versions left opens with this one, and every image is there. The folders below `fixtures/upgrade` were made
 * by `scripts/make-upgrade-fixture.ts`, which says how: `core` by the version before access control (bbd0145).
 */

const fixtures = resolve(import.meta.dirname, "fixtures/upgrade");
const folder = await mkdtemp(join(tmpdir(), "berth-upgrade-"));
const postgres = await startPostgres();
afterAll(async () => {
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Expected {
  readonly manifests: readonly { repository: string; reference: string; digest: string; mediaType: string }[];
  readonly blobs: readonly { repository: string; digest: string; size: number }[];
  readonly tags: Readonly<Record<string, readonly string[]>>;
  readonly referrers: { readonly repository: string; readonly subject: string; readonly digests: readonly string[] };
  /** Path of an upload that was not finished. */
  readonly upload: string;
}

/** Puts a dump into an empty database. */
async function restore(name: string, dump: string): Promise<string> {
  const url = await postgres!.makeDatabase(name);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(dump);
  await client.end();
  return url;
}

async function checkUpgrade(from: string, database: string | undefined, name: string): Promise<void> {
  const expected = JSON.parse(readFileSync(join(from, "expected.json"), "utf8")) as Expected;
  const data = join(folder, name);
  cpSync(from, data, { recursive: true });
  const rows = database === undefined ? {} : { database };
  const collection = { pin: "0s", lookGap: "0s", objectGrace: "0s", orphanGrace: "1h", interval: "100ms" };
  const server = await startTestServer({
    data,
    open: false,
    adminPassword: "a password",
    collection,
    undo: { window: "0s" },
    ...rows,
  } as never);
  try {
    const authorization = `Basic ${Buffer.from("admin:a password").toString("base64")}`;
    const client = new WireClient(
      () => server.url,
      (input, init) => fetch(input, { ...init, headers: { ...(init?.headers as object), authorization } }),
    );
    const named = new Set<string>();
    for (const restart of [false, true]) {
      if (restart) await server.restart();
      for (const { repository, reference, digest, mediaType } of expected.manifests) {
        const { status, bytes, headers } = await client.get(`/v2/${repository}/manifests/${reference}`);
        expect([repository, reference, status]).toEqual([repository, reference, 200]);
        expect([digestOf(bytes), headers.get("content-type")]).toEqual([digest, mediaType]);
        for (const [, blob] of bytes.toString().matchAll(/"digest":\s*"([^"]+)"/g)) named.add(`${repository} ${blob}`);
      }
      for (const { repository, digest, size } of expected.blobs) {
        // What was mounted and is named by no manifest was promised for a day, which is over.
        if (!named.has(`${repository} ${digest}`)) continue;
        const { status, bytes } = await client.get(`/v2/${repository}/blobs/${digest}`);
        expect([repository, digest, status, bytes.length]).toEqual([repository, digest, 200, size]);
        expect(digestOf(bytes)).toBe(digest);
      }
      for (const [repository, tags] of Object.entries(expected.tags)) {
        expect((await client.get(`/v2/${repository}/tags/list`)).json<{ tags: string[] }>().tags).toEqual(
          expect.arrayContaining([...tags]),
        );
      }
      expect(named.size).toBeGreaterThanOrEqual(expected.blobs.length - 1);
      const { repository, subject, digests } = expected.referrers;
      const listed = (await client.get(`/v2/${repository}/referrers/${subject}`)).json<{
        manifests: { digest: string }[];
      }>();
      expect(listed.manifests.map(({ digest }) => digest)).toEqual(digests);
    }
    const names = Object.keys(expected.tags).toSorted();
    expect((await client.get("/v2/_catalog")).json<{ repositories: string[] }>().repositories).toEqual(names);
    // Nothing was public, and nothing becomes so.
    expect((await fetch(`${server.url}/v2/team/app/manifests/v1`)).status).toBe(401);
    // Uploads belong to who opened them since: the client is told to begin again.
    expect((await client.call("PATCH", expected.upload, "more")).code).toBe("BLOB_UPLOAD_UNKNOWN");
    // Releases move as they did before there were rules for tags; new installations have another default.
    for (const time of ["once", "again"]) await client.pushImage("team/app", "v9.0.0", { annotations: { time } });
    await client.pushImage("team/app", "v2");
    expect((await client.call("DELETE", "/v2/team/app/manifests/v2")).status).toBe(202);
  } finally {
    await server.stop();
  }
  const problems: string[] = [];
  const options = { verify: true, rate: 0, repair: false, progress: () => undefined };
  const report = (problem: { readonly message: string }) => void problems.push(problem.message);
  const { found, integrity } = await checkNow(server.config, server.log, { ...options, report });
  expect(problems).toEqual([]);
  expect(integrity).toEqual([]);
  expect(found.manifests).toBeGreaterThan(5);
  expect(server.errors).toEqual([]);
  // Audit rows that were there before the chain are under its first seals.
  const trail = await openTrail(server.config);
  const { entries: first } = await trail.page("");
  expect(first[0]).toMatchObject({ id: 1, principal: "anonymous", action: "tag", repository: "team/app" });
  expect(await trail.verify({})).toMatchObject({ rows: first.length, unsealed: 0, broken: undefined });
  await trail.close();
}

for (const version of readdirSync(fixtures)) {
  test(`a data directory of the version "${version}" opens and keeps every image`, async () => {
    await checkUpgrade(join(fixtures, version, "sqlite"), undefined, `${version}-sqlite`);
  });

  test(`a PostgreSQL database of the version "${version}" opens and keeps every image`, async (context) => {
    if (postgres === undefined) return needPeers(context, "postgresql");
    const from = join(fixtures, version, "postgres");
    const database = await restore(`upgrade_${version}`, readFileSync(join(from, "rows.sql"), "utf8"));
    await checkUpgrade(from, database, `${version}-postgres`);
  });
}
