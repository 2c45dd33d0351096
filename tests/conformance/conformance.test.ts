import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { Settings } from "../../src/config.ts";
import { expectGolden } from "../support/golden.ts";
import { getPeer, needPeers } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";
import { run } from "../support/run.ts";
import { s3Settings, startS3 } from "../support/s3.ts";
import { startTestServer } from "../support/start-server.ts";
import type { TestServer } from "../support/start-server.ts";

const folder = await mkdtemp(join(tmpdir(), "berth-conformance-"));
const [postgres, s3] = [await startPostgres(), await startS3("versitygw")];
const password = "a password that nobody guesses";
const login = { open: false, adminPassword: password } as const;

/** The suite's blobs are small: here none of them lives in a row. */
async function startOnObjects(bucket: string, settings: Settings = {}): Promise<TestServer | undefined> {
  if (postgres === undefined || s3 === undefined) return undefined;
  const stores = { database: await postgres.makeDatabase(), ...(await s3Settings(s3, bucket)) };
  return startTestServer({ ...stores, uploads: { inlineBytes: 0 }, ...settings });
}

const servers = {
  "SQLite and files": await startTestServer(),
  "SQLite and files with a login": await startTestServer(login),
  "PostgreSQL and S3": await startOnObjects("open"),
  "PostgreSQL and S3 with a login": await startOnObjects("guarded", login),
};
afterAll(async () => {
  for (const server of Object.values(servers)) await server?.close();
  await s3?.close();
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
});
const cases = Object.entries(servers).flatMap(([name, server]) =>
  ["1.1", "dev"].map((version) => ({ name, server, version })),
);
test.for(cases)(
  "the official conformance suite passes whole at $version on $name",
  async ({ name, server, version }, context) => {
    if (server === undefined) needPeers(context, "postgresql", "versitygw");
    const conformance = getPeer(context, "conformance");
    const results = join(folder, `${name.replaceAll(" ", "-")}-${version}`);
    await mkdir(results);
    const { code, output } = await run(conformance, [], {
      cwd: folder,
      env: {
        OCI_REGISTRY: server!.host,
        OCI_TLS: "disabled",
        OCI_REPO1: `conformance-${version}/one`,
        OCI_REPO2: `conformance-${version}/two`,
        OCI_VERSION: version,
        ...(server!.config.open ? {} : { OCI_USERNAME: "admin", OCI_PASSWORD: password }),
        OCI_RESULTS_DIR: results,
      },
    });
    const verdicts = output.split("\n").filter((line) => /^\s*OCI Conformance Test/.test(line));
    const counts: Record<string, number> = {};
    for (const line of verdicts) {
      const verdict = line.slice(line.lastIndexOf(":") + 1).trim();
      counts[verdict] = (counts[verdict] ?? 0) + 1;
    }
    console.log(`conformance ${version} on ${name}: ${JSON.stringify(counts)}`);
    expect(code, output.slice(-4000)).toBe(0);
    expect(server!.errors).toEqual([]);
    await expectGolden(`conformance-${version}.json`, `${JSON.stringify(counts, null, 2)}\n`);
  },
);
