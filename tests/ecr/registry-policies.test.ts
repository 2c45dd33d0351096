import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { awsEnvironment, callBoto3 } from "../support/call-boto3.ts";
import { openEcrCallers } from "../support/ecr-callers.ts";
import type { EcrCallers } from "../support/ecr-callers.ts";
import { startGuardedServer } from "../support/management-client.ts";
import type { GuardedServer } from "../support/management-client.ts";
import { getPeer, needPeers } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";
import { runProgram } from "../support/run.ts";

/* The policy of a registry by the ECR API, and what it does there and at `/v2/`. */

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

const registryId = "000000000000";
const userArn = (name: string) => `arn:aws:iam::${registryId}:user/${name}`;
const repository = (name: string) => `arn:aws:ecr:us-east-1:${registryId}:repository/${name}`;
const textOf = (...statements: readonly object[]) => JSON.stringify({ Version: "2012-10-17", Statement: statements });
const allow = (Action: unknown, Resource: string, Principal: unknown = { AWS: userArn("guest") }) => ({
  ...{ Effect: "Allow", Principal, Action, Resource },
});

describe.each(["SQLite", "PostgreSQL"] as const)("%s", (kind) => {
  let guarded: GuardedServer;
  let people: EcrCallers;

  beforeAll(async () => {
    if (kind === "PostgreSQL" && postgres === undefined) return;
    guarded = await startGuardedServer(kind === "PostgreSQL" ? { database: await postgres!.makeDatabase() } : {});
    people = await openEcrCallers(guarded);
    expect((await guarded.admin.post("/namespaces", { path: "team" })).status).toBe(201);
    await people.add("guest");
  });
  afterAll(() => guarded?.close());

  async function upload(who: string, name: string): Promise<number> {
    const authorization = people.basic(who);
    const answer = await fetch(`${guarded.server.url}/v2/${name}/blobs/uploads/`, {
      method: "POST",
      headers: { authorization },
    });
    await answer.arrayBuffer();
    return answer.status;
  }

  test("a registry's policy is read back as it was written, acts at once on every path, and is gone when it is deleted", async (context) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    const absent = await people.call("admin", "GetRegistryPolicy");
    expect([absent.status, absent.body]).toEqual([
      400,
      {
        __type: "RegistryPolicyNotFoundException",
        message: "Registry policy does not exist in the registry with id '000000000000'",
      },
    ]);
    expect(await upload("guest", "team/first")).toBe(403);
    const pushes = ["ecr:CreateRepository", "ecr:*Layer*", "ecr:PutImage"];
    const policyText = textOf(allow(pushes, repository("team/f*")), {
      ...{ Sid: "NoLogin", Effect: "Deny", Principal: { AWS: userArn("guest") }, Resource: "*" },
      Action: "ecr:GetAuthorizationToken",
    });
    const put = await people.call("admin", "PutRegistryPolicy", { policyText });
    expect(put.body, put.text).toEqual({ registryId, policyText });
    expect((await people.call("admin", "GetRegistryPolicy")).body).toEqual({ registryId, policyText });
    expect([await upload("guest", "team/first"), await upload("guest", "team/last")]).toEqual([202, 403]);
    const made = await people.call("guest", "CreateRepository", { repositoryName: "team/fine" });
    expect(made.status, made.text).toBe(200);
    const login = await people.call("guest", "GetAuthorizationToken");
    expect(login.body.message).toContain(
      'with an explicit deny in a resource-based policy (statement 2 (Sid "NoLogin") of the policy of the registry denies ecr:GetAuthorizationToken)',
    );
    expect((await people.call("admin", "GetAuthorizationToken")).status).toBe(200);
    for (const operation of ["GetRegistryPolicy", "DeleteRegistryPolicy"]) {
      expect((await people.call("guest", operation)).body.__type).toBe("AccessDeniedException");
    }
    expect((await people.call("guest", "PutRegistryPolicy", { policyText })).body.__type).toBe("AccessDeniedException");
    const trail = await guarded.admin.get("/audit?order=latest&action=put-registry-policy");
    expect(trail.text).toContain("put-registry-policy");
    expect((await people.call("admin", "DeleteRegistryPolicy")).body).toEqual({ registryId, policyText });
    expect([await upload("guest", "team/first"), (await people.call("guest", "GetAuthorizationToken")).status]).toEqual(
      [403, 200],
    );
    expect((await people.call("admin", "DeleteRegistryPolicy")).body.__type).toBe("RegistryPolicyNotFoundException");
  });

  test("what cannot be evaluated is refused with its statement; replication is kept and told as idle; V1 takes three actions", async (context) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    const refused = async (statement: object) => {
      const { body } = await people.call("admin", "PutRegistryPolicy", { policyText: textOf(statement) });
      expect(body.__type).toBe("InvalidParameterException");
      return body.message as string;
    };
    const words = "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid registry policy provided: ";
    expect(
      await refused({ ...allow("ecr:*", "*", "*"), Condition: { StringEquals: { "aws:PrincipalOrgID": "o" } } }),
    ).toMatch(`${words}statement 1`);
    expect(await refused(allow("ecr:*", repository("*"), { AWS: "arn:aws:iam::111122223333:root" }))).toContain(
      "is of another account",
    );
    const replicate = { ...allow("ecr:ReplicateImage", repository("*")), Principal: { AWS: "111122223333" } };
    expect((await people.call("admin", "PutRegistryPolicy", { policyText: textOf(replicate) })).status).toBe(200);
    expect((await guarded.admin.get("/namespaces/-/settings")).headers.get("warning")).toContain(
      "clients of ECR set 1 statement of the registry policy of account 000000000000 for replication or import",
    );
    const scope = (value: string) =>
      people.call("admin", "PutAccountSetting", { name: "REGISTRY_POLICY_SCOPE", value });
    expect((await scope("V1")).body.message).toContain("must be V2 while the registry has a policy");
    await people.call("admin", "DeleteRegistryPolicy");
    expect((await scope("V1")).status).toBe(200);
    expect(await refused(allow("ecr:BatchGetImage", "*"))).toContain("set REGISTRY_POLICY_SCOPE to V2 first");
    expect((await people.call("admin", "PutRegistryPolicy", { policyText: textOf(allow("ecr:*", "*")) })).status).toBe(
      200,
    );
    expect((await people.call("guest", "CreateRepository", { repositoryName: "team/v1" })).status).toBe(200);
    expect((await people.call("guest", "DescribeImages", { repositoryName: "team/v1" })).status).toBe(400);
  });

  test("boto3 and the AWS CLI put it, get it as it was written, and delete it", async (context) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    const written = JSON.parse(textOf(allow("ecr:CreateRepository", repository("team/*"))));
    const policyText = JSON.stringify(written, null, 2);
    const { url } = guarded.server;
    const keys = people.keys("admin");
    const calls = [
      ["put_registry_policy", { policyText }],
      ["get_registry_policy", {}],
    ] as const;
    const [put, got] = await callBoto3(context, url, calls, keys);
    expect(put).toMatchObject({ registryId, policyText });
    expect(got).toMatchObject({ registryId, policyText });
    const aws = async (verb: string) => {
      const words = ["ecr", `${verb}-registry-policy`, "--output", "json"];
      const { stdout, stderr, code } = await runProgram(getPeer(context, "aws"), words, awsEnvironment(url, keys));
      expect(code, stderr).toBe(0);
      return JSON.parse(stdout);
    };
    const answer = { registryId, policyText };
    expect([await aws("get"), await aws("delete")]).toEqual([answer, answer]);
    const again = await callBoto3(context, url, [["get_registry_policy", {}]], keys);
    expect(again[0].error).toMatchObject({ Code: "RegistryPolicyNotFoundException", status: 400, retries: 0 });
  });
});
