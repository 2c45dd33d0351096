import { afterAll, expect, test } from "vitest";
import { startTestServer } from "./support/start-server.ts";
import { digestOf, types, WireClient } from "./support/wire-client.ts";
import type { TestDescriptor } from "./support/wire-client.ts";

/* Tags, repositories and referrers, page by page. */
const server = await startTestServer();
afterAll(() => server.close());
const client = new WireClient(() => server.url);
const nextOf = (headers: Headers) => /^<([^>]+)>; rel="next"$/.exec(headers.get("link") ?? "")?.[1];

/** Follows `Link` to the end. */
async function readAll<T>(path: string, items: (json: never) => readonly T[]): Promise<T[][]> {
  const pages: T[][] = [];
  for (let next: string | undefined = path; next !== undefined;) {
    const { status, headers, json } = await client.get(next);
    expect(status).toBe(200);
    pages.push([...items(json<never>())]);
    next = nextOf(headers);
  }
  return pages;
}

test("tags come in byte order after `last`, at most `n`, with a Link while there are more", async () => {
  const tags = ["B", "a", "a-1", "a.1", "a_1", "b", "Z", "0"];
  for (const tag of tags) await client.pushImage("tags", tag);
  const sorted = tags.toSorted();
  expect((await client.get("/v2/tags/tags/list")).json()).toEqual({ name: "tags", tags: sorted });
  expect(await readAll("/v2/tags/tags/list?n=3", (json: { tags: string[] }) => json.tags)).toEqual([
    sorted.slice(0, 3),
    sorted.slice(3, 6),
    sorted.slice(6),
  ]);
  expect((await client.get("/v2/tags/tags/list?last=a")).json<{ tags: string[] }>().tags).toEqual(
    sorted.slice(sorted.indexOf("a") + 1),
  );
  expect((await client.get("/v2/tags/tags/list?last=a-0")).json<{ tags: string[] }>().tags[0]).toBe("a-1");
  const none = await client.get("/v2/tags/tags/list?n=0");
  expect([none.json(), nextOf(none.headers)]).toEqual([{ name: "tags", tags: [] }, undefined]);
});

test("an n above the limit is lowered, not refused, and a Warning says so", async () => {
  for (const n of ["10001", "1000000000000", "9".repeat(400)]) {
    const page = await client.get(`/v2/tags/tags/list?n=${n}`);
    expect([page.status, page.headers.get("warning")]).toEqual([200, expect.stringContaining("at most 10000")]);
  }
  for (const n of ["-1", "1e3", "NaN", "", "0x10"]) {
    const page = await client.get(`/v2/tags/tags/list?n=${n}`);
    expect([page.status, page.code]).toEqual([400, "PAGINATION_NUMBER_INVALID"]);
  }
});

test("a query with a NUL, which PostgreSQL takes in no text, is refused before it is asked", async () => {
  const subject = digestOf("subject");
  for (const path of [
    "/v2/_catalog?last=%00",
    "/v2/tags/tags/list?last=a%00",
    `/v2/tags/referrers/${subject}?artifactType=%00`,
    `/v2/tags/referrers/${subject}?last=%00`,
  ]) {
    const answer = await client.get(path);
    expect([answer.status, answer.code]).toEqual([400, "UNSUPPORTED"]);
  }
});

test("the tags of an unknown repository get 404 NAME_UNKNOWN", async () => {
  const answer = await client.get("/v2/unknown/tags/list");
  expect([answer.status, answer.code]).toEqual([404, "NAME_UNKNOWN"]);
});

test("_catalog lists repositories by `n` and `last`, names of 255 characters too", async () => {
  const long = `long/${"n".repeat(250)}`;
  for (const name of ["catalog/b", "catalog/a", long]) await client.pushImage(name, "latest");
  const pages = await readAll("/v2/_catalog?n=2", (json: { repositories: string[] }) => json.repositories);
  expect(pages.flat()).toEqual(["catalog/a", "catalog/b", long, "tags"].toSorted());
  expect(pages.every((page) => page.length <= 2)).toBe(true);
  expect((await client.get("/v2/_catalog?last=catalog/a&n=1")).json()).toEqual({ repositories: ["catalog/b"] });
  expect((await client.get(`/v2/${long}/manifests/latest`)).status).toBe(200);
  const longer = await client.get(`/v2/${long}x/manifests/latest`);
  expect([longer.status, longer.code]).toEqual([400, "NAME_INVALID"]);
});

const referrersOf = (json: { manifests: TestDescriptor[] }) => json.manifests;

test("a page that is asked for again and again shows each push and delete of a tag at once", async () => {
  const path = "/v2/again/tags/list?n=2";
  const isStill = async (tags: string[], next: string | undefined) => {
    for (let times = 0; times < 4; times++) {
      const { headers, json } = await client.get(path);
      expect([json(), nextOf(headers)]).toEqual([{ name: "again", tags }, next]);
      expect((await client.get("/v2/again/tags/list?n=1&last=a")).json<{ tags: string[] }>().tags).toEqual(
        tags.slice(1),
      );
    }
  };
  await client.pushImage("again", "a");
  await isStill(["a"], undefined);
  await client.pushImage("again", "c");
  await isStill(["a", "c"], undefined);
  await client.pushImage("again", "b");
  await isStill(["a", "b"], "/v2/again/tags/list?n=2&last=b");
  expect((await client.call("DELETE", "/v2/again/manifests/b")).status).toBe(202);
  await isStill(["a", "c"], undefined);
});

test("referrers of an unknown digest are an empty index; of a malformed one 400", async () => {
  const answer = await client.get(`/v2/unknown/referrers/${digestOf("x")}`);
  expect([answer.status, answer.headers.get("content-type")]).toEqual([200, types.index]);
  expect(answer.json()).toEqual({ schemaVersion: 2, mediaType: types.index, manifests: [] });
  const malformed = await client.get("/v2/unknown/referrers/sha256:x");
  expect([malformed.status, malformed.code]).toEqual([400, "DIGEST_INVALID"]);
});

test("OCI-Subject is echoed for pushes by tag and digest, also when the subject is not there", async () => {
  const subject = { mediaType: types.manifest, digest: digestOf("nowhere"), size: 7 };
  const config = await client.pushBlob("subject", "{}", types.empty);
  const text = JSON.stringify({ schemaVersion: 2, mediaType: types.manifest, config, layers: [], subject });
  for (const reference of ["tagged", digestOf(text)]) {
    const put = await client.putManifest("subject", reference, text);
    expect([put.status, put.headers.get("oci-subject")]).toEqual([201, subject.digest]);
  }
});

test("referrers show type, size, annotations; the type falls back to the config's, and an index without has none", async () => {
  const subject = await client.pushImage("referrers", "subject");
  const annotations = { "org.example.a": "1", b: "2" };
  const typed = await client.pushImage("referrers", undefined, {
    subject,
    artifactType: "application/x.sbom",
    annotations,
  });
  const untyped = await client.pushImage("referrers", undefined, { subject });
  const text = JSON.stringify({ schemaVersion: 2, mediaType: types.index, manifests: [], subject });
  await client.putManifest("referrers", digestOf(text), text, types.index);
  const listed = (await client.get(`/v2/referrers/referrers/${subject.digest}`)).json<{ manifests: TestDescriptor[] }>()
    .manifests;
  const expected = [
    { ...typed, artifactType: "application/x.sbom", annotations },
    { ...untyped, artifactType: types.config },
    { mediaType: types.index, digest: digestOf(text), size: text.length },
  ];
  expect(listed).toEqual(expected.toSorted((a, b) => (a.digest < b.digest ? -1 : 1)));
  const filtered = await client.get(`/v2/referrers/referrers/${subject.digest}?artifactType=application/x.sbom`);
  expect(filtered.headers.get("oci-filters-applied")).toBe("artifactType");
  expect(filtered.json<{ manifests: TestDescriptor[] }>().manifests).toEqual([expected[0]]);
});

test("referrers come page by page with a Link that keeps the filter", { timeout: 240_000 }, async () => {
  const subject = await client.pushImage("paged", "subject");
  const config = await client.pushBlob("paged", "{}", types.empty);
  const pushed: string[] = [];
  for (let count = 0; count < 520; count += 20) {
    const batch = Array.from({ length: 20 }, (_, index) => {
      const annotations = { n: String(count + index) };
      return JSON.stringify({
        schemaVersion: 2,
        mediaType: types.manifest,
        artifactType: "application/x",
        config,
        layers: [],
        subject,
        annotations,
      });
    });
    await Promise.all(batch.map((text) => client.putManifest("paged", digestOf(text), text)));
    pushed.push(...batch.map((text) => digestOf(text)));
  }
  const path = `/v2/paged/referrers/${subject.digest}`;
  for (const query of ["", "?artifactType=application/x"]) {
    const pages = await readAll(path + query, referrersOf);
    expect(pages.map((page) => page.length)).toEqual([500, 20]);
    expect(pages.flat().map(({ digest }) => digest)).toEqual(pushed.toSorted());
  }
  const first = await client.get(`${path}?artifactType=application/x`);
  expect(nextOf(first.headers)).toContain("artifactType=application%2Fx");
});

test("what clients listed under the referrers tag is listed too, once, and filtered alike", async () => {
  const subject = await client.pushImage("fallback", "subject");
  const known = await client.pushImage("fallback", undefined, { subject, artifactType: "application/x.known" });
  // Older clients wrote no `subject`: only the tag says what belongs to what.
  const tagged = await client.pushImage("fallback", undefined, { artifactType: "application/x.tagged" });
  const bare = await client.pushImage("fallback", undefined, { annotations: { only: "this" } });
  const manifests = [
    { ...known, artifactType: "application/x.known" },
    { ...tagged, artifactType: "application/x.tagged", annotations: { a: "b" } },
    bare,
  ];
  const tag = subject.digest.replace(":", "-");
  const text = JSON.stringify({ schemaVersion: 2, mediaType: types.index, manifests });
  expect((await client.putManifest("fallback", tag, text, types.index)).status).toBe(201);
  const path = `/v2/fallback/referrers/${subject.digest}`;
  const listed = (await client.get(path)).json<{ manifests: TestDescriptor[] }>().manifests;
  const expected = [...manifests.slice(0, 2), { ...bare, artifactType: types.config }];
  expect(listed).toEqual(expected.toSorted((a, b) => (a.digest < b.digest ? -1 : 1)));
  const filtered = await client.get(`${path}?artifactType=application/x.tagged`);
  expect(filtered.json<{ manifests: TestDescriptor[] }>().manifests).toEqual([manifests[1]]);
  await client.call("DELETE", `/v2/fallback/manifests/${tag}`);
  expect((await client.get(path)).json<{ manifests: TestDescriptor[] }>().manifests).toEqual([manifests[0]]);
});

test("the referrers tag of a sha512 subject has 64 characters of it; an image under that tag is no list", async () => {
  const image = await client.pushImage("long", "image");
  const { text } = await client.get("/v2/long/manifests/image");
  const subject = digestOf(text, "sha512");
  await client.putManifest("long", subject, text);
  const list = JSON.stringify({ schemaVersion: 2, mediaType: types.index, manifests: [image] });
  const tag = subject.replace(":", "-").slice(0, "sha512-".length + 64);
  await client.putManifest("long", tag, list, types.index);
  const listed = await client.get(`/v2/long/referrers/${subject}`);
  expect(listed.json<{ manifests: TestDescriptor[] }>().manifests).toEqual([{ ...image, artifactType: types.config }]);
  await client.putManifest("long", tag, text);
  expect((await client.get(`/v2/long/referrers/${subject}`)).json<{ manifests: TestDescriptor[] }>().manifests).toEqual(
    [],
  );
});

test("nothing broke inside", () => {
  expect(server.errors).toEqual([]);
});
