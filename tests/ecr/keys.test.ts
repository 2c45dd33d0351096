import { afterAll, expect, test } from "vitest";
import { authorizationIn, callEcr } from "../support/ecr-wire.ts";
import { clientOf, startGuardedServer } from "../support/management-client.ts";
import { needPeers } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";
import { signedHeaders } from "../support/sign-as.ts";
import { startTestServer } from "../support/start-server.ts";

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

async function callKms(url: string, operation: string, input: unknown = {}, headers: Record<string, string> = {}) {
  const { status, body } = await callEcr(url, operation, input, {
    authorization: authorizationIn("eu-central-1", "kms"),
    "x-amz-target": `TrentService.${operation}`,
    ...headers,
  });
  return status === 200 ? body : { error: body.__type, message: body.message, status };
}

test.each(["SQLite", "PostgreSQL"] as const)(
  "keys that repositories name are kept with what was said of them, on %s",
  async (kind, context: any) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    const server = await startTestServer(kind === "PostgreSQL" ? { database: await postgres!.makeDatabase() } : {});
    try {
      const call = (operation: string, input: object = {}) => callKms(server.url, operation, input);
      const Tags = [{ TagKey: "Team", TagValue: "platform" }];
      const made = await call("CreateKey", { Description: "images", KeyUsage: "ENCRYPT_DECRYPT", Tags });
      const { KeyId, Arn, CreationDate } = made.KeyMetadata;
      expect(Arn).toBe(`arn:aws:kms:eu-central-1:000000000000:key/${KeyId}`);
      expect(Math.abs(CreationDate - Date.now() / 1000)).toBeLessThan(600);
      for (const id of [KeyId, Arn]) expect(await call("DescribeKey", { KeyId: id })).toEqual(made);
      expect(made.KeyMetadata).toMatchObject({
        Enabled: true,
        KeyState: "Enabled",
        Description: "images",
        MultiRegion: false,
      });

      expect(JSON.parse((await call("GetKeyPolicy", { KeyId, PolicyName: "default" })).Policy).Id).toBe(
        "key-default-1",
      );
      await call("PutKeyPolicy", { KeyId, Policy: '{"Version":"2012-10-17","Statement":[]}' });
      expect((await call("GetKeyPolicy", { KeyId })).Policy).toBe('{"Version":"2012-10-17","Statement":[]}');
      expect(await call("GetKeyRotationStatus", { KeyId })).toEqual({ KeyRotationEnabled: false });
      expect(await call("EnableKeyRotation", { KeyId })).toEqual({});
      expect(await call("GetKeyRotationStatus", { KeyId })).toEqual({ KeyRotationEnabled: true });
      await call("DisableKeyRotation", { KeyId });
      await call("UpdateKeyDescription", { KeyId, Description: "all" });
      expect((await call("DescribeKey", { KeyId })).KeyMetadata.Description).toBe("all");

      // Changes of one key come one after the other: none is lost.
      const names = Array.from({ length: 8 }, (_, index) => `k${index}`);
      await Promise.all(names.map((TagKey) => call("TagResource", { KeyId, Tags: [{ TagKey, TagValue: "" }] })));
      await call("UntagResource", { KeyId, TagKeys: ["Team", "none"] });
      const tags = await call("ListResourceTags", { KeyId });
      expect(new Set(tags.Tags.map((tag: any) => tag.TagKey))).toEqual(new Set(names));
      expect(tags.Truncated).toBe(false);

      const scheduled = await call("ScheduleKeyDeletion", { KeyId, PendingWindowInDays: 7 });
      expect(scheduled.DeletionDate - Date.now() / 1000).toBeGreaterThan(6.9 * 86_400);
      expect((await call("DescribeKey", { KeyId })).KeyMetadata).toMatchObject({
        KeyState: "PendingDeletion",
        Enabled: false,
      });
      expect((await call("EnableKeyRotation", { KeyId })).error).toBe("KMSInvalidStateException");
      expect((await call("CancelKeyDeletion", { KeyId })).KeyId).toBe(Arn);
      expect((await call("DescribeKey", { KeyId })).KeyMetadata.KeyState).toBe("Enabled");

      const unknown = "00000000-0000-0000-0000-000000000000";
      for (const id of [unknown, "x", Arn.replace("eu-central-1", "eu-west-1")]) {
        expect((await call("DescribeKey", { KeyId: id })).error).toBe("NotFoundException");
      }
      const west = { authorization: authorizationIn("eu-west-1", "kms") };
      expect((await callKms(server.url, "DescribeKey", { KeyId }, west)).error).toBe("NotFoundException");
      expect((await call("CreateKey", { KeySpec: "RSA_2048" })).error).toBe("ValidationException");
      expect((await call("CreateKey", { MultiRegion: true })).error).toBe("UnsupportedOperationException");
      expect(await call("Encrypt", { KeyId })).toMatchObject({ error: "UnknownOperationException", status: 400 });
      expect((await callKms(server.url, "CreateKey", "{")).error).toBe("SerializationException");
      const { body } = await clientOf(() => server.url).get("/audit?order=latest&action=change-settings");
      expect(JSON.stringify(body.items)).toContain(KeyId);
      expect(server.errors).toEqual([]);
    } finally {
      await server.close();
    }
  },
);

test("keys are made and changed by whoever may manage the settings of the account's namespace", async () => {
  const guarded = await startGuardedServer();
  const { server, admin } = guarded;
  try {
    const pairOf = async (user: string) => {
      const { body } = await admin.post(`/users/${user}/tokens`, { name: "aws", aws: true });
      return { accessKeyId: body.accessKeyId as string, secretAccessKey: body.secretAccessKey as string };
    };
    await admin.post("/users", { name: "ann", password: "a long pass phrase of nobody" });
    await admin.post("/namespaces/-/grants", { to: { user: "ann" }, role: "reader" });
    const [owner, reader] = [await pairOf("admin"), await pairOf("ann")];
    const call = async (pair: typeof owner, operation: string, input: object, service = "kms") => {
      const wish = { service, host: server.host, body: JSON.stringify(input), target: `TrentService.${operation}` };
      const { Host: _host, "Content-Length": _length, ...headers } = signedHeaders(pair, wish);
      const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
      return callKms(server.url, operation, input, lower);
    };
    expect((await call(reader, "CreateKey", {})).error).toBe("AccessDeniedException");
    const { KeyMetadata: made } = await call(owner, "CreateKey", {});
    expect((await call(reader, "DescribeKey", { KeyId: made.KeyId })).KeyMetadata).toEqual(made);
    const change = { KeyId: made.KeyId, Description: "x" };
    expect(await call(reader, "UpdateKeyDescription", change)).toMatchObject({
      error: "AccessDeniedException",
      message: expect.stringContaining("user/ann is not authorized to perform: kms:UpdateKeyDescription"),
    });
    // A signature for another service is none.
    expect((await call(owner, "DescribeKey", { KeyId: made.KeyId }, "ecr")).error).toBe("InvalidSignatureException");
  } finally {
    await guarded.close();
  }
});
