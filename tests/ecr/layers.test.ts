import { randomBytes } from "node:crypto";
import { afterAll, describe, expect, test } from "vitest";
import { callBoto3 } from "../support/call-boto3.ts";
import { callEcr } from "../support/ecr-wire.ts";
import { needPeers } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";
import { startTestServer } from "../support/start-server.ts";
import type { TestServer } from "../support/start-server.ts";
import { digestOf, types, WireClient } from "../support/wire-client.ts";

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

const repositoryName = "team/app";
const config = JSON.stringify({ architecture: "amd64", os: "linux" });
/** More than lives in a row; sent in two parts. */
const layer = randomBytes(600_000);
const manifest = JSON.stringify({
  schemaVersion: 2,
  mediaType: types.manifest,
  config: { mediaType: types.config, digest: digestOf(config), size: config.length },
  layers: [{ mediaType: types.layer, digest: digestOf(layer), size: layer.length }],
});

describe.each(["SQLite", "PostgreSQL"] as const)("%s", (kind) => {
  const withServer = async (work: (server: TestServer, wire: WireClient) => Promise<void>) => {
    const server = await startTestServer(kind === "PostgreSQL" ? { database: await postgres!.makeDatabase() } : {});
    try {
      const made = await callEcr(server.url, "CreateRepository", { repositoryName, imageTagMutability: "IMMUTABLE" });
      expect(made.status, made.text).toBe(200);
      await work(server, new WireClient(() => server.url));
      expect(server.errors).toEqual([]);
    } finally {
      await server.close();
    }
  };
  const call = async (server: TestServer, name: string, input: object) => {
    const { status, body } = await callEcr(server.url, name, { repositoryName, ...input });
    return status === 200 ? body : { error: body.__type, ...body };
  };
  const part = async (server: TestServer, uploadId: string, bytes: Uint8Array, first: number) =>
    call(server, "UploadLayerPart", {
      uploadId,
      partFirstByte: first,
      partLastByte: first + bytes.length - 1,
      layerPartBlob: Buffer.from(bytes).toString("base64"),
    });

  test("an image is pushed and pulled by calls alone, byte for byte, with boto3", async (context) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    await withServer(async (server, wire) => {
      const begun = await callBoto3(context, server.url, [
        ["initiate_layer_upload", { repositoryName }],
        ["initiate_layer_upload", { repositoryName }],
        ["initiate_layer_upload", { repositoryName: "no/such" }],
        ["batch_check_layer_availability", { repositoryName, layerDigests: [digestOf(layer), "x"] }],
      ]);
      const [first, second, nowhere, before] = begun;
      expect(first.partSize).toBe(10 * 1024 ** 2);
      expect(nowhere.error.Code).toBe("RepositoryNotFoundException");
      expect(before).toMatchObject({
        layers: [],
        failures: [{ failureCode: "MissingLayerDigest" }, { failureCode: "InvalidLayerDigest" }],
      });
      const upload = (uploadId: string, bytes: Uint8Array, from: number) => [
        "upload_layer_part",
        {
          ...{ repositoryName, uploadId, partFirstByte: from, partLastByte: from + bytes.length - 1 },
          layerPartBlob: Buffer.from(bytes).toString("base64"),
        },
      ];
      const [a, b] = [layer.subarray(0, 400_000), layer.subarray(400_000)];
      const put = { repositoryName, imageManifest: manifest };
      const pushed = await callBoto3(context, server.url, [
        upload(first.uploadId, a, 0),
        upload(first.uploadId, b, a.length),
        ["complete_layer_upload", { repositoryName, uploadId: first.uploadId, layerDigests: [digestOf(layer)] }],
        upload(second.uploadId, Buffer.from(config), 0),
        ["complete_layer_upload", { repositoryName, uploadId: second.uploadId, layerDigests: [digestOf(config)] }],
        ["batch_check_layer_availability", { repositoryName, layerDigests: [digestOf(layer)] }],
        ["get_download_url_for_layer", { repositoryName, layerDigest: digestOf(layer) }],
        ["put_image", { ...put, imageTag: "v1" }],
        ["put_image", { ...put, imageTag: "v1" }],
        ["put_image", { ...put, imageTag: "v2", imageDigest: digestOf(manifest) }],
        ["batch_get_image", { repositoryName, imageIds: [{ imageTag: "v2" }] }],
        ["get_download_url_for_layer", { repositoryName, layerDigest: digestOf(layer) }],
        ["get_download_url_for_layer", { repositoryName, layerDigest: digestOf("none") }],
      ] as Parameters<typeof callBoto3>[2]);
      const [one, two, whole, , small, after, early, image, twice, retagged, got, url, none] = pushed;
      expect([one.lastByteReceived, two.lastByteReceived]).toEqual([a.length - 1, layer.length - 1]);
      expect(whole).toMatchObject({ layerDigest: digestOf(layer), registryId: "000000000000" });
      expect(small.layerDigest).toBe(digestOf(config));
      expect(after.layers).toEqual([
        { layerDigest: digestOf(layer), layerAvailability: "AVAILABLE", layerSize: layer.length },
      ]);
      expect(early.error.Code).toBe("LayerInaccessibleException");
      expect(image.image).toEqual({
        registryId: "000000000000",
        repositoryName,
        imageId: { imageDigest: digestOf(manifest), imageTag: "v1" },
        imageManifest: manifest,
        imageManifestMediaType: types.manifest,
      });
      expect(twice.error.Code).toBe("ImageAlreadyExistsException");
      expect(retagged.image.imageId.imageTag).toBe("v2");
      expect(got.images[0].imageManifest).toBe(manifest);
      expect(none.error.Code).toBe("LayersNotFoundException");
      // Without a login, and the same over `/v2/`.
      const fetched = await fetch(url.downloadUrl);
      expect(Buffer.from(await fetched.arrayBuffer()).equals(layer)).toBe(true);
      const range = await fetch(url.downloadUrl, { headers: { range: "bytes=2-4" } });
      expect([range.status, Buffer.from(await range.arrayBuffer()).equals(layer.subarray(2, 5))]).toEqual([206, true]);
      const blob = await wire.get(`/v2/${repositoryName}/blobs/${digestOf(layer)}`);
      expect(blob.bytes.equals(layer)).toBe(true);
    });
  });

  test("uploads are refused where they do not go on, are empty, wrong or there already", async (context) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    await withServer(async (server) => {
      const begin = async () => (await call(server, "InitiateLayerUpload", {})).uploadId as string;
      const complete = (uploadId: string, digest: string) =>
        call(server, "CompleteLayerUpload", { uploadId, layerDigests: [digest] });
      const id = await begin();
      expect((await complete(id, digestOf("ab"))).error).toBe("EmptyUploadException");
      expect((await part(server, id, Buffer.from("a"), 3)).error).toBe("InvalidLayerPartException");
      expect((await part(server, id, Buffer.from("a"), 0)).lastByteReceived).toBe(0);
      // Where it stands, for whoever must go on.
      expect(await part(server, id, Buffer.from("a"), 5)).toMatchObject({
        error: "InvalidLayerPartException",
        lastValidByteReceived: 0,
        uploadId: id,
        repositoryName,
        registryId: "000000000000",
      });
      const short = { uploadId: id, partFirstByte: 1, partLastByte: 5, layerPartBlob: "Yg==" };
      expect((await call(server, "UploadLayerPart", short)).error).toBe("InvalidParameterException");
      expect((await part(server, id, Buffer.from("b"), 1)).lastByteReceived).toBe(1);
      expect((await complete(id, digestOf("other"))).error).toBe("InvalidLayerException");
      const again = await begin();
      await part(server, again, Buffer.from("ab"), 0);
      expect((await complete(again, digestOf("ab"))).layerDigest).toBe(digestOf("ab"));
      const twice = await begin();
      await part(server, twice, Buffer.from("ab"), 0);
      expect((await complete(twice, digestOf("ab"))).error).toBe("LayerAlreadyExistsException");
      for (const unknown of [twice, again, "00000000-0000-0000-0000-000000000000"]) {
        expect((await part(server, unknown, Buffer.from("x"), 0)).error, unknown).toBe("UploadNotFoundException");
      }
      expect((await complete(await begin(), "sha256:0")).error).toBe("InvalidParameterException");
    });
  });

  test("an image is refused that names what is not there, is no manifest, or would move a tag that stays", async (context) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    await withServer(async (server, wire) => {
      const put = (input: object) => call(server, "PutImage", { imageManifest: manifest, imageTag: "v1", ...input });
      const index = JSON.stringify({
        schemaVersion: 2,
        mediaType: types.index,
        manifests: [{ mediaType: types.manifest, digest: digestOf("none"), size: 4 }],
      });
      expect(await put({})).toMatchObject({ error: "LayersNotFoundException" });
      expect(await put({ imageManifest: index })).toMatchObject({ error: "ReferencedImagesNotFoundException" });
      expect(await put({ imageDigest: digestOf("x") })).toMatchObject({ error: "ImageDigestDoesNotMatchException" });
      for (const bad of [{ imageManifest: "{" }, { imageManifest: "{}" }, { imageTag: "-x" }, { imageDigest: "x" }]) {
        expect(await put(bad), JSON.stringify(bad)).toMatchObject({ error: "InvalidParameterException" });
      }
      await wire.pushImage(repositoryName, "v1");
      const empty = JSON.stringify({ schemaVersion: 2, mediaType: types.index, manifests: [] });
      expect(await put({ imageManifest: empty })).toMatchObject({
        error: "ImageTagAlreadyExistsException",
        message:
          "The image tag 'v1' already exists in the 'team/app' repository and cannot be overwritten because the repository is immutable.",
      });
      // Nothing is left of it, and no call makes a repository.
      expect((await wire.get(`/v2/${repositoryName}/manifests/${digestOf(empty)}`)).status).toBe(404);
      const elsewhere = await put({ imageManifest: empty, repositoryName: "no/such" });
      expect(elsewhere.error).toBe("RepositoryNotFoundException");
    });
  });
});
