import { afterAll, describe, expect, test } from "vitest";
import { callBoto3 } from "../support/call-boto3.ts";
import { clientOf } from "../support/management-client.ts";
import { needPeers } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";
import { startTestServer } from "../support/start-server.ts";
import { WireClient } from "../support/wire-client.ts";

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

const indexType = "application/vnd.oci.image.index.v1+json";
const repositoryName = "team/app";

/** What is long enough for boto3, which counts before it sends. */
const policyOf = (...rules: readonly object[]) => JSON.stringify({ rules }).padEnd(100);
const rule = (rulePriority: number, selection: object, action: object = { type: "expire" }) => ({
  ...{ rulePriority, description: "kept short", selection, action },
});
const keepOne = rule(1, {
  ...{ tagStatus: "tagged", tagPrefixList: ["v"], countType: "imageCountMoreThan", countNumber: 1 },
});

describe.each(["SQLite", "PostgreSQL"] as const)("%s", (kind) => {
  const open = async () => startTestServer(kind === "PostgreSQL" ? { database: await postgres!.makeDatabase() } : {});

  test(
    "mutability is set with its filters, enforced for pushes, and lets deletes be",
    { timeout: 300_000 },
    async (context) => {
      if (kind === "PostgreSQL") needPeers(context, "postgresql");
      const server = await open();
      try {
        const wire = new WireClient(() => server.url);
        const api = clientOf(() => server.url);
        const filters = ["dev-*", "latest"].map((filter) => ({ filterType: "WILDCARD", filter }));
        const put = (imageTagMutability: string, imageTagMutabilityExclusionFilters?: object[]) =>
          [
            "put_image_tag_mutability",
            {
              ...{ repositoryName, imageTagMutability },
              ...(imageTagMutabilityExclusionFilters === undefined ? {} : { imageTagMutabilityExclusionFilters }),
            },
          ] as const;
        const stars = [{ filterType: "WILDCARD", filter: "a*b*c*" }];
        const [, set, shown, none, alone, many, gone] = await callBoto3(context, server.url, [
          ["create_repository", { repositoryName }],
          put("IMMUTABLE_WITH_EXCLUSION", filters),
          ["describe_repositories", { repositoryNames: [repositoryName] }],
          put("IMMUTABLE_WITH_EXCLUSION"),
          put("IMMUTABLE", filters),
          put("MUTABLE_WITH_EXCLUSION", stars),
          ["put_image_tag_mutability", { repositoryName: "gone", imageTagMutability: "MUTABLE" }],
        ]);
        const said = { imageTagMutability: "IMMUTABLE_WITH_EXCLUSION", imageTagMutabilityExclusionFilters: filters };
        expect(set).toMatchObject({ registryId: "000000000000", repositoryName, ...said });
        expect(shown.repositories[0]).toMatchObject(said);
        for (const refused of [none, alone, many]) expect(refused.error.Code).toBe("InvalidParameterException");
        expect(gone.error).toMatchObject({
          Code: "RepositoryNotFoundException",
          Message: "The repository with name 'gone' does not exist in the registry with id '000000000000'",
        });

        const { body } = await api.get(`/repositories/${repositoryName}/-/settings`);
        const overwrite = body.items.find(({ key }: { key: string }) => key === "tagOverwrite");
        expect(overwrite).toMatchObject({
          own: true,
          value: { rule: "refuse", except: ["dev-*", "latest"], by: null },
        });
        const push = async (tag: string, text: string) => {
          const index = { schemaVersion: 2, mediaType: indexType, manifests: [], annotations: { text } };
          return (await wire.putManifest(repositoryName, tag, JSON.stringify(index), indexType)).status;
        };
        const pushed = [];
        for (const tag of ["v1", "dev-1", "latest"]) pushed.push(await push(tag, "one"), await push(tag, "two"));
        expect(pushed).toEqual([201, 403, 201, 201, 201, 201]);
        // It is about moving tags alone.
        expect((await wire.call("DELETE", `/v2/${repositoryName}/manifests/v1`)).status).toBe(202);

        const [plain, after] = await callBoto3(context, server.url, [
          put("MUTABLE"),
          ["describe_repositories", { repositoryNames: [repositoryName] }],
        ]);
        expect(plain.imageTagMutability).toBe("MUTABLE");
        expect(plain).not.toHaveProperty("imageTagMutabilityExclusionFilters");
        expect(after.repositories[0]).not.toHaveProperty("imageTagMutabilityExclusionFilters");
        expect([await push("v1", "one"), await push("v1", "two")]).toEqual([201, 201]);
        expect(server.errors).toEqual([]);
      } finally {
        await server.close();
      }
    },
  );

  test("a lifecycle policy is put, previewed, run, read back and deleted", { timeout: 300_000 }, async (context) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    const server = await open();
    try {
      const wire = new WireClient(() => server.url);
      const api = clientOf(() => server.url);
      const old = await wire.pushImage(repositoryName, "v1");
      const dev = await wire.pushImage(repositoryName, "dev", { annotations: { n: "2" } });
      await wire.pushImage(repositoryName, "v2", { annotations: { n: "3" } });
      const text = policyOf(keepOne);
      const wrong = policyOf(rule(1, { tagStatus: "untagged", countType: "imageCountMoreThan", countNumber: 0 }));
      const of = { repositoryName };
      const first = await callBoto3(context, server.url, [
        ["get_lifecycle_policy", of],
        ["delete_lifecycle_policy", of],
        ["start_lifecycle_policy_preview", of],
        ["get_lifecycle_policy_preview", of],
        ["put_lifecycle_policy", { ...of, lifecyclePolicyText: wrong }],
        ["put_lifecycle_policy", { ...of, lifecyclePolicyText: text }],
        ["get_lifecycle_policy", of],
        ["start_lifecycle_policy_preview", of],
        ["get_lifecycle_policy_preview", of, "lifecycle_policy_preview_complete"],
        ["get_lifecycle_policy_preview", of],
        ["get_lifecycle_policy_preview", { ...of, imageIds: [{ imageTag: "v1" }, { imageTag: "dev" }] }],
        ["get_lifecycle_policy_preview", { ...of, filter: { tagStatus: "UNTAGGED" } }],
        ["get_lifecycle_policy_preview", { ...of, imageIds: [{ imageTag: "v1" }], maxResults: 1 }],
      ]);
      const [none, undeleted, unstarted, unshown, refused, put, got, started, , preview, some, untagged, both] = first;
      const absent =
        "Lifecycle policy does not exist for the repository with name 'team/app' in the registry with id '000000000000'";
      for (const { error } of [none, undeleted, unstarted]) {
        expect(error).toMatchObject({ Code: "LifecyclePolicyNotFoundException", Message: absent, status: 400 });
      }
      expect(unshown.error.Code).toBe("LifecyclePolicyPreviewNotFoundException");
      expect(refused.error).toMatchObject({
        Code: "InvalidParameterException",
        Message:
          "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation failure: numeric instance is lower than the required minimum (minimum: 1, found: 0)'",
      });
      expect(put).toMatchObject({ registryId: "000000000000", repositoryName, lifecyclePolicyText: text });
      expect(got).toMatchObject({ lifecyclePolicyText: text.trimEnd(), lastEvaluatedAt: 0 });
      expect(started).toMatchObject({ status: "IN_PROGRESS", lifecyclePolicyText: text.trimEnd() });
      expect(preview).toMatchObject({
        status: "COMPLETE",
        lifecyclePolicyText: text.trimEnd(),
        previewResults: [
          {
            ...{ imageTags: ["v1"], imageDigest: old.digest, action: { type: "EXPIRE" } },
            ...{ appliedRulePriority: 1, storageClass: "STANDARD" },
          },
        ],
        summary: { expiringImageTotalCount: 1 },
      });
      expect(some.previewResults).toEqual(preview.previewResults);
      expect(untagged.previewResults).toEqual([]);
      expect(both.error.Code).toBe("InvalidParameterException");

      // Nothing went by a preview. What a run does is what it said.
      expect((await wire.get(`/v2/${repositoryName}/manifests/v1`)).status).toBe(200);
      const { body: begun } = await api.post(`/repositories/${repositoryName}/-/lifecycle/runs`, {});
      await expect
        .poll(async () => (await api.get(`/lifecycle/runs/${begun.run}`)).body.state, { timeout: 120_000 })
        .toBe("done");
      expect((await wire.get(`/v2/${repositoryName}/manifests/v1`)).status).toBe(404);
      expect((await wire.get(`/v2/${repositoryName}/manifests/dev`)).status).toBe(200);

      const [ran, deleted, again] = await callBoto3(context, server.url, [
        ["get_lifecycle_policy", of],
        ["delete_lifecycle_policy", of],
        ["get_lifecycle_policy", of],
      ]);
      expect(ran.lastEvaluatedAt).toBeGreaterThan(Date.now() / 1000 - 3600);
      expect(deleted).toMatchObject({ lifecyclePolicyText: text.trimEnd(), lastEvaluatedAt: ran.lastEvaluatedAt });
      expect(again.error.Message).toBe(absent);

      // What would go to the archive is told apart.
      const expire = rule(2, { tagStatus: "any", countType: "imageCountMoreThan", countNumber: 1 });
      const archive = rule(
        1,
        { ...{ tagStatus: "tagged", tagPatternList: ["dev*"] }, countType: "imageCountMoreThan", countNumber: 1 },
        { type: "transition", targetStorageClass: "archive" },
      );
      await wire.pushImage(repositoryName, "dev-2", { annotations: { n: "4" } });
      const [, , moved, firstPage] = await callBoto3(context, server.url, [
        ["start_lifecycle_policy_preview", { ...of, lifecyclePolicyText: policyOf(archive, expire) }],
        ["get_lifecycle_policy_preview", of, "lifecycle_policy_preview_complete"],
        ["get_lifecycle_policy_preview", of],
        ["get_lifecycle_policy_preview", { ...of, PaginationConfig: { PageSize: 1 } }, "pages"],
      ]);
      expect(moved.summary).toEqual({
        expiringImageTotalCount: 1,
        transitioningImageTotalCounts: [{ targetStorageClass: "ARCHIVE", imageTotalCount: 1 }],
      });
      const archived = moved.previewResults.find(({ action }: any) => action.type === "TRANSITION");
      expect(archived).toMatchObject({ imageDigest: dev.digest, action: { targetStorageClass: "ARCHIVE" } });
      expect(firstPage.flatMap((page: any) => page.previewResults)).toEqual(moved.previewResults);
      expect(firstPage).toHaveLength(2);
      expect(server.errors).toEqual([]);
    } finally {
      await server.close();
    }
  });

  test(
    "what a namespace says is shown, and not deleted; another grammar is no policy",
    { timeout: 300_000 },
    async (context) => {
      if (kind === "PostgreSQL") needPeers(context, "postgresql");
      const server = await open();
      try {
        const api = clientOf(() => server.url);
        expect((await api.post("/namespaces", { path: "team" })).status).toBe(201);
        const lifecycle = JSON.parse(policyOf(keepOne)) as object;
        expect((await api.patch("/namespaces/team/-/settings", { set: { lifecycle } })).status).toBe(200);
        const of = { repositoryName };
        const own = policyOf(rule(7, { tagStatus: "any", countType: "imageCountMoreThan", countNumber: 3 }));
        const [, inherited, undeleted, , nearer, removed, back] = await callBoto3(context, server.url, [
          ["create_repository", of],
          ["get_lifecycle_policy", of],
          ["delete_lifecycle_policy", of],
          ["put_lifecycle_policy", { ...of, lifecyclePolicyText: own }],
          ["get_lifecycle_policy", of],
          ["delete_lifecycle_policy", of],
          ["get_lifecycle_policy", of],
        ]);
        expect(JSON.parse(inherited.lifecyclePolicyText)).toEqual(lifecycle);
        expect(undeleted.error.Code).toBe("LifecyclePolicyNotFoundException");
        expect(nearer.lifecyclePolicyText).toBe(own.trimEnd());
        expect(removed.lifecyclePolicyText).toBe(own.trimEnd());
        expect(back.lifecyclePolicyText).toBe(inherited.lifecyclePolicyText);

        const berth = { rules: [{ name: "old", action: "expire", olderThan: { days: 90, by: "pushed" } }] };
        const changed = await api.patch(`/repositories/${repositoryName}/-/settings`, { set: { lifecycle: berth } });
        const [other] = await callBoto3(context, server.url, [["get_lifecycle_policy", of]]);
        expect([changed.status, other.error?.Code]).toEqual([200, "LifecyclePolicyNotFoundException"]);
        expect(server.errors).toEqual([]);
      } finally {
        await server.close();
      }
    },
  );
});
