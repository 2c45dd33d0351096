import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { awsEnvironment, callBoto3 } from "../support/call-boto3.ts";
import { openEcrCallers } from "../support/ecr-callers.ts";
import type { EcrCallers } from "../support/ecr-callers.ts";
import { startGuardedServer } from "../support/management-client.ts";
import type { GuardedServer } from "../support/management-client.ts";
import { getPeer, needPeers } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";
import { runProgram } from "../support/run.ts";

/* Policies of repositories by the ECR API, and what they do there and at `/v2/`. */

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

const repositoryName = "team/app";
const userArn = (name: string) => `arn:aws:iam::000000000000:user/${name}`;
const textOf = (...statements: readonly object[]) => JSON.stringify({ Version: "2012-10-17", Statement: statements });
const pulls = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];

describe.each(["SQLite", "PostgreSQL"] as const)("%s", (kind) => {
  let guarded: GuardedServer;
  let people: EcrCallers;

  beforeAll(async () => {
    if (kind === "PostgreSQL" && postgres === undefined) return;
    guarded = await startGuardedServer(kind === "PostgreSQL" ? { database: await postgres!.makeDatabase() } : {});
    people = await openEcrCallers(guarded);
    expect((await guarded.admin.post("/namespaces", { path: "team" })).status).toBe(201);
    await people.add("guest");
    await people.add("reader", "team", "reader");
    expect((await people.call("admin", "CreateRepository", { repositoryName })).status).toBe(200);
  });
  afterAll(() => guarded?.close());

  async function tagsOf(who: string): Promise<number> {
    const authorization = people.basic(who);
    return (await fetch(`${guarded.server.url}/v2/${repositoryName}/tags/list`, { headers: { authorization } })).status;
  }

  async function catalogOf(who: string): Promise<unknown> {
    const authorization = people.basic(who);
    const answer = await fetch(`${guarded.server.url}/v2/_catalog`, { headers: { authorization } });
    return [answer.status, ((await answer.json()) as { repositories: string[] }).repositories];
  }

  test("a policy is read back as it was written, acts at once on every path, and is gone when it is deleted", async (context) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    const absent = await people.call("admin", "GetRepositoryPolicy", { repositoryName });
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
    const set = await people.call("admin", "SetRepositoryPolicy", { repositoryName, policyText });
    expect(set.body, set.text).toEqual({ registryId: "000000000000", repositoryName, policyText });
    expect((await people.call("admin", "GetRepositoryPolicy", { repositoryName })).body.policyText).toBe(policyText);
    expect([await tagsOf("guest"), await catalogOf("guest")]).toEqual([200, [200, [repositoryName]]]);
    expect([await tagsOf("reader"), await catalogOf("reader")]).toEqual([403, [200, []]]);
    const listed = await people.call("guest", "DescribeRepositories");
    expect(listed.body.repositories.map((one: { repositoryName: string }) => one.repositoryName)).toEqual([
      repositoryName,
    ]);
    expect((await people.call("guest", "DescribeImages", { repositoryName })).body.__type).toBe(
      "AccessDeniedException",
    );
    const imageIds = [{ imageTag: "v1" }];
    expect((await people.call("guest", "BatchGetImage", { repositoryName, imageIds })).status).toBe(200);
    const denied = await people.call("reader", "BatchGetImage", { repositoryName, imageIds });
    expect(denied.body.message).toContain(
      'with an explicit deny in a resource-based policy (statement 2 (Sid "Out") of the policy of team/app denies ecr:BatchGetImage)',
    );
    const events = await guarded.admin.get("/access/explain?principal=reader&action=pull&name=team/app");
    expect(events.text).toContain("Out");
    const gone = await people.call("admin", "DeleteRepositoryPolicy", { repositoryName });
    expect(gone.body.policyText).toBe(policyText);
    expect([await tagsOf("guest"), await tagsOf("reader")]).toEqual([403, 200]);
    const again = await people.call("admin", "DeleteRepositoryPolicy", { repositoryName });
    expect(again.body.__type).toBe("RepositoryPolicyNotFoundException");
  });

  test("what cannot be evaluated is refused with its statement, and what was there stays", async (context) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    const good = textOf({ Effect: "Allow", Principal: "*", Action: "ecr:BatchGetImage" });
    await people.call("admin", "SetRepositoryPolicy", { repositoryName, policyText: good });
    const org = { StringEquals: { "aws:PrincipalOrgID": "o-1" } };
    for (const [statement, words] of [
      [{ Sid: "Org", Effect: "Allow", Principal: "*", Action: "ecr:*", Condition: org }, 'statement 1 (Sid "Org")'],
      [{ Effect: "Allow", Principal: "*", Action: "s3:GetObject" }, "is none of ECR's"],
      [{ Effect: "Deny", Principal: { AWS: userArn("nobody") }, Action: "ecr:*" }, "is not there"],
      [{ Effect: "Deny", Principal: "*", Action: "ecr:*" }, "set force"],
    ] as const) {
      const answer = await people.call("admin", "SetRepositoryPolicy", {
        repositoryName,
        policyText: textOf(statement),
      });
      expect(answer.body.__type).toBe("InvalidParameterException");
      expect(answer.body.message).toContain(
        "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided",
      );
      expect(answer.body.message).toContain(words);
    }
    expect((await people.call("admin", "GetRepositoryPolicy", { repositoryName })).body.policyText).toBe(good);
    for (const operation of ["GetRepositoryPolicy", "DeleteRepositoryPolicy"]) {
      expect((await people.call("reader", operation, { repositoryName })).body.__type).toBe("AccessDeniedException");
    }
    const stolen = await people.call("reader", "SetRepositoryPolicy", { repositoryName, policyText: good });
    expect(stolen.body.__type).toBe("AccessDeniedException");
  });

  test("boto3 and the AWS CLI set it, get it as it was written, and delete it", async (context) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    const policyText = JSON.stringify(JSON.parse(textOf({ Effect: "Allow", Principal: "*", Action: pulls })), null, 2);
    const { url } = guarded.server;
    const keys = people.keys("admin");
    const [set, got] = await callBoto3(
      context,
      url,
      [
        ["set_repository_policy", { repositoryName, policyText }],
        ["get_repository_policy", { repositoryName }],
      ],
      keys,
    );
    const answer = { registryId: "000000000000", repositoryName, policyText };
    expect(set).toMatchObject(answer);
    expect(got).toMatchObject(answer);
    const aws = async (verb: string) => {
      const words = ["ecr", `${verb}-repository-policy`, "--repository-name", repositoryName, "--output", "json"];
      const { stdout, stderr, code } = await runProgram(getPeer(context, "aws"), words, awsEnvironment(url, keys));
      expect(code, stderr).toBe(0);
      return JSON.parse(stdout);
    };
    expect([await aws("get"), await aws("delete")]).toEqual([answer, answer]);
    const again = await callBoto3(context, url, [["get_repository_policy", { repositoryName }]], keys);
    expect(again[0].error).toMatchObject({ Code: "RepositoryPolicyNotFoundException", status: 400, retries: 0 });
  });
});
