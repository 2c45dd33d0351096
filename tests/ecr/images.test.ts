import { afterAll, describe, expect, test } from "vitest";
import { callBoto3 } from "../support/call-boto3.ts";
import { callEcr } from "../support/ecr-wire.ts";
import { clientOf } from "../support/management-client.ts";
import { needPeers } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";
import { startTestServer } from "../support/start-server.ts";
import type { TestServer } from "../support/start-server.ts";
import { digestOf, types, WireClient } from "../support/wire-client.ts";
import type { TestDescriptor } from "../support/wire-client.ts";

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

const repositoryName = "team/app";

/** An index of two images, the second with a larger layer. */
async function pushIndex(wire: WireClient, tag: string | undefined): Promise<{ index: string; children: string[] }> {
  const children: TestDescriptor[] = [];
  for (const layer of ["small", "a much larger layer"]) {
    const config = await wire.pushBlob(repositoryName, `{"layer":"${layer}"}`, types.config);
    const layers = [await wire.pushBlob(repositoryName, layer)];
    const text = JSON.stringify({ schemaVersion: 2, mediaType: types.manifest, config, layers });
    expect((await wire.putManifest(repositoryName, digestOf(text), text)).status).toBe(201);
    children.push({ mediaType: types.manifest, digest: digestOf(text), size: Buffer.byteLength(text) });
  }
  const text = JSON.stringify({ schemaVersion: 2, mediaType: types.index, manifests: children });
  const put = await wire.putManifest(repositoryName, tag ?? digestOf(text), text, types.index);
  expect(put.status).toBe(201);
  return { index: digestOf(text), children: children.map(({ digest }) => digest) };
}

describe.each(["SQLite", "PostgreSQL"] as const)("%s", (kind) => {
  const withServer = async (work: (server: TestServer, wire: WireClient) => Promise<void>) => {
    const server = await startTestServer(kind === "PostgreSQL" ? { database: await postgres!.makeDatabase() } : {});
    try {
      const made = await callEcr(server.url, "CreateRepository", { repositoryName });
      expect(made.status, made.text).toBe(200);
      await work(server, new WireClient(() => server.url));
      expect(server.errors).toEqual([]);
    } finally {
      await server.close();
    }
  };

  test("boto3 lists, describes and gets images as they were pushed", async (context) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    await withServer(async (server, wire) => {
      const image = await wire.pushImage(repositoryName, "v1");
      await wire.putManifest(repositoryName, "latest", (await wire.get(`/v2/${repositoryName}/manifests/v1`)).text);
      const { index, children } = await pushIndex(wire, "multi");
      const gone = digestOf("gone");
      const answers = await callBoto3(context, server.url, [
        ["list_images", { repositoryName, PaginationConfig: { PageSize: 2 } }, "pages"],
        ["list_images", { repositoryName, filter: { tagStatus: "UNTAGGED" } }],
        ["list_images", { repositoryName, filter: { tagStatus: "TAGGED" } }],
        ["list_images", { repositoryName, filter: { imageStatus: "ARCHIVED" } }],
        ["describe_images", { repositoryName, PaginationConfig: { PageSize: 1 } }, "pages"],
        ["describe_images", { repositoryName, filter: { tagStatus: "TAGGED" } }],
        ["describe_images", { repositoryName, imageIds: [{ imageTag: "latest" }, { imageDigest: image.digest }] }],
        ["describe_images", { repositoryName, imageIds: [{ imageTag: "v1" }, { imageDigest: gone }] }],
        [
          "batch_get_image",
          {
            repositoryName,
            imageIds: [
              { imageTag: "v1" },
              { imageDigest: index },
              { imageTag: "v1", imageDigest: index },
              { imageTag: "none" },
              { imageTag: "-" },
              { imageDigest: "nonsense" },
              { imageDigest: "md5:00" },
            ],
          },
        ],
        ["batch_get_image", { repositoryName, imageIds: [{ imageTag: "v1" }], acceptedMediaTypes: [types.index] }],
        ["batch_get_image", { repositoryName: "no/such", imageIds: [{ imageTag: "v1" }] }],
      ]);
      const [pages, untagged, tagged, archived, details, some, two, missing, got, refused, nowhere] = answers;

      const all = [
        { imageDigest: image.digest, imageTag: "latest" },
        { imageDigest: index, imageTag: "multi" },
        { imageDigest: image.digest, imageTag: "v1" },
      ];
      const listed = pages.flatMap((page: any) => page.imageIds);
      expect(listed.slice(0, 3)).toEqual(all);
      expect(new Set(listed.slice(3).map((one: any) => one.imageDigest))).toEqual(new Set(children));
      expect(listed).toHaveLength(5);
      expect(pages.every((page: any) => page.imageIds.length <= 2)).toBe(true);
      expect(new Set(untagged.imageIds)).toEqual(new Set(listed.slice(3)));
      expect(tagged.imageIds).toEqual(all);
      expect(archived.imageIds).toEqual([]);

      const described = details.flatMap((page: any) => page.imageDetails);
      expect(described).toHaveLength(4);
      const of = (digest: string) => described.find((one: any) => one.imageDigest === digest);
      expect(of(image.digest)).toEqual({
        registryId: "000000000000",
        repositoryName,
        imageDigest: image.digest,
        imageTags: ["latest", "v1"],
        // The config and one layer, not the manifest.
        imageSizeInBytes: "{}".length + "layer".length,
        imagePushedAt: of(image.digest).imagePushedAt,
        imageManifestMediaType: types.manifest,
        artifactMediaType: types.config,
        lastRecordedPullTime: of(image.digest).lastRecordedPullTime,
        imageStatus: "ACTIVE",
      });
      expect(Math.abs(of(image.digest).imagePushedAt - Date.now() / 1000)).toBeLessThan(600);
      const sizes = children.map((digest) => of(digest).imageSizeInBytes);
      expect(of(index).imageSizeInBytes).toBe(Math.max(...sizes));
      expect(of(children[0]!)).not.toHaveProperty("imageTags");
      expect(some.imageDetails.map((one: any) => one.imageDigest)).toEqual([index, image.digest]);
      expect(two.imageDetails).toHaveLength(1);
      expect(missing.error).toMatchObject({
        Code: "ImageNotFoundException",
        Message: `The image with imageId {imageDigest:'${gone}', imageTag:'null'} does not exist within the repository with name 'team/app' in the registry with id '000000000000'`,
      });

      const pulled = await wire.get(`/v2/${repositoryName}/manifests/v1`);
      expect(got.images).toEqual([
        {
          registryId: "000000000000",
          repositoryName,
          imageId: { imageDigest: image.digest, imageTag: "v1" },
          imageManifest: pulled.text,
          imageManifestMediaType: types.manifest,
        },
        expect.objectContaining({ imageId: { imageDigest: index }, imageManifestMediaType: types.index }),
      ]);
      expect(got.failures.map((one: any) => [one.failureCode, one.failureReason])).toEqual([
        ["ImageTagDoesNotMatchDigest", "Requested image tag is not at the requested digest"],
        ["ImageNotFound", "Requested image not found"],
        ["InvalidImageTag", expect.stringContaining("Invalid request parameters: image tag should satisfy")],
        [
          "InvalidImageDigest",
          "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
        ],
        ["ImageNotFound", "Requested image not found"],
      ]);
      expect([refused.images, refused.failures[0].failureCode]).toEqual([[], "ImageNotFound"]);
      expect(nowhere.error.Code).toBe("RepositoryNotFoundException");
    });
  });

  test("what is deleted is told by tag and digest; an index goes before what it lists, and rules keep what they keep", async (context) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    await withServer(async (server, wire) => {
      const { url } = server;
      const api = clientOf(() => url);
      const remove = async (...imageIds: object[]) =>
        (await callEcr(url, "BatchDeleteImage", { repositoryName, imageIds })).body;
      const image = await wire.pushImage(repositoryName, "v1");
      const text = (await wire.get(`/v2/${repositoryName}/manifests/v1`)).text;
      for (const tag of ["v2", "v3"]) await wire.putManifest(repositoryName, tag, text);

      // A tag goes by itself while there is another, and the image with the last one.
      const byTag = { imageDigest: image.digest, imageTag: "v1" };
      expect(await remove({ imageTag: "v1" })).toEqual({ imageIds: [byTag], failures: [] });
      expect((await wire.get(`/v2/${repositoryName}/manifests/v2`)).status).toBe(200);
      expect(await remove({ imageTag: "v2", imageDigest: digestOf("other") })).toMatchObject({
        imageIds: [],
        failures: [{ failureCode: "ImageTagDoesNotMatchDigest" }],
      });
      await remove({ imageTag: "v2", imageDigest: image.digest });
      expect(await remove({ imageTag: "v3" })).toMatchObject({ imageIds: [{ imageTag: "v3" }], failures: [] });
      expect((await wire.get(`/v2/${repositoryName}/manifests/${image.digest}`)).status).toBe(404);
      // It can be brought back.
      const undo = (await api.get(`/repositories/${repositoryName}/-/undo`)).body.items;
      expect(undo.map((one: any) => one.target)).toContain(image.digest);

      // By digest with all its tags.
      await wire.pushImage(repositoryName, "a");
      await wire.putManifest(repositoryName, "b", text);
      expect(await remove({ imageDigest: image.digest }, { imageTag: "none" }, {})).toEqual({
        imageIds: [
          { imageDigest: image.digest, imageTag: "a" },
          { imageDigest: image.digest, imageTag: "b" },
        ],
        failures: [
          { imageId: { imageTag: "none" }, failureCode: "ImageNotFound", failureReason: "Requested image not found" },
          {
            imageId: {},
            failureCode: "MissingDigestAndTag",
            failureReason: "Invalid request parameters: both tag and digest cannot be null",
          },
        ],
      });

      const { index, children } = await pushIndex(wire, undefined);
      expect(await remove({ imageDigest: children[0] })).toEqual({
        imageIds: [],
        failures: [
          {
            imageId: { imageDigest: children[0] },
            failureCode: "ImageReferencedByManifestList",
            failureReason: `Requested image referenced by manifest list: [${index}]`,
          },
        ],
      });
      // A tag of what an index lists goes alone.
      const child = (await wire.get(`/v2/${repositoryName}/manifests/${children[0]}`)).text;
      await wire.putManifest(repositoryName, "child", child);
      expect(await remove({ imageTag: "child" })).toMatchObject({ imageIds: [{ imageTag: "child" }], failures: [] });
      expect((await wire.get(`/v2/${repositoryName}/manifests/${children[0]}`)).status).toBe(200);
      const whole = await remove({ imageDigest: children[0] }, { imageDigest: children[1] }, { imageDigest: index });
      expect(whole.failures).toEqual([]);
      expect(whole.imageIds).toHaveLength(3);

      const kept = await wire.pushImage(repositoryName, "kept");
      const held = await api.post(`/repositories/${repositoryName}/-/holds`, { digest: kept.digest, reason: "audit" });
      expect(held.status, held.text).toBe(201);
      const refused = await remove({ imageDigest: kept.digest });
      expect([refused.imageIds, refused.failures[0].failureCode]).toEqual([[], "ImageInaccessible"]);
      expect(refused.failures[0].failureReason).toContain("is held (hold 1");
    });
  });

  test("tags of a repository, scanning on push, and settings of an account are kept, and told in the audit trail", async (context) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    await withServer(async (server) => {
      const resourceArn = `arn:aws:ecr:eu-central-1:000000000000:repository/${repositoryName}`;
      const many = Array.from({ length: 49 }, (_, index) => ({ Key: `k${index}`, Value: "" }));
      const answers = await callBoto3(context, server.url, [
        ["list_tags_for_resource", { resourceArn }],
        [
          "tag_resource",
          {
            resourceArn,
            tags: [
              { Key: "Team", Value: "a" },
              { Key: "Env", Value: "prod" },
            ],
          },
        ],
        ["tag_resource", { resourceArn, tags: [{ Key: "Team", Value: "b" }] }],
        ["list_tags_for_resource", { resourceArn }],
        ["untag_resource", { resourceArn, tagKeys: ["Env", "None"] }],
        ["list_tags_for_resource", { resourceArn }],
        ["tag_resource", { resourceArn, tags: [...many, { Key: "one more", Value: "" }] }],
        ["list_tags_for_resource", { resourceArn: `${resourceArn}/none` }],
        ["list_tags_for_resource", { resourceArn: "arn:aws:s3:::bucket" }],
        ["list_tags_for_resource", { resourceArn: resourceArn.replace("eu-central-1", "eu-west-1") }],
        ["put_image_scanning_configuration", { repositoryName, imageScanningConfiguration: { scanOnPush: true } }],
        ["describe_repositories", { repositoryNames: [repositoryName] }],
        ["put_image_scanning_configuration", { repositoryName, imageScanningConfiguration: {} }],
        ["describe_repositories", { repositoryNames: [repositoryName] }],
        ["describe_registry", {}],
        ["get_account_setting", { name: "REGISTRY_POLICY_SCOPE" }],
        ["put_account_setting", { name: "REGISTRY_POLICY_SCOPE", value: "V1" }],
        ["get_account_setting", { name: "REGISTRY_POLICY_SCOPE" }],
        ["get_account_setting", { name: "BLOB_MOUNTING" }],
        ["put_account_setting", { name: "BLOB_MOUNTING", value: "DISABLED" }],
        ["get_account_setting", { name: "OTHER" }],
      ]);
      const tag = (Key: string, Value: string) => ({ Key, Value });
      const [none, , , both, , one, tooMany, missing, wrong, elsewhere, , on, off, offShown, registry, ...settings] =
        answers;
      const [scope, put, scoped, mounting, mounted, other] = settings;
      expect(none.tags).toEqual([]);
      expect(both.tags).toEqual([tag("Env", "prod"), tag("Team", "b")]);
      expect(one.tags).toEqual([tag("Team", "b")]);
      expect(tooMany.error.Code).toBe("TooManyTagsException");
      expect(missing.error.Code).toBe("RepositoryNotFoundException");
      expect(wrong.error).toMatchObject({
        Code: "InvalidParameterException",
        Message: "Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN'",
      });
      expect(elsewhere.error.Code).toBe("RepositoryNotFoundException");
      expect(on.repositories[0].imageScanningConfiguration).toEqual({ scanOnPush: true });
      expect(off.imageScanningConfiguration).toEqual({ scanOnPush: false });
      expect(offShown.repositories[0].imageScanningConfiguration).toEqual({ scanOnPush: false });
      expect(registry).toMatchObject({ registryId: "000000000000", replicationConfiguration: { rules: [] } });
      expect([scope.value, put.value, scoped.value, mounting.value]).toEqual(["V2", "V1", "V1", "ENABLED"]);
      expect([mounted.error.Code, other.error.Code]).toEqual([
        "InvalidParameterException",
        "InvalidParameterException",
      ]);
      const { body } = await clientOf(() => server.url).get("/audit?order=latest&action=change-settings");
      expect(body.items.map((row: any) => row.target)).toContain("ECR account 000000000000");
    });
  });
});
