import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { operations } from "../../src/api/ecr/operations.ts";
import type { OperationName } from "../../src/api/ecr/model/inputs.ts";
import { awsClients } from "../support/aws-clients.ts";
import { ecrExamples } from "../support/ecr-examples.ts";
import { needPeers } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";
import { run } from "../support/run.ts";
import { s3Settings, startS3 } from "../support/s3.ts";
import { startTestServer } from "../support/start-server.ts";
import type { TestServer } from "../support/start-server.ts";
import { mainFile } from "../support/main-file.ts";

/* Each operation, paginator and waiter by each client of AWS, unmodified. What is served must give what `ecr-examples.ts` says;
   what is refused, the error of the table of operations. */

const postgres = await startPostgres();
const s3 = await startS3("versitygw");
const folder = await mkdtemp(join(tmpdir(), "berth-clients-"));
afterAll(async () => {
  await postgres?.stop();
  await s3?.close();
  await rm(folder, { recursive: true });
});

const names = Object.keys(operations) as OperationName[];

/** Operations that clients of 2022 do not know. */
const unknownToOld: readonly OperationName[] = [
  "CreateRepositoryCreationTemplate",
  "DeleteRepositoryCreationTemplate",
  "DescribeRepositoryCreationTemplates",
  "UpdateRepositoryCreationTemplate",
  "DeleteSigningConfiguration",
  "DescribeImageSigningStatus",
  "GetSigningConfiguration",
  "PutSigningConfiguration",
  "DeregisterPullTimeUpdateExclusion",
  "ListPullTimeUpdateExclusions",
  "RegisterPullTimeUpdateExclusion",
  "GetAccountSetting",
  "PutAccountSetting",
  "ListImageReferrers",
  "UpdateImageStorageClass",
  "UpdatePullThroughCacheRule",
  "ValidatePullThroughCacheRule",
];

test("each operation has an example, and where it is served the example says what it gives", () => {
  const examples = ecrExamples("127.0.0.1:5000");
  for (const name of names) {
    const its = examples.filter(({ operation }) => operation === name);
    expect(its.length, `${name} has no example: add a call to tests/support/ecr-examples.ts`).toBeGreaterThan(0);
    if ("refused" in operations[name]) continue;
    const silent = its.filter(({ gives }) => gives === undefined);
    const todo = `${name} is served, and nothing says what it gives: add that to its example in tests/support/ecr-examples.ts`;
    expect(silent, todo).toEqual([]);
  }
});

/** A directory for AWS_DATA_PATH, made as users make it. */
async function writeDataPath(host: string): Promise<string> {
  const directory = join(folder, host.replace(":", "-"));
  const args = [mainFile, "generate", "aws-endpoint", host, "--directory", directory];
  const { code, output } = await run(process.execPath, args, { cwd: folder });
  expect(code, output).toBe(0);
  return directory;
}

describe.each(["SQLite and files", "PostgreSQL and S3"] as const)("%s", (kind) => {
  let server: TestServer | undefined;
  let dataPath: string;
  beforeAll(async () => {
    if (kind === "SQLite and files") server = await startTestServer();
    else if (postgres !== undefined && s3 !== undefined) {
      server = await startTestServer({ database: await postgres.makeDatabase(), ...(await s3Settings(s3)) });
    }
    if (server !== undefined) dataPath = await writeDataPath(server.host);
  });
  afterAll(async () => {
    expect(server?.errors ?? []).toEqual([]);
    await server?.close();
  });

  for (const client of awsClients) {
    test(`${client.name} makes every call that it knows`, { timeout: 1_200_000 }, async (context) => {
      if (kind === "PostgreSQL and S3") needPeers(context, "postgresql", "versitygw");
      const { host, url } = server!;
      // A patient client waits for scans that are nowhere, as long as it is let.
      const examples = ecrExamples(host).filter(({ how }) => !client.patient || how !== "ImageScanComplete");
      const answers = await client.run(context, url, dataPath, examples);
      const made = new Set<OperationName>();
      for (const [at, { operation, how, gives }] of examples.entries()) {
        const { unknown, ...answer } = answers[at]!;
        const which = `${operation} (${how}) by ${client.name}: ${JSON.stringify(answer)}`;
        if (unknown === true) {
          expect(client.old && unknownToOld.includes(operation), `${which} is unknown to it`).toBe(true);
          continue;
        }
        made.add(operation);
        const entry = operations[operation];
        if ("refused" in entry) expect(answer.refused, which).toBe(entry.refused);
        else expect(answer, which).toMatchObject(gives!);
        // The command line shows no pages; one more may be empty.
        if (how === "pages" && operation === "ListImages" && "pages" in answer) {
          expect(answer["pages"], which).toBeGreaterThanOrEqual(4);
        }
      }
      expect(made.size).toBe(client.old ? names.length - unknownToOld.length : names.length);
    });
  }
});
