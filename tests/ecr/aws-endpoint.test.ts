import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { awsEnvironment, callBoto3 } from "../support/call-boto3.ts";
import { getPeer } from "../support/peers.ts";
import { run, runProgram } from "../support/run.ts";
import { startTestServer } from "../support/start-server.ts";
import type { TestServer } from "../support/start-server.ts";
import { mainFile } from "../support/main-file.ts";

/* Tools of AWS from before AWS_ENDPOINT_URL find a server by a data path, which `berth generate aws-endpoint` writes. */

let server: TestServer;
let folder: string;

beforeAll(async () => {
  server = await startTestServer();
  folder = await mkdtemp(join(tmpdir(), "berth-data-path-"));
});
afterAll(async () => {
  expect(server.errors).toEqual([]);
  await server.close();
  await rm(folder, { recursive: true });
});

const generate = (...args: readonly string[]) =>
  run(process.execPath, [mainFile, "generate", "aws-endpoint", ...args], {
    cwd: folder,
    env: { XDG_CONFIG_HOME: join(folder, "config") },
  });

/** Variables with which old tools ask the server. */
async function dataPath(): Promise<{ AWS_DATA_PATH: string }> {
  const { code, output } = await generate(server.host, "--output", "json");
  expect(code, output).toBe(0);
  return JSON.parse(output).environment;
}

test("it says where the file is, for which server, and how to use it; others may read it", async () => {
  const file = join(folder, "berth-aws/ecr/2015-09-21/endpoint-rule-set-1.json");
  const table = await generate(server.host);
  expect(table.output).toContain(`export AWS_DATA_PATH=${join(folder, "berth-aws")}\n`);
  const { code, output } = await generate("https://registry.example.com", "--directory", "my data", "--output", "json");
  expect([code, JSON.parse(output)]).toEqual([
    0,
    {
      file: join(folder, "my data/ecr/2015-09-21/endpoint-rule-set-1.json"),
      server: "https://registry.example.com",
      environment: { AWS_DATA_PATH: join(folder, "my data") },
    },
  ]);
  expect((await generate("--directory", "my data", "localhost:1")).output).toContain(
    `export AWS_DATA_PATH='${join(folder, "my data")}'\n`,
  );
  expect(JSON.parse(await readFile(file, "utf8")).rules).toEqual([
    { conditions: [], endpoint: { url: server.url, properties: {}, headers: {} }, type: "endpoint" },
  ]);
  expect((await stat(file)).mode & 0o777).toBe(0o644);
});

test("without a server it takes the one of the login, and says so where there is none", async () => {
  const none = await generate("--directory", "login");
  expect([none.code, none.output]).toEqual([2, expect.stringContaining("you are not logged in")]);
  const contexts = [{ name: "r", server: "https://r.example.com", user: "ann", token: "t" }];
  await mkdir(join(folder, "config/berth"), { recursive: true });
  const kept = join(folder, "config/berth/contexts.json");
  await writeFile(kept, JSON.stringify({ current: "r", contexts }), { mode: 0o600 });
  const { code, output } = await generate("--directory", "login", "--output", "json");
  expect(code, output).toBe(0);
  expect(JSON.parse(output).server).toBe("https://r.example.com");
  const both = await generate("r.example.com", "--context", "r");
  expect([both.code, both.output]).toEqual([2, expect.stringContaining("not both")]);
  await rm(join(folder, "config"), { recursive: true });
});

test("what it cannot do it refuses with what to do, and leaves what is there", async () => {
  const file = join(folder, "mine/ecr/2015-09-21/endpoint-rule-set-1.json");
  await mkdir(dirname(file), { recursive: true });
  for (const text of ["{}", JSON.stringify({ rules: [], url: "x" }), ""]) {
    await writeFile(file, text);
    const { code, output } = await generate(server.host, "--directory", "mine");
    expect([code, output]).toEqual([1, expect.stringContaining("holds other rules for the endpoints of ECR")]);
    expect(await readFile(file, "utf8")).toBe(text);
  }
  for (const [args, sentence] of [
    [["registry.example.com/path"], "is no server"],
    [["http://registry.example.com"], "--insecure-http"],
    [[server.host, "--directory", "a:b"], "choose another directory"],
  ] as const) {
    const { code, output } = await generate(...args);
    expect([code, output]).toEqual([2, expect.stringContaining(sentence)]);
  }
  const unmade = await generate(server.host, "--directory", join(file, "below"));
  expect([unmade.code, unmade.output]).toEqual([1, expect.stringContaining("choose another --directory")]);
});

test("Debian's AWS command line reaches the server by it, and without it does not", async (context) => {
  const aws = getPeer(context, "aws-debian");
  const list = ["ecr", "describe-repositories", "--query", "repositories[].repositoryName", "--output", "text"];
  const env = { ...awsEnvironment(server.url), ...(await dataPath()) };
  const made = await runProgram(aws, ["ecr", "create-repository", "--repository-name", "team/debian"], env);
  expect(made.code, made.stderr).toBe(0);
  const listed = await runProgram(aws, list, env);
  expect([listed.code, listed.stdout.split(/\s/)]).toEqual([0, expect.arrayContaining(["team/debian"])]);
  // A name that is nowhere: what was wanted of the registry goes to Amazon's address otherwise.
  const region = { AWS_REGION: "nowhere-1", AWS_DEFAULT_REGION: "nowhere-1", AWS_MAX_ATTEMPTS: "1" };
  const astray = await runProgram(aws, list, { ...awsEnvironment(server.url), ...region });
  expect([astray.code === 0, astray.stderr]).toEqual([false, expect.stringContaining("api.ecr.nowhere-1.")]);
});

for (const peer of ["boto3", "boto3-old"] as const) {
  test(`${peer} reaches the server by it`, async (context) => {
    const env = { ...(await dataPath()), AWS_ENDPOINT_URL: "" };
    const repositoryName = `team/${peer}`;
    const [made, listed] = await callBoto3(
      context,
      server.url,
      [
        ["create_repository", { repositoryName }],
        ["describe_repositories", { repositoryNames: [repositoryName] }],
      ],
      undefined,
      { peer, env },
    );
    expect(made.repository.repositoryUri).toBe(`${server.host}/${repositoryName}`);
    expect(listed.repositories).toHaveLength(1);
  });
}
