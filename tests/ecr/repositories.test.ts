import { afterAll, describe, expect, test } from "vitest";
import { callBoto3 } from "../support/call-boto3.ts";
import { callEcr } from "../support/ecr-wire.ts";
import { clientOf } from "../support/management-client.ts";
import { needPeers } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";
import { startTestServer } from "../support/start-server.ts";
import { WireClient } from "../support/wire-client.ts";

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

describe.each(["SQLite", "PostgreSQL"] as const)("%s", (kind) => {
  const open = async () => startTestServer(kind === "PostgreSQL" ? { database: await postgres!.makeDatabase() } : {});

  test("boto3 makes, finds, lists and deletes repositories as ECR's documentation has it", async (context) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    const server = await open();
    try {
      const wire = new WireClient(() => server.url);
      const key = "arn:aws:kms:eu-central-1:000000000000:key/0f0e";
      const filters = [
        { filterType: "WILDCARD", filter: "latest" },
        { filterType: "WILDCARD", filter: "dev-*" },
      ];
      const made = await callBoto3(context, server.url, [
        ["create_repository", { repositoryName: "plain" }],
        [
          "create_repository",
          {
            repositoryName: "team/full",
            tags: [
              { Key: "Team", Value: "platform" },
              { Key: "Environment", Value: "production" },
            ],
            imageTagMutability: "IMMUTABLE_WITH_EXCLUSION",
            imageTagMutabilityExclusionFilters: filters,
            imageScanningConfiguration: { scanOnPush: true },
            encryptionConfiguration: { encryptionType: "KMS", kmsKey: key },
          },
        ],
        ["create_repository", { repositoryName: "team/kms", encryptionConfiguration: { encryptionType: "KMS_DSSE" } }],
        ["create_repository", { repositoryName: "plain" }],
        ["describe_repositories", { repositoryNames: ["team/full", "plain"] }],
        ["describe_repositories", { repositoryNames: ["plain", "gone"] }],
        ["describe_repositories", { PaginationConfig: { PageSize: 2 } }, "pages"],
        ["get_authorization_token", {}],
      ]);
      const [plain, full, kms, twice, described, gone, pages, login] = made;
      expect(plain.repository.imageTagMutability).toBe("MUTABLE");
      expect(full.repository).toMatchObject({
        repositoryUri: `${server.host}/team/full`,
        imageTagMutability: "IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters: filters,
        imageScanningConfiguration: { scanOnPush: true },
        encryptionConfiguration: { encryptionType: "KMS", kmsKey: key },
      });
      expect(kms.repository.encryptionConfiguration.kmsKey).toMatch(
        /^arn:aws:kms:eu-central-1:000000000000:key\/[0-9a-f-]{36}$/,
      );
      expect(twice.error).toMatchObject({
        Code: "RepositoryAlreadyExistsException",
        Message: "The repository with name 'plain' already exists in the registry with id '000000000000'",
        status: 400,
      });
      expect(described.repositories.map((one: any) => one.repositoryName)).toEqual(["team/full", "plain"]);
      expect(described.repositories[0]).toEqual(full.repository);
      expect(gone.error.Code).toBe("RepositoryNotFoundException");
      expect(pages.map((page: any) => page.repositories.map((one: any) => one.repositoryName))).toEqual([
        ["plain", "team/full"],
        ["team/kms"],
      ]);
      const [data] = login.authorizationData;
      expect(Buffer.from(data.authorizationToken, "base64").toString()).toMatch(/^AWS:[A-Za-z0-9_=.-]{20,}$/);
      expect(data.expiresAt - Date.now() / 1000).toBeGreaterThan(11 * 3600);
      expect(data.proxyEndpoint).toBe(server.url);

      // The password is one for the Distribution API, and what was set of tags is enforced there.
      const authorization = { authorization: `Basic ${data.authorizationToken}` };
      expect((await wire.get("/v2/", authorization)).status).toBe(200);
      await wire.pushImage("team/full", "v1");
      await wire.pushImage("team/full", "dev-1");
      const moved = JSON.stringify({
        schemaVersion: 2,
        mediaType: "application/vnd.oci.image.index.v1+json",
        manifests: [],
      });
      const push = (tag: string) =>
        wire.putManifest("team/full", tag, moved, "application/vnd.oci.image.index.v1+json");
      expect((await push("v1")).status).toBe(403);
      expect((await push("dev-1")).status).toBe(201);

      const removed = await callBoto3(context, server.url, [
        ["delete_repository", { repositoryName: "team/full" }],
        ["delete_repository", { repositoryName: "team/full", force: true, registryId: "000000000000" }],
        ["describe_repositories", { repositoryNames: ["team/full"] }],
        ["delete_repository", { repositoryName: "plain" }],
        ["delete_repository", { repositoryName: "plain" }],
      ]);
      expect(removed[0].error).toMatchObject({
        Code: "RepositoryNotEmptyException",
        Message:
          "The repository with name 'team/full' in registry with id '000000000000' cannot be deleted because it still contains images",
      });
      expect(removed[1].repository).toEqual(full.repository);
      expect(removed[2].error.Code).toBe("RepositoryNotFoundException");
      expect(removed[3].repository.repositoryName).toBe("plain");
      expect(removed[4].error.Code).toBe("RepositoryNotFoundException");
      expect(server.errors).toEqual([]);
    } finally {
      await server.close();
    }
  });

  test("what is set by one API is seen by the other, and what a namespace enforces holds here", async (context) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    const server = await open();
    try {
      const { url } = server;
      const api = clientOf(() => url);
      const create = (repositoryName: string, more: object = {}) =>
        callEcr(url, "CreateRepository", { repositoryName, ...more });
      const shown = async (name: string) => {
        const { body } = await callEcr(url, "DescribeRepositories", { repositoryNames: [name] });
        const { imageTagMutability: mode, imageTagMutabilityExclusionFilters: filters = [] } = body.repositories[0];
        return [mode, ...filters.map(({ filter }: { filter: string }) => filter)];
      };
      await create("team/app", { imageTagMutability: "IMMUTABLE" });
      const { body } = await api.get("/repositories/team/app/-/settings");
      const overwrite = body.items.find(({ key }: { key: string }) => key === "tagOverwrite");
      expect(overwrite).toMatchObject({ value: { rule: "refuse", except: [], by: null }, own: true });

      const set = { tagOverwrite: { rule: "allow", except: ["@releases", "prod"] } };
      expect((await api.patch("/repositories/team/app/-/settings", { set })).status).toBe(200);
      expect(await shown("team/app")).toEqual(["MUTABLE_WITH_EXCLUSION", "*.*", "prod"]);

      // A repository that a push made has nothing of its own: it shows the default, under which releases stay.
      await new WireClient(() => url).pushImage("pushed", "v1");
      expect(await shown("pushed")).toEqual(["MUTABLE_WITH_EXCLUSION", "*.*"]);

      expect((await api.post("/namespaces", { path: "strict" })).status).toBe(201);
      const enforced = { set: { tagOverwrite: { rule: "refuse", except: ["dev"] } }, enforce: ["tagOverwrite"] };
      expect((await api.patch("/namespaces/strict/-/settings", enforced)).status).toBe(200);
      const looser = await create("strict/app", { imageTagMutability: "MUTABLE" });
      expect([looser.status, looser.body.__type]).toEqual([400, "InvalidParameterException"]);
      expect(looser.body.message).toContain("namespace strict enforces its tagOverwrite");
      // Nothing is left of it.
      expect((await api.get("/repositories/strict/app")).status).toBe(404);
      expect((await create("strict/app")).status).toBe(200);
      expect(await shown("strict/app")).toEqual(["IMMUTABLE_WITH_EXCLUSION", "dev"]);

      // A deleted repository comes back with what was set of it.
      await create("team/kept", { imageScanningConfiguration: { scanOnPush: true }, imageTagMutability: "IMMUTABLE" });
      expect((await callEcr(url, "DeleteRepository", { repositoryName: "team/kept" })).status).toBe(200);
      expect((await api.post("/repositories/team/kept/-/undo")).status).toBeLessThan(300);
      const back = await callEcr(url, "DescribeRepositories", { repositoryNames: ["team/kept"] });
      expect(back.body.repositories[0]).toMatchObject({
        imageTagMutability: "IMMUTABLE",
        imageScanningConfiguration: { scanOnPush: true },
      });

      const trail = (await api.get("/audit?order=latest&repository=team/app")).body.items.map((row: any) => row.action);
      expect(trail).toEqual(expect.arrayContaining(["create-repository", "change-settings"]));
      expect(server.errors).toEqual([]);
    } finally {
      await server.close();
    }
  });

  test("a repository's parameters are refused where they do not go together", async (context) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    const server = await open();
    try {
      const filter = (text: string) => [{ filterType: "WILDCARD", filter: text }];
      const tag = (Key: string, Value = "x") => ({ tags: [{ Key, Value }] });
      const invalid = "InvalidParameterException";
      const cases: readonly (readonly [object, string])[] = [
        [{ imageTagMutability: "IMMUTABLE_WITH_EXCLUSION" }, invalid],
        [{ imageTagMutability: "MUTABLE", imageTagMutabilityExclusionFilters: filter("a") }, invalid],
        [{ imageTagMutabilityExclusionFilters: filter("a") }, invalid],
        [
          { imageTagMutability: "MUTABLE_WITH_EXCLUSION", imageTagMutabilityExclusionFilters: filter("a*b*c*") },
          invalid,
        ],
        [{ encryptionConfiguration: { encryptionType: "AES256", kmsKey: "arn:x" } }, invalid],
        [tag("aws:made"), "InvalidTagParameterException"],
        [tag("k".repeat(129)), "InvalidTagParameterException"],
        [tag("k", "v".repeat(257)), "InvalidTagParameterException"],
        [tag("a\u0000b"), "InvalidTagParameterException"],
        [{ tags: [...tag("a").tags, ...tag("a").tags] }, "InvalidTagParameterException"],
        [{ tags: Array.from({ length: 51 }, (_, i) => tag(`k${i}`).tags[0]) }, "TooManyTagsException"],
        [{ repositoryName: "a".repeat(256) }, invalid],
      ];
      for (const [more, type] of cases) {
        const { status, body } = await callEcr(server.url, "CreateRepository", { repositoryName: "team/app", ...more });
        expect([status, body.__type], JSON.stringify(more).slice(0, 100)).toEqual([400, type]);
      }
      expect((await callEcr(server.url, "DescribeRepositories")).body).toEqual({ repositories: [] });
    } finally {
      await server.close();
    }
  });
});
