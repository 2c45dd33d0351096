import { afterAll, describe, expect, test } from "vitest";
import { callEcr } from "../support/ecr-wire.ts";
import { needPeers } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";
import { startTestServer } from "../support/start-server.ts";

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

const repositoryName = "team/app";
const tag = { Key: "team", Value: "core" };

describe.each(["SQLite", "PostgreSQL"] as const)("%s", (kind) => {
  test("characters that no database keeps, and lists of any length, are refused and change nothing", async (context) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    const server = await startTestServer(kind === "PostgreSQL" ? { database: await postgres!.makeDatabase() } : {});
    try {
      const call = (operation: string, input: object) => callEcr(server.url, operation, input);
      for (const kmsKey of ["\u0000", "key/\u0000", "\ud800", "line\nbreak"]) {
        const encryptionConfiguration = { encryptionType: "KMS", kmsKey };
        const { status, body } = await call("CreateRepository", { repositoryName, encryptionConfiguration });
        expect([kmsKey, status, body.__type]).toEqual([kmsKey, 400, "InvalidParameterException"]);
      }
      const many = Array.from({ length: 1001 }, (_, index) => ({ Key: `key-${index}`, Value: "" }));
      const create = await call("CreateRepository", { repositoryName, tags: many });
      expect([create.status, create.body.__type]).toEqual([400, "InvalidParameterException"]);
      expect((await call("DescribeRepositories", {})).body.repositories).toEqual([]);

      const made = await call("CreateRepository", { repositoryName, tags: [tag] });
      expect(made.status, made.text).toBe(200);
      const resourceArn = made.body.repository.repositoryArn;
      expect((await call("TagResource", { resourceArn, tags: many })).body.__type).toBe("InvalidParameterException");
      const tagKeys = [...many.map(({ Key }) => Key), tag.Key];
      expect((await call("UntagResource", { resourceArn, tagKeys })).body.__type).toBe("InvalidParameterException");
      expect((await call("ListTagsForResource", { resourceArn })).body.tags).toEqual([tag]);
      expect(server.errors).toEqual([]);
    } finally {
      await server.close();
    }
  });
});
