import { expect, test } from "vitest";
import { parseMediaType, parseRepositoryName, parseTag, RegistryError } from "../../src/oci/index.ts";
import { inspectRepository, pushManifest } from "../../src/registry/index.ts";
import { describeEachDatabase } from "../support/each-database.ts";
import { callEcr } from "../support/ecr-wire.ts";
import { caller } from "../support/open-registry.ts";
import { startTestServer } from "../support/start-server.ts";
import { digestOf, types } from "../support/wire-client.ts";

/* What deletes a repository while somebody pushes to it has the last word: ECR's operations make none but CreateRepository. */

// It names nothing, so that nothing else is missing once its repository is.
const imageManifest = JSON.stringify({ schemaVersion: 2, mediaType: types.index, manifests: [] });
const repositoryName = "team/app";

await describeEachDatabase((it, prepare) => {
  let registry: Parameters<Parameters<typeof prepare>[0]>[0]["registry"];
  prepare((rows) => void (registry = rows.registry));

  it("a push that wants its repository to be there makes none", async () => {
    const repository = parseRepositoryName(repositoryName);
    const push = { repository, digest: undefined, tags: [parseTag("v1")], bytes: Buffer.from(imageManifest) };
    const wanted = { ...push, contentType: parseMediaType(types.index) };
    await expect(pushManifest(registry, caller, { ...wanted, existing: true })).rejects.toMatchObject({
      code: "NAME_UNKNOWN",
    });
    await expect(inspectRepository(registry, caller, repository)).rejects.toThrow(RegistryError);
    // Any other push does.
    await pushManifest(registry, caller, wanted);
    expect(await inspectRepository(registry, caller, repository)).toMatchObject({ name: repositoryName });
    await pushManifest(registry, caller, { ...wanted, tags: [parseTag("v2")], existing: true });
  });
});

test("a repository that is deleted while an image is put, or before a layer is complete, is not made again", async () => {
  const server = await startTestServer();
  try {
    const call = (operation: string, input: object = {}) =>
      callEcr(server.url, operation, { repositoryName, ...input });
    const isThere = async () =>
      (await callEcr(server.url, "DescribeRepositories", {})).body.repositories.length as number;
    for (let round = 0; round < 20; round++) {
      expect((await call("CreateRepository")).status).toBe(200);
      const put = Array.from({ length: 4 }, (_, n) => call("PutImage", { imageManifest, imageTag: `v${n}` }));
      const [deleted] = await Promise.all([call("DeleteRepository", { force: true }), ...put]);
      expect(deleted.status, deleted.text).toBe(200);
      expect(await isThere()).toBe(0);
    }
    expect((await call("CreateRepository")).status).toBe(200);
    const { uploadId } = (await call("InitiateLayerUpload")).body;
    const layerPartBlob = Buffer.from("layer").toString("base64");
    const part = { uploadId, partFirstByte: 0, partLastByte: 4, layerPartBlob };
    expect((await call("UploadLayerPart", part)).status).toBe(200);
    expect((await call("DeleteRepository", { force: true })).status).toBe(200);
    const ended = await call("CompleteLayerUpload", { uploadId, layerDigests: [digestOf("layer")] });
    expect([ended.status, ended.body.__type]).toEqual([400, "RepositoryNotFoundException"]);
    expect(await isThere()).toBe(0);
    expect(server.errors).toEqual([]);
  } finally {
    await server.close();
  }
});
