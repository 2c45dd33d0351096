import { afterAll, beforeAll, expect, test } from "vitest";
import { callEcr, ecrTarget } from "../support/ecr-wire.ts";
import { startGuardedServer } from "../support/management-client.ts";
import { signedHeaders } from "../support/sign-as.ts";
import type { Pair } from "../support/sign-as.ts";

/* The policy of a registry by the ECR API, and what it does there and at `/v2/`. */

const guarded = await startGuardedServer();
const { server, admin } = guarded;
const pairs = new Map<string, Pair>();
const password = "a long pass phrase of nobody";
const registryId = "000000000000";
const userArn = (name: string) => `arn:aws:iam::${registryId}:user/${name}`;
const repository = (name: string) => `arn:aws:ecr:us-east-1:${registryId}:repository/${name}`;

beforeAll(async () => {
  await admin.post("/namespaces", { path: "team" });
  expect((await admin.post("/users", { name: "guest", password })).status).toBe(201);
  for (const name of ["admin", "guest"]) {
    const made = await admin.post(`/users/${name}/tokens`, { name: "aws", aws: true });
    expect(made.status, made.text).toBe(201);
    pairs.set(name, { accessKeyId: made.body.accessKeyId, secretAccessKey: made.body.secretAccessKey });
  }
});
afterAll(() => guarded.close());

async function call(who: string, operation: string, input: object = {}) {
  const body = JSON.stringify(input);
  const wish = { region: "eu-central-1", host: server.host, body, target: `${ecrTarget}${operation}` };
  const { Host: _host, "Content-Length": _length, ...headers } = signedHeaders(pairs.get(who)!, wish);
  return callEcr(server.url, operation, body, headers);
}

async function upload(who: string, name: string): Promise<number> {
  const authorization = `Basic ${Buffer.from(`${who}:${password}`).toString("base64")}`;
  const answer = await fetch(`${server.url}/v2/${name}/blobs/uploads/`, { method: "POST", headers: { authorization } });
  await answer.arrayBuffer();
  return answer.status;
}

const textOf = (...statements: readonly object[]) => JSON.stringify({ Version: "2012-10-17", Statement: statements });
const allow = (Action: unknown, Resource: string, Principal: unknown = { AWS: userArn("guest") }) => ({
  ...{ Effect: "Allow", Principal, Action, Resource },
});

test("a registry's policy is read back as it was written, acts at once on every path, and is gone when it is deleted", async () => {
  const absent = await call("admin", "GetRegistryPolicy");
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
  const put = await call("admin", "PutRegistryPolicy", { policyText });
  expect(put.body, put.text).toEqual({ registryId, policyText });
  expect((await call("admin", "GetRegistryPolicy")).body).toEqual({ registryId, policyText });
  expect([await upload("guest", "team/first"), await upload("guest", "team/last")]).toEqual([202, 403]);
  const made = await call("guest", "CreateRepository", { repositoryName: "team/fine" });
  expect(made.status, made.text).toBe(200);
  const login = await call("guest", "GetAuthorizationToken");
  expect(login.body.message).toContain(
    'with an explicit deny in a resource-based policy (statement 2 (Sid "NoLogin") of the policy of the registry denies ecr:GetAuthorizationToken)',
  );
  expect((await call("admin", "GetAuthorizationToken")).status).toBe(200);
  for (const operation of ["GetRegistryPolicy", "DeleteRegistryPolicy"]) {
    expect((await call("guest", operation)).body.__type).toBe("AccessDeniedException");
  }
  expect((await call("guest", "PutRegistryPolicy", { policyText })).body.__type).toBe("AccessDeniedException");
  const trail = await admin.get("/audit?order=latest&action=put-registry-policy");
  expect(trail.text).toContain("put-registry-policy");
  expect((await call("admin", "DeleteRegistryPolicy")).body).toEqual({ registryId, policyText });
  expect([await upload("guest", "team/first"), (await call("guest", "GetAuthorizationToken")).status]).toEqual([
    403, 200,
  ]);
  expect((await call("admin", "DeleteRegistryPolicy")).body.__type).toBe("RegistryPolicyNotFoundException");
});

test("what cannot be evaluated is refused with its statement; replication is kept and told as idle; V1 takes three actions", async () => {
  const refused = async (statement: object) => {
    const { body } = await call("admin", "PutRegistryPolicy", { policyText: textOf(statement) });
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
  expect((await call("admin", "PutRegistryPolicy", { policyText: textOf(replicate) })).status).toBe(200);
  expect((await admin.get("/namespaces/-/settings")).headers.get("warning")).toContain(
    "clients of ECR set 1 statement of the registry policy of account 000000000000 for replication or import",
  );
  const scope = (value: string) => call("admin", "PutAccountSetting", { name: "REGISTRY_POLICY_SCOPE", value });
  expect((await scope("V1")).body.message).toContain("must be V2 while the registry has a policy");
  await call("admin", "DeleteRegistryPolicy");
  expect((await scope("V1")).status).toBe(200);
  expect(await refused(allow("ecr:BatchGetImage", "*"))).toContain("set REGISTRY_POLICY_SCOPE to V2 first");
  expect((await call("admin", "PutRegistryPolicy", { policyText: textOf(allow("ecr:*", "*")) })).status).toBe(200);
  expect((await call("guest", "CreateRepository", { repositoryName: "team/v1" })).status).toBe(200);
  expect((await call("guest", "DescribeImages", { repositoryName: "team/v1" })).status).toBe(400);
});
