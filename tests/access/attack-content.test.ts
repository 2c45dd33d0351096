import { randomBytes } from "node:crypto";
import { DeleteObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { parseManifest, RegistryError } from "../../src/oci/index.ts";
import { needPeers } from "../support/peers.ts";
import { s3Credentials, s3Settings, startS3 } from "../support/s3.ts";
import { startTestServer } from "../support/start-server.ts";
import { digestOf, types, WireClient } from "../support/wire-client.ts";

/* Attacks by content: documents that are read in two ways, and bytes that came into the store past the registry. */

const docker = {
  manifest: "application/vnd.docker.distribution.manifest.v2+json",
  list: "application/vnd.docker.distribution.manifest.list.v2+json",
};
const kinds: Readonly<Record<string, "image" | "index">> = {
  [types.manifest]: "image",
  [docker.manifest]: "image",
  [types.index]: "index",
  [docker.list]: "index",
};

/** As Go's encoding/json takes names of fields: whatever their case, with the letters that fold to others; the last one counts. */
function readAsGo(text: string): Record<string, unknown> {
  const fold = (name: string) => name.replaceAll("\u017f", "s").replaceAll("\u212a", "k").toLowerCase();
  return JSON.parse(text, (_key, value: unknown) => {
    if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [fold(name), one]));
  }) as Record<string, unknown>;
}

/** What a tool finds in a document that asks for its fields alone: digests, and whether it is an image or an index. */
function contentOf(fields: Record<string, unknown>): { readonly kind: string; readonly digests: readonly string[] } {
  const digests = ["config", "layers", "manifests"].flatMap((name) => {
    const listed = [fields[name] ?? []].flat() as { digest: string }[];
    return listed.map(({ digest }) => digest);
  });
  const image = "layers" in fields || "config" in fields;
  const index = "manifests" in fields;
  return { kind: image && index ? "both" : index ? "index" : image ? "image" : "neither", digests };
}

const descriptor = (content: string, mediaType: string) => ({
  mediaType,
  digest: digestOf(content),
  size: Buffer.byteLength(content),
});
const config = descriptor("{}", types.config);
const layer = descriptor("layer", types.layer);
const child = descriptor("child", types.manifest);

/** Documents of an image's and an index's fields, named as they should be and nearly so, once or twice. */
const documents = fc
  .record({
    fields: fc.array(
      fc.oneof(
        fc.record({ name: fc.constantFrom("config", "Config", "con\ufb01g"), value: fc.constant(config) }),
        fc.record({
          name: fc.constantFrom("layers", "layers", "Layers", "layer\u017f", "l\\u0061yers"),
          value: fc.constantFrom<object[]>([], [layer], [layer, layer]),
        }),
        fc.record({
          name: fc.constantFrom("manifests", "manifests", "MANIFESTS", "manifest\u017f"),
          value: fc.constantFrom<object[]>([], [child]),
        }),
      ),
      { maxLength: 3 },
    ),
    mediaType: fc.constantFrom(undefined, ...Object.keys(kinds)),
    mediaTypeName: fc.constantFrom("mediaType", "mediaType", "mediatype"),
    contentType: fc.constantFrom(undefined, ...Object.keys(kinds)),
  })
  .map(({ fields, mediaType, mediaTypeName, contentType }) => {
    const members = fields.map(({ name, value }) => `"${name}":${JSON.stringify(value)}`);
    if (mediaType !== undefined) members.unshift(`"${mediaTypeName}":"${mediaType}"`);
    return { text: `{"schemaVersion":2,${members.join(",")}}`.replace(",}", "}"), contentType };
  });

test("a document is refused, or it is of one type to every reader: by its fields, its mediaType and its Content-Type (threat 20)", () => {
  const counts = { taken: 0, refused: 0 };
  const taken = (text: string, contentType: string | undefined) => {
    let mediaType: string;
    try {
      ({ mediaType } = parseManifest(Buffer.from(text), contentType as never));
    } catch (error) {
      expect(error).toBeInstanceOf(RegistryError);
      counts.refused++;
      return;
    }
    counts.taken++;
    const plain = JSON.parse(text) as Record<string, unknown>;
    const [exact, folded] = [contentOf(plain), contentOf(readAsGo(text))];
    expect(exact, text).toEqual(folded);
    expect(exact.kind, text).toBe(kinds[mediaType]);
    for (const said of [plain["mediaType"], contentType]) if (said !== undefined) expect(mediaType, text).toBe(said);
  };
  fc.assert(
    fc.property(documents, ({ text, contentType }) => taken(text, contentType)),
    { numRuns: 20_000 },
  );
  expect(counts.taken).toBeGreaterThan(100);
  expect(counts.refused).toBeGreaterThan(5_000);
});

const s3 = await startS3("versitygw");
const settings = s3 && (await s3Settings(s3));
const server = await startTestServer({ ...settings, uploads: { inlineBytes: 0 } });
afterAll(async () => {
  await server.close();
  await s3?.close();
});
const wire = new WireClient(() => server.url);

test("a document of two types gets 400 over the wire, and neither a tag nor a digest of it is there (threat 20)", async () => {
  await wire.pushImage("two/types", "v1");
  const image = { schemaVersion: 2, config, layers: [layer] };
  await wire.pushBlob("two/types", "{}");
  const twofold = [
    { ...image, mediaType: types.manifest, manifests: [] },
    { ...image, mediaType: types.index },
    { ...image, manifests: [child] },
    { schemaVersion: 2, mediaType: types.index, manifests: [], layers: [layer] },
    { ...image, mediaType: types.manifest, "layer\u017f": [] },
  ];
  for (const document of twofold) {
    const text = JSON.stringify(document);
    for (const contentType of Object.keys(kinds)) {
      for (const reference of ["v1", digestOf(text)]) {
        const put = await wire.putManifest("two/types", reference, text, contentType);
        expect([put.status, put.code], `${text} as ${contentType}`).toEqual([400, "MANIFEST_INVALID"]);
      }
    }
    expect((await wire.get(`/v2/two/types/manifests/${digestOf(text)}`)).status).toBe(404);
  }
  const { schemaVersion, mediaType } = (await wire.get("/v2/two/types/manifests/v1")).json<Record<string, unknown>>();
  expect([schemaVersion, mediaType]).toEqual([2, types.manifest]);
});

test("the bucket takes nothing from who shows no key, and bytes that came into it past the registry are served to nobody (threat 45)", async (context) => {
  if (s3 === undefined) return needPeers(context, "versitygw");
  const bucket = `${s3.endpoint}/berth`;
  const bytes = randomBytes(300_000);
  await wire.pushBlob("past/registry", bytes);
  const client = new S3Client({
    endpoint: s3.endpoint,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: { ...s3Credentials },
  });
  context.onTestFinished(() => client.destroy());
  const list = async () => {
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: "berth", Prefix: "registry/o/" }));
    return Contents.toSorted((one, other) => one.Size! - other.Size!).map(({ Key }) => Key!);
  };
  const before = await list();
  // The largest.
  const key = before.at(-1)!;
  // As Berth has made it, the bucket is private; a body whose trailer is not signed changes nothing about that.
  const unsigned = {
    "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    "x-amz-trailer": "x-amz-checksum-crc32",
  };
  const claimed = {
    authorization: `AWS4-HMAC-SHA256 Credential=${s3Credentials.accessKeyId}/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=${"0".repeat(64)}`,
  };
  for (const headers of [{}, unsigned, { ...unsigned, ...claimed }]) {
    for (const [method, path] of [
      ["PUT", key],
      ["PUT", "registry/o/00/added"],
      ["GET", key],
      ["GET", "?list-type=2"],
    ] as const) {
      const answer = await fetch(`${bucket}/${path}`, {
        method,
        headers,
        ...(method === "PUT" ? { body: "bytes" } : {}),
      });
      expect(answer.status, `${method} ${path}`).toBeGreaterThanOrEqual(400);
    }
  }
  expect(await list()).toEqual(before);

  // Somebody who has come by a key all the same changes, shortens and lengthens what is there.
  const path = `/v2/past/registry/blobs/${digestOf(bytes)}`;
  const body = async () => {
    const answer = await fetch(new URL(path, server.url));
    return answer.status === 200 ? Buffer.from(await answer.arrayBuffer()) : answer.status;
  };
  const put = (name: string, Body: Buffer) => client.send(new PutObjectCommand({ Bucket: "berth", Key: name, Body }));
  const changed = Buffer.from(bytes);
  changed[150_000]! ^= 1;
  expect((await body()) as Buffer).toEqual(bytes);
  for (const other of [changed, randomBytes(300_000), bytes.subarray(1), Buffer.concat([bytes, bytes])]) {
    await put(key, other);
    const got = await body().catch(() => "broken off");
    expect(Buffer.isBuffer(got), `${other.length} bytes`).toBe(false);
  }
  // What is added has no row, so that no name leads to it.
  const added = randomBytes(1_000);
  await put(`registry/o/00/${digestOf(added).slice(-26).toUpperCase()}`, added);
  await put(`registry/${digestOf(added)}`, added);
  expect((await wire.get(`/v2/past/registry/blobs/${digestOf(added)}`)).status).toBe(404);
  const mount = await wire.call("POST", `/v2/past/other/blobs/uploads/?mount=${digestOf(added)}&from=past/registry`);
  expect(mount.status).toBe(202);
  // A push of the true bytes heals, under a key that was never used.
  await client.send(new DeleteObjectCommand({ Bucket: "berth", Key: key }));
  await wire.pushBlob("past/registry", bytes);
  expect((await body()) as Buffer).toEqual(bytes);
  expect(before).not.toContain((await list()).at(-1));
});
