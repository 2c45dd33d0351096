import { afterAll, describe, expect, test } from "vitest";
import { callBoto3 } from "../support/call-boto3.ts";
import { callEcr } from "../support/ecr-wire.ts";
import { clientOf } from "../support/management-client.ts";
import type { ApiClient } from "../support/management-client.ts";
import { needPeers } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";
import { startTestServer } from "../support/start-server.ts";
import type { TestServer } from "../support/start-server.ts";
import { digestOf, types, WireClient } from "../support/wire-client.ts";
import type { TestDescriptor } from "../support/wire-client.ts";

/* Images that are archived are kept, and not served, until they are restored or pushed again (docs/decisions/0046). */

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

const repositoryName = "team/app";
const manifests = `/v2/${repositoryName}/manifests`;
const noted = (n: string) => ({ annotations: { n } });

interface Place {
  readonly server: TestServer;
  readonly wire: WireClient;
  readonly api: ApiClient;
  /** Gives status and body of UpdateImageStorageClass. */
  readonly move: (imageId: object, targetStorageClass: "ARCHIVE" | "STANDARD") => Promise<[number, any]>;
}

describe.each(["SQLite", "PostgreSQL"] as const)("%s", (kind) => {
  const place = (name: string, work: (place: Place, context: Parameters<typeof callBoto3>[0]) => Promise<void>) =>
    test(name, async (context) => {
      if (kind === "PostgreSQL") needPeers(context, "postgresql");
      const server = await startTestServer(kind === "PostgreSQL" ? { database: await postgres!.makeDatabase() } : {});
      try {
        const [wire, api] = [new WireClient(() => server.url), clientOf(() => server.url)];
        expect((await api.post("/namespaces", { path: "team" })).status).toBe(201);
        const move: Place["move"] = async (imageId, targetStorageClass) => {
          const input = { repositoryName, imageId, targetStorageClass };
          const { status, body } = await callEcr(server.url, "UpdateImageStorageClass", input);
          return [status, body];
        };
        await work({ server, wire, api, move }, context);
        expect(server.errors).toEqual([]);
      } finally {
        await server.close();
      }
    });

  const pushIndex = async (wire: WireClient, tag: string, listed: readonly TestDescriptor[]) => {
    const text = JSON.stringify({ schemaVersion: 2, mediaType: types.index, manifests: listed });
    expect((await wire.putManifest(repositoryName, tag, text, types.index)).status).toBe(201);
    return { digest: digestOf(text), text };
  };

  place("boto3 archives an image, which is not pulled by any way, described, and restored", async (of, context) => {
    const { server, wire, api } = of;
    const image = await wire.pushImage(repositoryName, "v1");
    const other = await wire.pushImage(repositoryName, "v2", noted("2"));
    const signature = await wire.pushImage(repositoryName, undefined, { ...noted("3"), subject: image });
    const served = await wire.get(`${manifests}/v1`);
    expect(served.status).toBe(200);
    // Kept in memory from now on.
    expect((await wire.get(`${manifests}/${image.digest}`)).status).toBe(200);
    const imageId = { imageTag: "v1" };
    const subjectId = { imageDigest: image.digest };
    const [archived, again, got, active, away, any, one, referrers, referrersAway, twice] = await callBoto3(
      context,
      server.url,
      [
        ["update_image_storage_class", { repositoryName, imageId, targetStorageClass: "ARCHIVE" }],
        ["update_image_storage_class", { repositoryName, imageId, targetStorageClass: "ARCHIVE" }],
        ["batch_get_image", { repositoryName, imageIds: [imageId, { imageTag: "v2" }, subjectId] }],
        ["list_images", { repositoryName }],
        ["list_images", { repositoryName, filter: { imageStatus: "ARCHIVED" } }],
        ["describe_images", { repositoryName, filter: { imageStatus: "ANY" } }],
        ["describe_images", { repositoryName, imageIds: [imageId] }],
        ["list_image_referrers", { repositoryName, subjectId }],
        ["list_image_referrers", { repositoryName, subjectId, filter: { artifactStatus: "ARCHIVED" } }],
        ["describe_images", { repositoryName, filter: { imageStatus: "ACTIVATING" } }],
      ],
    );
    const whole = { imageDigest: image.digest, imageTag: "v1" };
    const registryId = "000000000000";
    expect(archived).toMatchObject({ registryId, repositoryName, imageId: whole, imageStatus: "ARCHIVED" });
    expect(again.imageStatus).toBe("ARCHIVED");
    expect(got.images.map((each: any) => each.imageId.imageTag)).toEqual(["v2"]);
    const failed = got.failures.map((each: any) => [each.imageId, each.failureCode]);
    expect(failed).toEqual([imageId, subjectId].map((id) => [id, "ImageInaccessible"]));
    expect(got.failures[0].failureReason).toContain("archived");
    expect(active.imageIds).toEqual([{ imageDigest: other.digest, imageTag: "v2" }]);
    expect(away.imageIds).toEqual([whole, { imageDigest: signature.digest }]);
    expect(any.imageDetails).toHaveLength(3);
    expect(one.imageDetails[0]).toMatchObject({ imageStatus: "ARCHIVED", imageTags: ["v1"] });
    expect(Math.abs(one.imageDetails[0].lastArchivedAt - Date.now() / 1000)).toBeLessThan(600);
    expect(one.imageDetails[0]).not.toHaveProperty("lastActivatedAt");
    expect(referrers.referrers).toEqual([]);
    expect(referrersAway.referrers[0]).toMatchObject({ digest: signature.digest, artifactStatus: "ARCHIVED" });
    expect(twice.imageDetails).toEqual([]);

    for (const reference of ["v1", image.digest, signature.digest]) {
      const refused = await wire.get(`${manifests}/${reference}`);
      expect([refused.status, refused.code]).toEqual([404, "MANIFEST_UNKNOWN"]);
      expect(refused.message).toMatch(/is archived, and not served: .*berth image restore team\/app sha256:/);
      expect((await wire.call("HEAD", `${manifests}/${reference}`)).status).toBe(404);
    }
    expect((await wire.get(`/v2/${repositoryName}/referrers/${image.digest}`)).json<any>().manifests).toEqual([]);
    expect((await wire.get(`/v2/${repositoryName}/tags/list`)).json<any>().tags).toEqual(["v1", "v2"]);
    expect((await wire.get(`/v2/${repositoryName}/blobs/${digestOf("layer")}`)).status).toBe(200);
    const shown = await api.get(`/repositories/${repositoryName}/-/images/${image.digest}`);
    expect(shown.body).toMatchObject({ storageClass: "archive", restoredAt: null });
    expect(shown.body.referrers).toHaveLength(1);

    const [back] = await callBoto3(context, server.url, [
      ["update_image_storage_class", { repositoryName, imageId: subjectId, targetStorageClass: "STANDARD" }],
    ]);
    expect(back.imageStatus).toBe("ACTIVE");
    const pulled = await wire.get(`${manifests}/v1`);
    expect([pulled.status, pulled.text]).toEqual([200, served.text]);
    expect((await wire.get(`${manifests}/${signature.digest}`)).status).toBe(200);
    const described = await callEcr(server.url, "DescribeImages", { repositoryName, imageIds: [imageId] });
    expect(described.body.imageDetails[0]).toMatchObject({ imageStatus: "ACTIVE", lastActivatedAt: expect.anything() });
    // Each change once, with what went along.
    for (const action of ["archive-image", "restore-image"]) {
      const targets = async () => {
        const { items } = (await api.get(`/audit?action=${action}`)).body;
        return items.map(({ target }: { target: string }) => target);
      };
      await expect.poll(targets, { timeout: 30_000 }).toEqual([image.digest]);
    }
  });

  place("a layer that only archived images have is told so, and has no address until one is served", async (of) => {
    const { server, wire, move } = of;
    const image = await wire.pushImage(repositoryName, "v1");
    await wire.pushImage(repositoryName, "v2", noted("2"));
    const layerDigest = digestOf("layer");
    const look = async () => {
      const checked = await callEcr(server.url, "BatchCheckLayerAvailability", {
        ...{ repositoryName, layerDigests: [layerDigest] },
      });
      const address = await callEcr(server.url, "GetDownloadUrlForLayer", { repositoryName, layerDigest });
      return [checked.body.layers[0].layerAvailability, address.body.__type ?? address.status, address.body.message];
    };
    const [gone, served] = [
      ["ARCHIVED", "LayerInaccessibleException", expect.stringContaining("belongs to archived images alone")],
      ["AVAILABLE", 200, undefined],
    ];
    const imageManifest = (await wire.get(`${manifests}/v1`)).text;
    await move({ imageTag: "v1" }, "ARCHIVE");
    expect(await look()).toEqual(served);
    await move({ imageTag: "v2" }, "ARCHIVE");
    expect(await look()).toEqual(gone);
    await move({ imageDigest: image.digest }, "STANDARD");
    expect(await look()).toEqual(served);
    await move({ imageTag: "v1" }, "ARCHIVE");
    expect(await look()).toEqual(gone);
    // A push goes on to use what is there.
    const put = await callEcr(server.url, "PutImage", { repositoryName, imageManifest, imageTag: "v3" });
    expect(put.status, put.text).toBe(200);
    expect(await look()).toEqual(served);
  });

  place("an index is archived before what it lists, and what it lists is back with it", async ({ wire, move }) => {
    const children = [await wire.pushImage(repositoryName, undefined, noted("a"))];
    children.push(await wire.pushImage(repositoryName, undefined, noted("b")));
    const index = await pushIndex(wire, "multi", children);
    const [child] = children as [TestDescriptor];
    const byDigest = { imageDigest: child.digest };
    const [refused, { __type: type, message }] = await move(byDigest, "ARCHIVE");
    expect([refused, type]).toEqual([400, "ImageStorageClassUpdateNotSupportedException"]);
    expect(message).toContain(`the index ${index.digest}, which is served: archive that index first`);
    expect((await move({ imageTag: "multi" }, "ARCHIVE"))[1].imageStatus).toBe("ARCHIVED");
    expect((await wire.get(`${manifests}/${child.digest}`)).status).toBe(200);
    expect((await move(byDigest, "ARCHIVE"))[1].imageStatus).toBe("ARCHIVED");
    expect((await wire.get(`${manifests}/${child.digest}`)).status).toBe(404);
    expect((await move({ imageTag: "multi" }, "STANDARD"))[1].imageStatus).toBe("ACTIVE");
    expect((await wire.get(`${manifests}/${child.digest}`)).status).toBe(200);
    // A push brings back both: the index that was there, and what a new one lists.
    await move({ imageTag: "multi" }, "ARCHIVE");
    await move(byDigest, "ARCHIVE");
    await pushIndex(wire, "other", [child]);
    expect((await wire.get(`${manifests}/${child.digest}`)).status).toBe(200);
    expect((await wire.get(`${manifests}/multi`)).status).toBe(404);
    expect((await wire.putManifest(repositoryName, "multi", index.text, types.index)).status).toBe(201);
    expect((await wire.get(`${manifests}/multi`)).status).toBe(200);
  });

  place("a push of an archived image brings it back, and its immutable tag stays", async ({ server, wire, move }) => {
    const image = await wire.pushImage(repositoryName, "v1");
    const imageManifest = (await wire.get(`${manifests}/v1`)).text;
    await callEcr(server.url, "PutImageTagMutability", { repositoryName, imageTagMutability: "IMMUTABLE" });
    expect((await move({ imageTag: "v1", imageDigest: image.digest }, "ARCHIVE"))[0]).toBe(200);
    const other = JSON.stringify({ ...JSON.parse(imageManifest), ...noted("other") });
    expect((await wire.putManifest(repositoryName, "v1", other)).status).toBe(403);
    expect((await wire.get(`${manifests}/v1`)).status).toBe(404);
    const put = await callEcr(server.url, "PutImage", { repositoryName, imageManifest, imageTag: "v1" });
    expect(put.status, put.text).toBe(200);
    expect((await wire.get(`${manifests}/v1`)).status).toBe(200);
    const twice = await callEcr(server.url, "PutImage", { repositoryName, imageManifest, imageTag: "v1" });
    expect(twice.body.__type).toBe("ImageAlreadyExistsException");
  });

  place("what runs is not archived, what is held is, and a deleted image comes back as archived", async (of) => {
    const { wire, api, move } = of;
    const { digest } = await wire.pushImage(repositoryName, "v1");
    const report = (uses: object[]) => api.put("/namespaces/team/-/usage/cluster", { uses });
    expect((await report([{ digest, workload: "prod/web" }])).status).toBe(200);
    const [status, body] = await move({ imageTag: "v1" }, "ARCHIVE");
    expect([status, body.__type]).toEqual([400, "ImageStorageClassUpdateNotSupportedException"]);
    expect(body.message).toMatch(/may not be archived: prod\/web runs/);
    const image = `/repositories/${repositoryName}/-/images/${digest}`;
    const refused = await api.put(`${image}/storage-class`, { storageClass: "archive" });
    expect([refused.status, refused.code]).toEqual([403, "DENIED"]);
    await report([]);
    const hold = await api.post(`/repositories/${repositoryName}/-/holds`, { digest, reason: "a case" });
    expect(hold.status, hold.text).toBe(201);
    expect((await api.put(`${image}/storage-class`, { storageClass: "archive" })).status).toBe(204);
    expect((await wire.get(`${manifests}/v1`)).status).toBe(404);
    expect((await api.delete(image)).status).toBe(403);
    const released = await api.post(`/repositories/${repositoryName}/-/holds/${hold.body.id}/release`, {
      reason: "closed",
    });
    expect(released.status, released.text).toBe(204);
    const gone = await api.delete(image);
    expect(gone.status, gone.text).toBe(200);
    expect((await api.get(image)).status).toBe(404);
    const undone = await api.post(`/repositories/${repositoryName}/-/undo/${gone.body.undo}`);
    expect(undone.status, undone.text).toBe(200);
    expect((await api.get(image)).body).toMatchObject({ storageClass: "archive", tags: ["v1"] });
    expect((await wire.get(`${manifests}/v1`)).status).toBe(404);
    expect((await api.put(`${image}/storage-class`, { storageClass: "standard" })).status).toBe(204);
    expect((await wire.get(`${manifests}/v1`)).status).toBe(200);
  });

  place("what is not there cannot be archived", async ({ wire, move }) => {
    const { digest } = await wire.pushImage(repositoryName, "v1");
    const typeOf = async (imageId: object) => (await move(imageId, "ARCHIVE"))[1].__type;
    expect(await typeOf({ imageTag: "none" })).toBe("ImageNotFoundException");
    expect(await typeOf({ imageTag: "v1", imageDigest: digestOf("none") })).toBe("ImageNotFoundException");
    expect(await typeOf({ imageDigest: "md5:00" })).toBe("ImageNotFoundException");
    expect(await typeOf({})).toBe("InvalidParameterException");
    expect((await wire.get(`${manifests}/${digest}`)).status).toBe(200);
  });
});
