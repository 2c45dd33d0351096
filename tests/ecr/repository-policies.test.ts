import { afterAll, beforeAll, expect, test } from "vitest";
import { callEcr, ecrTarget } from "../support/ecr-wire.ts";
import { startGuardedServer } from "../support/management-client.ts";
import { signedHeaders } from "../support/sign-as.ts";
import type { Pair } from "../support/sign-as.ts";

/* Policies of repositories by the ECR API, and what they do there and at `/v2/`. */

const guarded = await startGuardedServer();
const { server, admin } = guarded;
const pairs = new Map<string, Pair>();
const password = "a long pass phrase of nobody";
const repositoryName = "team/app";
const userArn = (name: string) => `arn:aws:iam::000000000000:user/${name}`;

beforeAll(async () => {
  await admin.post("/namespaces", { path: "team" });
  for (const name of ["guest", "reader"]) {
    expect((await admin.post("/users", { name, password })).status).toBe(201);
  }
  await admin.post("/namespaces/team/-/grants", { to: { user: "reader" }, role: "reader" });
  for (const name of ["admin", "guest", "reader"]) {
    const made = await admin.post(`/users/${name}/tokens`, { name: "aws", aws: true });
    expect(made.status, made.text).toBe(201);
    pairs.set(name, { accessKeyId: made.body.accessKeyId, secretAccessKey: made.body.secretAccessKey });
  }
  expect((await call("admin", "CreateRepository", { repositoryName })).status).toBe(200);
});
afterAll(() => guarded.close());

async function call(who: string, operation: string, input: object = {}) {
  const body = JSON.stringify(input);
  const wish = { region: "eu-central-1", host: server.host, body, target: `${ecrTarget}${operation}` };
  const { Host: _host, "Content-Length": _length, ...headers } = signedHeaders(pairs.get(who)!, wish);
  return callEcr(server.url, operation, body, headers);
}

async function tagsOf(who: string): Promise<number> {
  const authorization = `Basic ${Buffer.from(`${who}:${password}`).toString("base64")}`;
  return (await fetch(`${server.url}/v2/${repositoryName}/tags/list`, { headers: { authorization } })).status;
}

async function catalogOf(who: string): Promise<unknown> {
  const authorization = `Basic ${Buffer.from(`${who}:${password}`).toString("base64")}`;
  const answer = await fetch(`${server.url}/v2/_catalog`, { headers: { authorization } });
  return [answer.status, ((await answer.json()) as { repositories: string[] }).repositories];
}

const textOf = (...statements: readonly object[]) => JSON.stringify({ Version: "2012-10-17", Statement: statements });
const pulls = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];

test("a policy is read back as it was written, acts at once on every path, and is gone when it is deleted", async () => {
  const absent = await call("admin", "GetRepositoryPolicy", { repositoryName });
  expect([absent.status, absent.body.__type]).toEqual([400, "RepositoryPolicyNotFoundException"]);
  expect(absent.body.message).toBe(
    "Repository policy does not exist for the repository with name 'team/app' in the registry with id '000000000000'",
  );
  expect([await tagsOf("guest"), await catalogOf("guest")]).toEqual([403, [200, []]]);
  const net = { IpAddress: { "aws:SourceIp": ["127.0.0.0/8", "::1/128"] } };
  const policyText = textOf(
    {
      Sid: "In",
      Effect: "Allow",
      Principal: { AWS: userArn("guest") },
      Action: [...pulls, "ecr:DescribeRepositories"],
      Condition: net,
    },
    { Sid: "Out", Effect: "Deny", Principal: { AWS: userArn("reader") }, Action: pulls, Condition: net },
  );
  const set = await call("admin", "SetRepositoryPolicy", { repositoryName, policyText });
  expect(set.body, set.text).toEqual({ registryId: "000000000000", repositoryName, policyText });
  expect((await call("admin", "GetRepositoryPolicy", { repositoryName })).body.policyText).toBe(policyText);
  expect([await tagsOf("guest"), await catalogOf("guest")]).toEqual([200, [200, [repositoryName]]]);
  expect([await tagsOf("reader"), await catalogOf("reader")]).toEqual([403, [200, []]]);
  const listed = await call("guest", "DescribeRepositories");
  expect(listed.body.repositories.map((one: { repositoryName: string }) => one.repositoryName)).toEqual([
    repositoryName,
  ]);
  expect((await call("guest", "DescribeImages", { repositoryName })).body.__type).toBe("AccessDeniedException");
  const imageIds = [{ imageTag: "v1" }];
  expect((await call("guest", "BatchGetImage", { repositoryName, imageIds })).status).toBe(200);
  const denied = await call("reader", "BatchGetImage", { repositoryName, imageIds });
  expect(denied.body.message).toContain(
    'with an explicit deny in a resource-based policy (statement 2 (Sid "Out") of the policy of team/app denies ecr:BatchGetImage)',
  );
  const events = await admin.get("/access/explain?principal=reader&action=pull&name=team/app");
  expect(events.text).toContain("Out");
  const gone = await call("admin", "DeleteRepositoryPolicy", { repositoryName });
  expect(gone.body.policyText).toBe(policyText);
  expect([await tagsOf("guest"), await tagsOf("reader")]).toEqual([403, 200]);
  const again = await call("admin", "DeleteRepositoryPolicy", { repositoryName });
  expect(again.body.__type).toBe("RepositoryPolicyNotFoundException");
});

test("what cannot be evaluated is refused with its statement, and what was there stays", async () => {
  const good = textOf({ Effect: "Allow", Principal: "*", Action: "ecr:BatchGetImage" });
  await call("admin", "SetRepositoryPolicy", { repositoryName, policyText: good });
  const org = { StringEquals: { "aws:PrincipalOrgID": "o-1" } };
  for (const [statement, words] of [
    [{ Sid: "Org", Effect: "Allow", Principal: "*", Action: "ecr:*", Condition: org }, 'statement 1 (Sid "Org")'],
    [{ Effect: "Allow", Principal: "*", Action: "s3:GetObject" }, "is none of ECR's"],
    [{ Effect: "Deny", Principal: { AWS: userArn("nobody") }, Action: "ecr:*" }, "is not there"],
    [{ Effect: "Deny", Principal: "*", Action: "ecr:*" }, "set force"],
  ] as const) {
    const answer = await call("admin", "SetRepositoryPolicy", { repositoryName, policyText: textOf(statement) });
    expect(answer.body.__type).toBe("InvalidParameterException");
    expect(answer.body.message).toContain(
      "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided",
    );
    expect(answer.body.message).toContain(words);
  }
  expect((await call("admin", "GetRepositoryPolicy", { repositoryName })).body.policyText).toBe(good);
  for (const operation of ["GetRepositoryPolicy", "DeleteRepositoryPolicy"]) {
    expect((await call("reader", operation, { repositoryName })).body.__type).toBe("AccessDeniedException");
  }
  const stolen = await call("reader", "SetRepositoryPolicy", { repositoryName, policyText: good });
  expect(stolen.body.__type).toBe("AccessDeniedException");
});
