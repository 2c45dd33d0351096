import { cp, mkdtemp, readFile, readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { adoptNow } from "../../src/adopt.ts";
import { parseConfig } from "../../src/config.ts";
import type { Config, Settings } from "../../src/config.ts";
import { checkNow } from "../../src/maintain.ts";
import { digestOf } from "../support/open-registry.ts";
import { expectContents, openOldRegistries, random } from "../support/old-registries.ts";
import type { Contents } from "../support/old-registries.ts";
import { findPeer } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";
import { run } from "../support/run.ts";
import { runBerth } from "../support/run-berth.ts";
import { s3Credentials, startS3 } from "../support/s3.ts";
import { KeptLog, startTestServer } from "../support/start-server.ts";

const folder = await mkdtemp(join(tmpdir(), "berth-adopt-"));
const postgres = await startPostgres();
const bucket = await startS3("versitygw");
const { startOther, fill, callCrane, pullByCrane, close } = openOldRegistries(folder);
afterAll(async () => {
  close();
  await bucket?.close();
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
}, 240_000);

const log = new KeptLog();
const crane = findPeer("crane");
const registries = { "docker-registry": findPeer("docker-registry"), distribution: findPeer("distribution") } as const;
const guide = await readFile(resolve(import.meta.dirname, "../../docs/guide/adopt-distribution.md"), "utf8");

async function expectSound(config: Config): Promise<void> {
  const { found } = await checkNow(config, log, {
    verify: true,
    rate: 0,
    repair: false,
    report: () => undefined,
    progress: () => undefined,
  });
  const { referencesWithoutRow, rowsWithoutObject, objectsWithoutRow, digestMismatches } = found;
  expect([referencesWithoutRow, rowsWithoutObject, objectsWithoutRow, digestMismatches]).toEqual([0, 0, 0, 0]);
}

let made = 0;
const placeOf = async (kind: "SQLite" | "PostgreSQL") => {
  const data = join(folder, `berth-${++made}`);
  return { data, ...(kind === "PostgreSQL" ? { database: await postgres!.makeDatabase() } : {}) } as Settings;
};
const adopt = (settings: Settings, place: string, more: { dryRun?: boolean; link?: boolean } = {}) =>
  adoptNow(parseConfig({ ...settings, open: true } as Settings), log, {
    place,
    dryRun: false,
    link: false,
    progress: () => undefined,
    ...more,
  });
const problems = { problems: [] as unknown[] };

describe.each(["docker-registry", "distribution"] as const)("what %s has stored", (registry) => {
  const program = registries[registry];
  const from = join(folder, registry);
  let contents: Contents;
  beforeAll(async () => {
    if (program === undefined || crane === undefined) return;
    const other = await startOther(program, `  filesystem: {rootdirectory: ${from}}`);
    contents = await fill(other.host);
    await other.stop();
  });

  describe.each(["SQLite", "PostgreSQL"] as const)("on %s", (kind) => {
    const it = test.skipIf(
      program === undefined || crane === undefined || (kind === "PostgreSQL" && postgres === undefined),
    );

    it("comes over whole, and a second time there is nothing to do", { timeout: 240_000 }, async () => {
      const settings = await placeOf(kind);
      const counted = { repositories: 3, manifests: 7, tags: 4, blobs: 9, there: 0, ...problems };
      expect(await adopt(settings, from, { dryRun: true })).toMatchObject(counted);
      await expect(stat(settings.data!), "a dry run makes nothing").rejects.toThrow("ENOENT");
      expect(await adopt(settings, from)).toMatchObject(counted);
      expect(await adopt(settings, join(from, "docker/registry/v2"))).toMatchObject({
        manifests: 0,
        tags: 0,
        blobs: 0,
        there: 11,
        ...problems,
      });
      const server = await startTestServer(settings);
      await expectContents(server.url, contents);
      await callCrane("validate", "--insecure", "--remote", `${server.host}/team/tool:v2`);
      await pullByCrane(server.host, "here");
      const difference = await run("diff", ["-r", "there", "here"], { cwd: folder });
      expect(difference.output.replaceAll(/127\.0\.0\.1:\d+/g, "host")).toBe("");
      await expectSound(server.config);
      await server.close();
    });

    it(
      "in place: files get a second name, and stay when the old directory is removed",
      { timeout: 240_000 },
      async () => {
        const settings = await placeOf(kind);
        const copy = join(folder, `copy-${made}`);
        await cp(from, copy, { recursive: true });
        expect(await adopt(settings, copy, { link: true })).toMatchObject({
          manifests: 7,
          tags: 4,
          blobs: 9,
          ...problems,
        });
        const objects = (
          await readdir(join(settings.data!, "blobs/o"), { recursive: true, withFileTypes: true })
        ).filter((entry) => entry.isFile());
        const links = await Promise.all(
          objects.map(async (entry) => (await stat(join(entry.parentPath, entry.name))).nlink),
        );
        expect(links.filter((count) => count === 2).length, "three layers above 64 KiB").toBe(3);
        await rm(copy, { recursive: true });
        const server = await startTestServer(settings);
        await expectContents(server.url, contents);
        await expectSound(server.config);
        await server.close();
      },
    );

    it("what is damaged there is named and left out, the rest comes", { timeout: 240_000 }, async () => {
      const settings = await placeOf(kind);
      const copy = join(folder, `damaged-${made}`);
      await cp(from, copy, { recursive: true });
      const fileOf = (digest: string) =>
        join(copy, "docker/registry/v2/blobs/sha256", digest.slice(7, 9), digest.slice(7), "data");
      const arm = digestOf(random(81_002, 2));
      await writeFile(fileOf(arm), Buffer.alloc(81_002));
      const worker = contents.tags.get("team/app/worker:latest")!;
      await truncate(fileOf(worker), 100);
      const taken = await adopt(settings, copy, { link: kind === "SQLite" });
      const whats = taken.problems.map(({ repository, what }) => `${repository} ${what}`);
      const index = contents.tags.get("team/app:v1")!;
      expect(whats).toContain("team/app v1");
      expect(whats).toContain(`team/app ${index}`);
      expect(whats).toContain(`team/app/worker ${worker}`);
      expect(taken.problems.some(({ why }) => why.includes(arm))).toBe(true);
      const server = await startTestServer(settings);
      expect((await fetch(`${server.url}/v2/team/app/manifests/v1`)).status).toBe(404);
      expect((await fetch(`${server.url}/v2/team/app/blobs/${arm}`)).status).toBe(404);
      await server.stop();
      // Once it is whole again, the rest comes over.
      await rm(copy, { recursive: true });
      expect((await adopt(settings, from)).problems).toEqual([]);
      await server.start();
      await expectContents(server.url, contents);
      await server.close();
    });
  });
});

test.skipIf(registries.distribution === undefined || crane === undefined || bucket === undefined)(
  "from a bucket",
  { timeout: 240_000 },
  async () => {
    await bucket!.makeBucket("images");
    const { accessKeyId, secretAccessKey } = s3Credentials;
    const place = `regionendpoint: ${bucket!.endpoint}, region: us-east-1, bucket: images, rootdirectory: /old, forcepathstyle: true, secure: false`;
    const other = await startOther(
      registries.distribution!,
      `  s3: {accesskey: ${accessKeyId}, secretkey: ${secretAccessKey}, ${place}}`,
    );
    const contents = await fill(other.host);
    await other.stop();
    const settings = { ...(await placeOf("SQLite")), storageCredentials: s3Credentials } as Settings;
    const url = `s3://images/old?endpoint=${encodeURIComponent(bucket!.endpoint)}`;
    expect(await adopt(settings, url)).toMatchObject({ repositories: 3, manifests: 7, tags: 4, blobs: 9, ...problems });
    const server = await startTestServer(settings);
    await expectContents(server.url, contents);
    await server.close();
  },
);

test.skipIf(registries["docker-registry"] === undefined || crane === undefined)(
  "the guide's commands print what it says",
  { timeout: 240_000 },
  async () => {
    const data = join(folder, "guide");
    const from = join(folder, "docker-registry");
    for (const [, command, output] of guide.matchAll(/^\$ berth (.*)\n([^]*?)```/gm)) {
      const args = command!.split(" ").map((word) => (word === "/var/lib/registry" ? from : word));
      const ended = await runBerth([...args, "--data", data], { HOME: folder, PATH: "/nowhere" });
      expect([ended.code, ended.stdout], ended.stderr).toEqual([0, output]);
    }
    const nothing = await runBerth(["adopt", "distribution", folder, "--data", data], {
      HOME: folder,
      PATH: "/nowhere",
    });
    expect([nothing.code, nothing.stderr]).toEqual([1, expect.stringContaining("is no storage of CNCF Distribution")]);
  },
);
