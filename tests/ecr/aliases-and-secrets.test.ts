import { afterAll, describe, expect, test } from "vitest";
import { authorizationIn, callEcr } from "../support/ecr-wire.ts";
import { clientOf, startGuardedServer } from "../support/management-client.ts";
import { needPeers } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";
import { signedHeaders } from "../support/sign-as.ts";
import { startTestServer } from "../support/start-server.ts";

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

const targets = { kms: "TrentService", secretsmanager: "secretsmanager" } as const;
type Service = keyof typeof targets;

async function callBeside(
  url: string,
  service: Service,
  operation: string,
  input: object,
  headers: Readonly<Record<string, string>> = {},
) {
  const { status, body } = await callEcr(url, operation, input, {
    authorization: authorizationIn("eu-central-1", service),
    "x-amz-target": `${targets[service]}.${operation}`,
    ...headers,
  });
  return status === 200 ? body : { error: body.__type, message: body.message, status };
}

const inWest = (service: Service) => ({ authorization: authorizationIn("eu-west-1", service) });
const arn = (service: Service, resource: string) => `arn:aws:${service}:eu-central-1:000000000000:${resource}`;

describe.each(["SQLite", "PostgreSQL"] as const)("%s", (kind) => {
  const open = async () => startTestServer(kind === "PostgreSQL" ? { database: await postgres!.makeDatabase() } : {});

  test("an alias names a key of its region, until it names another or is deleted", async (context) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    const server = await open();
    try {
      const call = (operation: string, input: object = {}) => callBeside(server.url, "kms", operation, input);
      const [one, other] = [(await call("CreateKey")).KeyMetadata, (await call("CreateKey")).KeyMetadata];
      expect(await call("ListAliases")).toEqual({ Aliases: [], Truncated: false });
      const AliasName = "alias/team/images";
      expect(await call("CreateAlias", { AliasName, TargetKeyId: one.KeyId })).toEqual({});
      expect(await call("CreateAlias", { AliasName: "alias/a", TargetKeyId: other.Arn })).toEqual({});
      expect(await call("CreateAlias", { AliasName, TargetKeyId: other.KeyId })).toMatchObject({
        error: "AlreadyExistsException",
        status: 400,
      });
      const shown = (name: string, { KeyId }: { readonly KeyId: string }) => ({
        AliasName: name,
        AliasArn: arn("kms", name),
        TargetKeyId: KeyId,
        CreationDate: expect.any(Number),
        LastUpdatedDate: expect.any(Number),
      });
      const [first, second] = [shown("alias/a", other), shown(AliasName, one)];
      expect(await call("ListAliases")).toEqual({ Aliases: [first, second], Truncated: false });
      const page = await call("ListAliases", { Limit: 1 });
      expect(page).toEqual({ Aliases: [first], NextMarker: expect.any(String), Truncated: true });
      const last = await call("ListAliases", { Limit: 1, Marker: page.NextMarker });
      expect(last).toEqual({ Aliases: [second], Truncated: false });
      expect((await call("ListAliases", { KeyId: one.KeyId })).Aliases).toEqual([second]);
      for (const KeyId of [AliasName, arn("kms", AliasName)]) {
        expect((await call("DescribeKey", { KeyId })).KeyMetadata).toEqual(one);
      }
      expect(await call("UpdateAlias", { AliasName, TargetKeyId: other.KeyId })).toEqual({});
      expect((await call("DescribeKey", { KeyId: AliasName })).KeyMetadata).toEqual(other);

      // Aliases and keys are of one region.
      const west = (operation: string, input: object) => callBeside(server.url, "kms", operation, input, inWest("kms"));
      expect(await west("ListAliases", {})).toEqual({ Aliases: [], Truncated: false });
      for (const KeyId of [AliasName, arn("kms", AliasName)]) {
        expect((await west("DescribeKey", { KeyId })).error).toBe("NotFoundException");
      }
      expect((await west("CreateAlias", { AliasName, TargetKeyId: one.Arn })).error).toBe("NotFoundException");

      expect(await call("DeleteAlias", { AliasName })).toEqual({});
      for (const [operation, input] of [
        ["DeleteAlias", { AliasName }],
        ["UpdateAlias", { AliasName, TargetKeyId: one.KeyId }],
        ["DescribeKey", { KeyId: AliasName }],
        ["CreateAlias", { AliasName, TargetKeyId: "00000000-0000-0000-0000-000000000000" }],
      ] as const) {
        expect((await call(operation, input)).error, operation).toBe("NotFoundException");
      }
      await call("ScheduleKeyDeletion", { KeyId: one.KeyId });
      for (const [wrong, error] of [
        [{ AliasName: "images", TargetKeyId: other.KeyId }, "ValidationException"],
        [{ AliasName: "alias/", TargetKeyId: other.KeyId }, "ValidationException"],
        [{ AliasName: "alias/a b", TargetKeyId: other.KeyId }, "ValidationException"],
        [{ AliasName: "alias/aws/ecr", TargetKeyId: other.KeyId }, "NotAuthorizedException"],
        [{ AliasName: "alias/gone", TargetKeyId: one.KeyId }, "KMSInvalidStateException"],
      ] as const) {
        expect((await call("CreateAlias", wrong)).error, wrong.AliasName).toBe(error);
      }
      expect((await call("ListAliases")).Aliases).toEqual([first]);
      const { body } = await clientOf(() => server.url).get("/audit?order=latest&action=change-settings");
      expect(JSON.stringify(body.items)).toContain('"unset":["kms-alias/eu-central-1/team/images"]');
      expect(server.errors).toEqual([]);
    } finally {
      await server.close();
    }
  });

  test("a secret is a name that rules of the pull-through cache give, with an ARN and without a value", async (context) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    const server = await open();
    try {
      const call = (operation: string, SecretId: string, headers?: Readonly<Record<string, string>>) => {
        return callBeside(server.url, "secretsmanager", operation, { SecretId }, headers);
      };
      const Name = "ecr-pullthroughcache/hub";
      const described = await call("DescribeSecret", Name);
      expect(described).toEqual({
        Name,
        ARN: expect.stringMatching(
          /^arn:aws:secretsmanager:eu-central-1:000000000000:secret:ecr-pullthroughcache\/hub-\w{6}$/,
        ),
        Description: "No rule of the pull-through cache names it. It has no value here.",
        CreatedDate: 0,
        LastChangedDate: 0,
      });
      const { ARN } = described;
      expect(await call("DescribeSecret", ARN)).toEqual(described);
      expect(await call("GetResourcePolicy", Name)).toEqual({ Name, ARN });
      const rule = {
        ecrRepositoryPrefix: "docker-hub",
        upstreamRegistryUrl: "registry-1.docker.io",
        credentialArn: ARN,
      };
      const made = await callEcr(server.url, "CreatePullThroughCacheRule", rule);
      expect(made.status, made.text).toBe(200);
      expect((await call("DescribeSecret", Name)).Description).toContain("name it: docker-hub.");
      for (const other of ["hub", "others/hub", `${Name}?`, ARN.replace("eu-central-1", "eu-west-1")]) {
        expect(await call("DescribeSecret", other), other).toMatchObject({
          error: "ResourceNotFoundException",
          status: 400,
        });
      }
      const west = await call("DescribeSecret", Name, inWest("secretsmanager"));
      expect(west.ARN).toContain(":eu-west-1:");
      expect((await call("GetSecretValue", Name)).error).toBe("UnknownOperationException");
      expect((await call("toString", Name)).error).toBe("UnknownOperationException");
      expect((await callBeside(server.url, "secretsmanager", "DescribeSecret", {})).error).toBe(
        "InvalidParameterException",
      );
      expect(server.errors).toEqual([]);
    } finally {
      await server.close();
    }
  });
});

test("whoever may look at the account's settings sees aliases and secrets, and whoever may manage them changes aliases", async () => {
  const guarded = await startGuardedServer();
  const { server, admin } = guarded;
  try {
    const pairOf = async (user: string) => {
      const { body } = await admin.post(`/users/${user}/tokens`, { name: "aws", aws: true });
      return { accessKeyId: body.accessKeyId as string, secretAccessKey: body.secretAccessKey as string };
    };
    for (const name of ["ann", "ben"]) await admin.post("/users", { name, password: "a long pass phrase of nobody" });
    await admin.post("/namespaces/-/grants", { to: { user: "ann" }, role: "reader" });
    const [owner, reader, stranger] = [await pairOf("admin"), await pairOf("ann"), await pairOf("ben")];
    const call = async (pair: typeof owner, service: Service, operation: string, input: object, signed = service) => {
      const target = `${targets[service]}.${operation}`;
      const wish = { service: signed, host: server.host, body: JSON.stringify(input), target };
      const { Host: _host, "Content-Length": _length, ...headers } = signedHeaders(pair, wish);
      const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
      return callBeside(server.url, service, operation, input, lower);
    };
    const { KeyMetadata: made } = await call(owner, "kms", "CreateKey", {});
    const alias = { AliasName: "alias/images", TargetKeyId: made.KeyId };
    const denied = { error: "AccessDeniedException", status: 400 };
    expect(await call(reader, "kms", "CreateAlias", alias)).toMatchObject(denied);
    expect(await call(owner, "kms", "CreateAlias", alias)).toEqual({});
    for (const operation of ["UpdateAlias", "DeleteAlias"]) {
      expect(await call(reader, "kms", operation, alias), operation).toMatchObject(denied);
    }
    const secret = { SecretId: "ecr-pullthroughcache/hub" };
    expect((await call(reader, "kms", "ListAliases", {})).Aliases).toHaveLength(1);
    expect((await call(reader, "kms", "DescribeKey", { KeyId: alias.AliasName })).KeyMetadata).toEqual(made);
    expect((await call(reader, "secretsmanager", "DescribeSecret", secret)).Name).toBe(secret.SecretId);
    for (const name of ["ecr-pullthroughcache/hub", "none"]) {
      expect(await call(stranger, "secretsmanager", "DescribeSecret", { SecretId: name })).toMatchObject({
        ...denied,
        message: expect.stringContaining("user/ben is not authorized to perform: secretsmanager:DescribeSecret"),
      });
    }
    expect(await call(stranger, "kms", "ListAliases", {})).toMatchObject(denied);
    // A signature for another service is none.
    const other = await call(owner, "secretsmanager", "DescribeSecret", secret, "kms");
    expect(other.error).toBe("InvalidSignatureException");
  } finally {
    await guarded.close();
  }
});
