import { afterAll, beforeAll, expect, test } from "vitest";
import { operations } from "../../src/api/ecr/operations.ts";
import { authorizationIn, callEcr, ecrTarget } from "../support/ecr-wire.ts";
import { startTestServer } from "../support/start-server.ts";

const accounts = [
  { id: "123456789012", namespace: "shop" },
  { id: "210987654321", namespace: "lab", region: "eu-west-1" },
];
const server = await startTestServer();
const shared = await startTestServer({ ecr: { accounts, publicHost: "registry.example.com" } });

beforeAll(async () => {
  const { status, text } = await callEcr(server.url, "CreateRepository", { repositoryName: "team/app" });
  expect(status, text).toBe(200);
});
afterAll(async () => {
  await server.close();
  await shared.close();
});

test("an answer has the protocol's type, an id, the date, and times as numbers of seconds", async () => {
  const { status, headers, body } = await callEcr(server.url, "DescribeRepositories", {});
  expect(status).toBe(200);
  expect(headers.get("content-type")).toBe("application/x-amz-json-1.1");
  expect(headers.get("x-amzn-requestid")).toMatch(/^[\w-]{8,}$/);
  expect(Math.abs(Date.parse(headers.get("date")!) - Date.now())).toBeLessThan(60_000);
  const [repository] = body.repositories;
  expect(Math.abs(repository.createdAt - Date.now() / 1000)).toBeLessThan(600);
  expect(repository).toEqual({
    repositoryArn: "arn:aws:ecr:eu-central-1:000000000000:repository/team/app",
    registryId: "000000000000",
    repositoryName: "team/app",
    repositoryUri: `${server.host}/team/app`,
    createdAt: repository.createdAt,
    imageTagMutability: "MUTABLE",
    imageScanningConfiguration: { scanOnPush: false },
    encryptionConfiguration: { encryptionType: "AES256" },
  });
  // Absent, not null: some clients would go on for ever.
  expect(body).not.toHaveProperty("nextToken");
});

test("an error says its type in a header and in the body, and is told apart by both", async () => {
  const { status, headers, body } = await callEcr(server.url, "DescribeRepositories", { repositoryNames: ["no/such"] });
  expect(status).toBe(400);
  expect(headers.get("x-amzn-errortype")).toBe("RepositoryNotFoundException");
  expect(headers.get("x-amzn-requestid")).toMatch(/^[\w-]{8,}$/);
  expect(body).toEqual({
    __type: "RepositoryNotFoundException",
    message: "The repository with name 'no/such' does not exist in the registry with id '000000000000'",
  });
});

test("what is no call is refused with 400 in the protocol's words", async () => {
  const typeOf = async (...call: Parameters<typeof callEcr>) => {
    const { status, body } = await callEcr(...call);
    return [status, body.__type];
  };
  const { url } = server;
  expect(await typeOf(url, "DescribeEverything")).toEqual([400, "UnknownOperationException"]);
  expect(await typeOf(url, "toString")).toEqual([400, "UnknownOperationException"]);
  const other = { "x-amz-target": "TrentService.EnableKey" };
  expect(await typeOf(url, "", {}, other)).toEqual([400, "UnknownOperationException"]);
  for (const body of ["{", "[]", '"text"', "null", new Uint8Array([0x22, 0xff, 0x22])]) {
    expect(await typeOf(url, "DescribeRepositories", body)).toEqual([400, "SerializationException"]);
  }
  expect((await callEcr(url, "DescribeRepositories", "")).status).toBe(200);
  const large = { repositoryName: "team/app", other: "x".repeat(1024 ** 2) };
  expect(await typeOf(url, "DeleteRepository", large)).toEqual([400, "SerializationException"]);
  const answer = await fetch(url, { headers: { "x-amz-target": `${ecrTarget}DescribeRepositories` } });
  expect([answer.status, ((await answer.json()) as { __type: string }).__type]).toEqual([
    400,
    "UnknownOperationException",
  ]);
});

test("an operation that is not served is refused with the error of the table and its reason", async () => {
  const inputs: Record<string, object> = { PutRegistryPolicy: { policyText: "{}" } };
  for (const [name, entry] of Object.entries(operations)) {
    if (!("refused" in entry)) continue;
    const { status, body } = await callEcr(server.url, name, inputs[name] ?? {});
    expect([status, body.__type]).toEqual([400, entry.refused]);
    expect(body.message).toContain(entry.reason);
  }
});

test("an account is a namespace; its digits, region and host are those of the settings", async () => {
  const made = await callEcr(shared.url, "CreateRepository", { repositoryName: "app", registryId: "123456789012" });
  expect(made.body.repository).toMatchObject({
    repositoryArn: "arn:aws:ecr:eu-central-1:123456789012:repository/app",
    registryId: "123456789012",
    repositoryName: "app",
    repositoryUri: "registry.example.com/shop/app",
  });
  expect((await fetch(`${shared.url}/api/v1/repositories/shop/app`)).status).toBe(200);
  const west = { authorization: authorizationIn("eu-west-1") };
  const lab = await callEcr(
    shared.url,
    "CreateRepository",
    { repositoryName: "app", registryId: "210987654321" },
    west,
  );
  expect(lab.body.repository).toMatchObject({
    repositoryArn: "arn:aws:ecr:eu-west-1:210987654321:repository/app",
    repositoryUri: "registry.example.com/lab/app",
  });
  // Only those of its own namespace.
  const listed = await callEcr(shared.url, "DescribeRepositories", { registryId: "210987654321" }, west);
  expect(listed.body.repositories.map((one: any) => one.repositoryArn)).toEqual([
    "arn:aws:ecr:eu-west-1:210987654321:repository/app",
  ]);
  // Digits of no account mean the first; so does an account that is elsewhere.
  for (const registryId of ["999999999999", "123456789", "210987654321"]) {
    const { body } = await callEcr(shared.url, "DescribeRepositories", { registryId });
    expect(body.repositories.map((one: any) => one.registryId)).toEqual(["123456789012"]);
  }
  const alone = await callEcr(shared.url, "GetAuthorizationToken", { registryIds: ["123456789012", "210987654321"] });
  const hosts = alone.body.authorizationData.map((one: any) => one.proxyEndpoint);
  expect(hosts).toEqual(["http://registry.example.com", "http://registry.example.com"]);
});

test("ARNs name the part of the world that the region is in", async () => {
  for (const [region, partition] of [
    ["us-gov-west-1", "aws-us-gov"],
    ["cn-north-1", "aws-cn"],
  ]) {
    const headers = { authorization: authorizationIn(region!) };
    const { body } = await callEcr(server.url, "DescribeRepositories", { repositoryNames: ["team/app"] }, headers);
    expect(body.repositories[0].repositoryArn).toBe(`arn:${partition}:ecr:${region}:000000000000:repository/team/app`);
  }
});

test("a page's token goes on with its own list and with no other", async () => {
  for (const name of ["page/a", "page/b", "page/c"]) {
    await callEcr(server.url, "CreateRepository", { repositoryName: name });
  }
  const names: string[] = [];
  let nextToken: string | undefined;
  do {
    const input = { maxResults: 1, ...(nextToken === undefined ? {} : { nextToken }) };
    const { body } = await callEcr(server.url, "DescribeRepositories", input);
    names.push(...body.repositories.map((one: any) => one.repositoryName));
    nextToken = body.nextToken;
  } while (nextToken !== undefined);
  expect(names).toEqual(["page/a", "page/b", "page/c", "team/app"]);
  const { body } = await callEcr(server.url, "DescribeRepositories", { maxResults: 1 });
  const token: string = body.nextToken;
  const forged = Buffer.from(token, "base64url");
  forged[forged.length - 1]! ^= 1;
  const tries: readonly (readonly [object, object?])[] = [
    [{ nextToken: forged.toString("base64url") }],
    [{ nextToken: "x" }],
    [{ nextToken: "" }],
    [{ nextToken: "x".repeat(5000) }],
    [{ nextToken: token, registryId: "000000000000" }],
    [{ nextToken: token }, { authorization: authorizationIn("us-east-1") }],
  ];
  for (const [input, headers] of tries) {
    const refused = await callEcr(server.url, "DescribeRepositories", input, headers as Record<string, string>);
    expect([refused.status, refused.body.__type], JSON.stringify(input).slice(0, 80)).toEqual([
      400,
      "InvalidParameterException",
    ]);
  }
  // The size of a page may change on the way.
  expect((await callEcr(server.url, "DescribeRepositories", { nextToken: token })).body.repositories).toHaveLength(3);
});

test("a change that names an account which is not there changes nothing in the first one", async () => {
  const { status, text } = await callEcr(shared.url, "CreateRepository", { repositoryName: "kept" });
  expect(status, text).toBe(200);
  const other = { repositoryName: "kept", registryId: "123456789021", force: true };
  expect((await callEcr(shared.url, "DeleteRepository", other)).body).toEqual({
    __type: "InvalidParameterException",
    message:
      "Invalid parameter at 'registryId' failed to satisfy constraint: 'There is no account 123456789021 here: nothing was changed; name the account 123456789012, or leave it out'",
  });
  const resourceArn = "arn:aws:ecr:eu-central-1:123456789021:repository/kept";
  const tags = { resourceArn, tags: [{ Key: "team", Value: "none" }] };
  expect((await callEcr(shared.url, "TagResource", tags)).body.__type).toBe("InvalidParameterException");
  // What only reads takes the digits that examples have.
  const asked = { repositoryNames: ["kept"], registryId: "123456789" };
  expect((await callEcr(shared.url, "DescribeRepositories", asked)).status).toBe(200);
  const own = { repositoryName: "kept", registryId: "123456789012" };
  expect((await callEcr(shared.url, "DeleteRepository", own)).status).toBe(200);
});
