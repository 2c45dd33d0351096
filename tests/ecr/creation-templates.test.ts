import { afterAll, describe, expect, test } from "vitest";
import { callBoto3 } from "../support/call-boto3.ts";
import { pushByHost } from "../support/call-host.ts";
import { callEcr } from "../support/ecr-wire.ts";
import { clientOf } from "../support/management-client.ts";
import { needPeers } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";
import { startTestServer } from "../support/start-server.ts";
import type { TestServer } from "../support/start-server.ts";

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

const registryId = "000000000000";
const host = "123456789012.dkr.ecr.eu-central-1.example.com";
const keyArn = "arn:aws:kms:eu-central-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const expiry = {
  rulePriority: 1,
  description: "old ones",
  selection: { tagStatus: "untagged", countType: "sinceImagePushed", countUnit: "days", countNumber: 14 },
  action: { type: "expire" },
};
const lifecyclePolicy = JSON.stringify({ rules: [expiry] }, null, 2);
/** Written with spaces, of which none is lost. */
const repositoryPolicy = JSON.stringify(
  { Version: "2012-10-17", Statement: [{ Effect: "Allow", Principal: "*", Action: "ecr:BatchGetImage" }] },
  null,
  2,
);
const whole = {
  prefix: "prod",
  description: "what is sold",
  appliedFor: ["CREATE_ON_PUSH", "REPLICATION"],
  imageTagMutability: "IMMUTABLE_WITH_EXCLUSION",
  imageTagMutabilityExclusionFilters: [{ filterType: "WILDCARD", filter: "dev-*" }],
  encryptionConfiguration: { encryptionType: "KMS", kmsKey: keyArn },
  resourceTags: [{ Key: "Team", Value: "shop" }],
  lifecyclePolicy,
  repositoryPolicy,
  customRoleArn: "arn:aws:iam::000000000000:role/templates",
};
/** As it reads where a client says nothing more. */
const plain = {
  encryptionConfiguration: { encryptionType: "AES256" },
  resourceTags: [],
  imageTagMutability: "MUTABLE",
};

async function create(server: TestServer, input: object): Promise<void> {
  const { status, text } = await callEcr(server.url, "CreateRepositoryCreationTemplate", {
    appliedFor: ["CREATE_ON_PUSH"],
    ...input,
  });
  expect(status, text).toBe(200);
}

const push = (server: TestServer, name: string) => pushByHost({ address: server.host, host }, name, "v1", "layer");

async function describeOne(server: TestServer, name: string) {
  const { body, text } = await callEcr(server.url, "DescribeRepositories", { repositoryNames: [name] });
  expect(body.repositories, text).toHaveLength(1);
  return body.repositories[0];
}

describe.each(["SQLite", "PostgreSQL"] as const)("%s", (kind) => {
  const open = async () => startTestServer(kind === "PostgreSQL" ? { database: await postgres!.makeDatabase() } : {});

  test("boto3 makes, lists by pages, changes and deletes templates, which read as they were written", async (context) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    const server = await open();
    try {
      const small = { prefix: "ROOT", appliedFor: ["PULL_THROUGH_CACHE"] };
      const answers = await callBoto3(context, server.url, [
        ["describe_repository_creation_templates", {}],
        ["create_repository_creation_template", whole],
        ["create_repository_creation_template", small],
        ["create_repository_creation_template", { prefix: "prod/", appliedFor: ["CREATE_ON_PUSH"] }],
        ["create_repository_creation_template", { prefix: "prod/eu/", appliedFor: ["CREATE_ON_PUSH"] }],
        ["describe_repository_creation_templates", { PaginationConfig: { PageSize: 1 } }, "pages"],
        ["describe_repository_creation_templates", { prefixes: ["nil", "prod/", "prod/eu"] }],
        ["update_repository_creation_template", { prefix: "prod", imageTagMutability: "MUTABLE" }],
        [
          "update_repository_creation_template",
          {
            ...{ prefix: "prod", description: "", lifecyclePolicy: "", customRoleArn: "", resourceTags: [] },
            repositoryPolicy: "",
            appliedFor: ["REPLICATION"],
            encryptionConfiguration: { encryptionType: "AES256", kmsKey: "" },
          },
        ],
        ["update_repository_creation_template", { prefix: "nil" }],
        ["delete_repository_creation_template", { prefix: "prod" }],
        ["delete_repository_creation_template", { prefix: "prod" }],
        ["describe_repository_creation_templates", { prefixes: ["prod"] }],
      ]);
      const timed = { createdAt: expect.any(Number), updatedAt: expect.any(Number) };
      const { ResponseMetadata: _metadata, ...first } = answers[0];
      expect(first).toEqual({ registryId, repositoryCreationTemplates: [] });
      expect(answers[1]).toMatchObject({ registryId, repositoryCreationTemplate: { ...whole, ...timed } });
      expect(answers[2].repositoryCreationTemplate).toEqual({ ...small, ...plain, ...timed });
      expect(answers[3].error).toMatchObject({ Code: "TemplateAlreadyExistsException", status: 400, retries: 0 });
      const pages = answers[5].map((page: any) => page.repositoryCreationTemplates.map((one: any) => one.prefix));
      expect(pages).toEqual([["ROOT"], ["prod"], ["prod/eu/"]]);
      expect(answers[6].repositoryCreationTemplates).toEqual([
        { ...whole, ...timed },
        { prefix: "prod/eu/", appliedFor: ["CREATE_ON_PUSH"], ...plain, ...timed },
      ]);
      const { imageTagMutabilityExclusionFilters: _gone, ...moved } = whole;
      const changed = { ...moved, imageTagMutability: "MUTABLE", ...timed };
      expect(answers[7].repositoryCreationTemplate).toEqual(changed);
      expect(changed.updatedAt >= changed.createdAt).toBe(true);
      const emptied = { prefix: "prod", appliedFor: ["REPLICATION"], ...plain, ...timed };
      expect(answers[8].repositoryCreationTemplate).toEqual(emptied);
      expect(answers[9].error.Code).toBe("TemplateNotFoundException");
      expect(answers[10].repositoryCreationTemplate).toEqual(emptied);
      expect(answers[11].error.Code).toBe("TemplateNotFoundException");
      expect(answers[12].repositoryCreationTemplates).toEqual([]);
      expect(server.errors).toEqual([]);
    } finally {
      await server.close();
    }
  });

  test("a push on the host of an account makes what a template is for, with all that it says, and nothing else", async (context) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    const server = await open();
    try {
      expect(await push(server, "prod/app")).toMatchObject({ status: 404, code: "NAME_UNKNOWN" });
      await create(server, { ...whole, appliedFor: ["REPLICATION", "PULL_THROUGH_CACHE"] });
      expect(await push(server, "prod/app")).toMatchObject({ status: 404, code: "NAME_UNKNOWN" });
      const update = { prefix: "prod", appliedFor: whole.appliedFor };
      expect((await callEcr(server.url, "UpdateRepositoryCreationTemplate", update)).status).toBe(200);
      await create(server, { prefix: "prod/open" });
      for (const other of ["prod", "production/app", "other"]) {
        expect(await push(server, other), other).toMatchObject({ status: 404, code: "NAME_UNKNOWN" });
      }
      expect(await push(server, "prod/app")).toMatchObject({ status: 201 });
      expect(await describeOne(server, "prod/app")).toMatchObject({
        imageTagMutability: "IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters: whole.imageTagMutabilityExclusionFilters,
        encryptionConfiguration: whole.encryptionConfiguration,
        imageScanningConfiguration: { scanOnPush: false },
      });
      const held = await callEcr(server.url, "GetLifecyclePolicy", { repositoryName: "prod/app" });
      expect(JSON.parse(held.body.lifecyclePolicyText)).toEqual(JSON.parse(lifecyclePolicy));
      const policy = await callEcr(server.url, "GetRepositoryPolicy", { repositoryName: "prod/app" });
      expect(policy.body.policyText, policy.text).toBe(repositoryPolicy);
      const resourceArn = `arn:aws:ecr:eu-central-1:${registryId}:repository/prod/app`;
      expect((await callEcr(server.url, "ListTagsForResource", { resourceArn })).body.tags).toEqual(whole.resourceTags);
      // What it says is enforced from the first push on.
      const again = await pushByHost({ address: server.host, host }, "prod/app", "v1", "another");
      expect([again.status, again.code]).toEqual([400, "TAG_INVALID"]);
      const rows = (await clientOf(() => server.url).get("/audit?order=latest")).body.items;
      const row = rows.find(({ action }: { action: string }) => action === "create-repository");
      expect(row.detail).toMatchObject({
        template: "ECR's prod of the root namespace",
        settings: { lifecycle: { rules: [expiry] } },
        ecr: { encryption: { type: "KMS", key: keyArn }, tags: [{ key: "Team", value: "shop" }] },
      });
      // The longest prefix decides alone; where it says nothing tags move.
      expect(await push(server, "prod/open/a/b")).toMatchObject({ status: 201 });
      expect(await describeOne(server, "prod/open/a/b")).toMatchObject({
        imageTagMutability: "MUTABLE",
        encryptionConfiguration: { encryptionType: "AES256" },
      });
      await create(server, { prefix: "ROOT", imageTagMutability: "IMMUTABLE" });
      expect(await push(server, "other")).toMatchObject({ status: 201 });
      expect(await describeOne(server, "other")).toMatchObject({ imageTagMutability: "IMMUTABLE" });
      // Repositories that are there stay as they are, and without the template a push makes no more of them.
      expect((await callEcr(server.url, "DeleteRepositoryCreationTemplate", { prefix: "ROOT" })).status).toBe(200);
      expect(await describeOne(server, "other")).toMatchObject({ imageTagMutability: "IMMUTABLE" });
      expect(await push(server, "another")).toMatchObject({ status: 404, code: "NAME_UNKNOWN" });
      // Calls of the API push, too; and so does the public host, where a push makes every repository.
      const opened = await callEcr(server.url, "InitiateLayerUpload", { repositoryName: "prod/by-call" });
      const part = { partFirstByte: 0, partLastByte: 0, layerPartBlob: "YQ==", uploadId: opened.body.uploadId };
      const sent = await callEcr(server.url, "UploadLayerPart", { repositoryName: "prod/by-call", ...part });
      expect(sent.status, sent.text).toBe(200);
      const refused = await callEcr(server.url, "InitiateLayerUpload", { repositoryName: "by-call" });
      expect(refused.body.__type).toBe("RepositoryNotFoundException");
      const byName = { address: server.host, host: server.host };
      expect(await pushByHost(byName, "prod/by-name", "v1", "layer")).toMatchObject({ status: 201 });
      for (const name of ["prod/by-call", "prod/by-name"]) {
        expect(await describeOne(server, name)).toMatchObject({ imageTagMutability: "IMMUTABLE_WITH_EXCLUSION" });
      }
      // Whoever makes a repository by its own command says what it begins with.
      expect((await callEcr(server.url, "CreateRepository", { repositoryName: "prod/by-hand" })).status).toBe(200);
      expect(await describeOne(server, "prod/by-hand")).toMatchObject({ imageTagMutability: "MUTABLE" });
      expect(server.errors).toEqual([]);
    } finally {
      await server.close();
    }
  });

  test("of ECR's templates and Berth's the nearest decides; what namespaces say goes before, and is told", async (context) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    const server = await open();
    try {
      const api = clientOf(() => server.url);
      expect((await api.post("/namespaces", { path: "prod" })).status).toBe(201);
      const described = { description: "by Berth's" };
      const put = async (of: string, name: string, pattern: string) => {
        const { status, text } = await api.put(`/namespaces/${of}-/templates/${name}`, {
          pattern,
          settings: described,
        });
        expect(status, text).toBe(200);
      };
      await create(server, {
        ...whole,
        imageTagMutability: "IMMUTABLE",
        imageTagMutabilityExclusionFilters: undefined,
      });
      const settingsOf = async (name: string) => (await api.get(`/repositories/${name}/-/settings`)).text;
      // Of the same weight at the same place: the one that is about pushes alone.
      await put("", "all", "prod/*");
      expect(await push(server, "prod/one")).toMatchObject({ status: 201 });
      expect(await settingsOf("prod/one")).not.toContain("by Berth's");
      // Nearer: the push is allowed by ECR's, and Berth's says how it begins.
      await put("prod/", "near", "t*");
      expect(await push(server, "prod/two")).toMatchObject({ status: 201 });
      expect(await settingsOf("prod/two")).toContain("by Berth's");
      expect(await describeOne(server, "prod/two")).toMatchObject({
        encryptionConfiguration: { encryptionType: "AES256" },
      });
      // What is enforced later is left as it is.
      const stricter = { rule: "refuse", except: [], by: null };
      const set = async (path: string, body: object) => {
        const { status, text } = await api.patch(`/namespaces/${path}/-/settings`, body);
        expect(status, text).toBe(200);
      };
      expect(
        (
          await callEcr(server.url, "UpdateRepositoryCreationTemplate", {
            prefix: "prod",
            imageTagMutability: "MUTABLE",
          })
        ).status,
      ).toBe(200);
      await set("prod", { set: { tagOverwrite: stricter }, enforce: ["tagOverwrite"] });
      expect(await push(server, "prod/strict")).toMatchObject({ status: 201 });
      expect(await describeOne(server, "prod/strict")).toMatchObject({ imageTagMutability: "IMMUTABLE" });
      // Where pushes make no repositories, no template opens them.
      await set("prod", { set: { repositoryCreation: "explicit" } });
      const refused = await push(server, "prod/none");
      expect([refused.status, refused.code]).toEqual([403, "DENIED"]);
      expect(refused.message).toContain("by the setting repositoryCreation of namespace prod");
      const { headers } = await api.get("/namespaces/-/settings");
      expect(headers.get("warning")).toContain("the template prod for REPLICATION: nothing makes repositories so yet");
      expect(server.errors).toEqual([]);
    } finally {
      await server.close();
    }
  });
});

test("what a template cannot say is refused, and changes nothing", async () => {
  const server = await startTestServer();
  try {
    const policy = { Version: "2012-10-17", Statement: [] };
    const cases: readonly (readonly [object, string, string?])[] = [
      [{ prefix: "UPPER" }, "regular expression"],
      [{ prefix: "a//b" }, "regular expression"],
      [{ prefix: "a", appliedFor: ["ALWAYS"] }, "enum value set"],
      [{ prefix: "a", description: "x".repeat(257) }, "less than or equal to 256"],
      [{ prefix: "a", description: "\u0000" }, "no control characters"],
      [{ prefix: "a", imageTagMutability: "IMMUTABLE_WITH_EXCLUSION" }, "can't be null when"],
      [{ prefix: "a", imageTagMutabilityExclusionFilters: [{ filterType: "WILDCARD", filter: "a" }] }, "only"],
      [{ prefix: "a", lifecyclePolicy: JSON.stringify({ rules: [], more: "x".repeat(100) }) }, "Invalid parameter"],
      [{ prefix: "a", encryptionConfiguration: { encryptionType: "AES256", kmsKey: keyArn } }, "no kmsKey"],
      [{ prefix: "a", encryptionConfiguration: { encryptionType: "KMS", kmsKey: "alias/x" } }, "regular expression"],
      [{ prefix: "a", resourceTags: [{ Key: "aws:x", Value: "" }] }, "reserved", "InvalidTagParameterException"],
      [{ prefix: "a", repositoryPolicy: JSON.stringify(policy) }, "Statement is an empty list"],
    ];
    for (const [input, sentence, type = "InvalidParameterException"] of cases) {
      const sent = { appliedFor: ["CREATE_ON_PUSH"], ...input };
      const { status, body } = await callEcr(server.url, "CreateRepositoryCreationTemplate", sent);
      expect([status, body.__type], JSON.stringify(input).slice(0, 100)).toEqual([400, type]);
      expect(body.message).toContain(sentence);
    }
    const api = clientOf(() => server.url);
    const strict = { set: { tagOverwrite: { rule: "refuse", except: [], by: null } }, enforce: ["tagOverwrite"] };
    expect((await api.patch("/namespaces/-/settings", strict)).status).toBe(200);
    const looser = { prefix: "a", appliedFor: ["CREATE_ON_PUSH"], imageTagMutability: "MUTABLE" };
    const { body } = await callEcr(server.url, "CreateRepositoryCreationTemplate", looser);
    expect([body.__type, body.message]).toEqual([
      "InvalidParameterException",
      expect.stringContaining("root namespace"),
    ]);
    for (let i = 0; i < 100; i++) await create(server, { prefix: `p${i}` });
    const many = await callEcr(server.url, "CreateRepositoryCreationTemplate", { prefix: "p100", appliedFor: [] });
    expect(many.body.__type).toBe("LimitExceededException");
    const listed = await callEcr(server.url, "DescribeRepositoryCreationTemplates", { maxResults: 1000 });
    expect(listed.body.repositoryCreationTemplates).toHaveLength(100);
    const both = await callEcr(server.url, "DescribeRepositoryCreationTemplates", { maxResults: 1, prefixes: ["p1"] });
    expect(both.body.message).toContain("without nextToken and maxResults");
    expect(server.errors).toEqual([]);
  } finally {
    await server.close();
  }
});
