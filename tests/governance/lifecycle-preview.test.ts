import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { describeText, imageType, linux, sha, startContentServer } from "../support/content-server.ts";
import { adminPassword } from "../support/management-client.ts";
import { runBerth } from "../support/run-berth.ts";

/* What a policy would do, over the management API and the command line. */

const content = await startContentServer();
const { admin, anonymous, server, pushImage, pushIndex, person } = content;
const home = await mkdtemp(join(tmpdir(), "berth-lifecycle-"));
afterAll(async () => {
  expect(server.errors).toEqual([]);
  await content.close();
  await rm(home, { recursive: true });
});

const guide = await readFile("docs/guide/lifecycle.md", "utf8");
const blocks = [...guide.matchAll(/```(yaml|json)\n([^]*?)```/g)].map(([, , text]) => parse(text!) as object);
const [policy, ecrPolicy] = blocks as [object, object];

const path = "/repositories/team/app/-/lifecycle/preview";
const all: Record<string, string> = {};
interface Image {
  readonly digest: string;
  readonly tags: readonly string[];
  readonly outcome: string;
  readonly rule: string | null;
  readonly because: string;
  readonly reason: string;
  readonly along: readonly string[];
  readonly bytes: number;
}
const outcomes = (images: readonly Image[]) =>
  Object.fromEntries(
    images.map(({ digest, outcome }) => [Object.keys(all).find((name) => all[name] === digest), outcome]),
  );

beforeAll(async () => {
  for (const tag of ["v1.0.0", "v1.1.0", "v1.2.0"])
    all[tag] = sha(await pushImage("team/app", linux("amd64", { tag }), tag));
  const child = await pushImage("team/app", linux("arm64"), undefined, { annotations: { stage: "test" } });
  const attestation = await pushImage("team/app", { os: "unknown", architecture: "unknown" });
  all["dev"] = sha(await pushIndex("team/app", [child, attestation], "dev"));
  const subject = { ...describeText(child, imageType) };
  all["signature"] = sha(
    await pushImage("team/app", { sig: 1 }, undefined, { subject, artifactType: "application/x.sig" }),
  );
  [all["child"], all["attestation"]] = [sha(child), sha(attestation)];
  const ended = await berth(["login", server.host, "--user", "admin", "--password-stdin"], adminPassword);
  expect(ended.code, ended.stderr).toBe(0);
});

const berth = (args: readonly string[], input = "") => runBerth(args, { HOME: home, PATH: "/nowhere" }, input);

test("every image is listed, with its outcome, reason, what goes along and bytes", async () => {
  const { status, body } = await admin.post(path, { policy });
  expect(status).toBe(200);
  expect(body).toMatchObject({ repository: "team/app", grammar: "berth", from: "the request", expired: 2, kept: 2 });
  expect(outcomes(body.images)).toEqual({ "v1.0.0": "expired", dev: "expired", "v1.1.0": "kept", "v1.2.0": "kept" });
  const images = body.images as Image[];
  const dev = images.find(({ digest }) => digest === all["dev"])!;
  expect(new Set(dev.along)).toEqual(new Set([all["child"], all["attestation"], all["signature"]]));
  expect(dev).toMatchObject({ because: "rule", rule: "old", reason: "rule old expires it" });
  expect(images.find(({ digest }) => digest === all["v1.2.0"])!.reason).toBe(
    "rule releases keeps it, although rule old would expire it",
  );
  expect(images.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(body.bytes);
  expect(dev.bytes).toBeGreaterThan(500);
});

test("nothing is changed by it", async () => {
  const { body } = await admin.get("/repositories/team/app/-/tags");
  expect(body.items.map(({ name }: { name: string }) => name)).toEqual(["dev", "v1.0.0", "v1.1.0", "v1.2.0"]);
});

test("bytes that another repository has, too, are not freed", async () => {
  const one = { rules: [{ name: "all", action: "expire" }], floor: { images: 0, percent: 100 } };
  await pushImage("team/one", linux("s390x"), "v1");
  const before = (await admin.post("/repositories/team/one/-/lifecycle/preview", { policy: one })).body;
  await pushImage("team/two", linux("s390x"), "v1");
  const after = (await admin.post("/repositories/team/one/-/lifecycle/preview", { policy: one })).body;
  expect(before.bytes - after.bytes).toBe(JSON.stringify(linux("s390x")).length);
});

test("pages follow one another, judged at the time of the first", async () => {
  const first = (await admin.post(path, { policy, limit: 3 })).body;
  const second = (await admin.post(path, { policy, limit: 3, at: first.at, after: first.next })).body;
  expect([first.images.length, first.next, second.images.length, second.next]).toEqual([3, 3, 1, null]);
  expect(outcomes([...first.images, ...second.images])).toEqual(
    outcomes((await admin.post(path, { policy })).body.images),
  );
});

test("labels and annotations, platforms and ages are facts of the rows", async () => {
  const expire = (select: object) => ({
    policy: { floor: { images: 0, percent: 100 }, rules: [{ name: "x", action: "expire", select }] },
  });
  await pushImage("team/facts", { ...linux("amd64"), config: { Labels: { team: "red" } } }, "label");
  await pushImage("team/facts", linux("arm64"), "note", { annotations: { "org.example/stage": "test" } });
  const gone = async (select: object) => {
    const { body } = await admin.post("/repositories/team/facts/-/lifecycle/preview", expire(select));
    return (body.images as Image[]).filter(({ outcome }) => outcome === "expired").flatMap(({ tags }) => tags);
  };
  expect(await gone({ labels: { team: "red" } })).toEqual(["label"]);
  expect(await gone({ annotations: { "org.example/stage": "t*" } })).toEqual(["note"]);
  expect(await gone({ platform: ["linux/arm64"] })).toEqual(["note"]);
  expect(await gone({ regex: "l.*" })).toEqual(["label"]);
});

test("ECR's and Harbor's policies are taken as they are", async () => {
  const ecr = await admin.post(path, { policy: ecrPolicy });
  expect(ecr.body).toMatchObject({ grammar: "ecr", expired: 0, kept: 4 });
  const selector = { kind: "doublestar", decoration: "matches", pattern: "v*", extras: '{"untagged":false}' };
  const rule = { action: "retain", template: "always", params: {}, tag_selectors: [selector] };
  const harbor = await admin.post(path, { policy: { algorithm: "or", rules: [rule] } });
  expect(harbor.body).toMatchObject({ grammar: "harbor", expired: 1, kept: 3 });
});

test.each<[object, RegExp]>([
  [{ rules: [] }, /the lifecycle policy cannot be taken: rules: /],
  [{ rules: [{ name: "x", action: "keep", olderThan: { days: 1 } }] }, /olderThan/],
  [
    { rules: [{ name: "x", action: "expire", select: { regex: "(" } }] },
    /rule x: "\(" is no regular expression of RE2/,
  ],
  [
    { rules: [{ rulePriority: 1 }] },
    /Lifecycle policy validation failure: object has missing required properties \(\["action","selection"\]\)/,
  ],
  [{ algorithm: "and" }, /Harbor knows "or" alone/],
])("refused: %j", async (wrong, sentence) => {
  const answer = await admin.post(path, { policy: wrong });
  expect([answer.status, answer.code]).toEqual([400, "REQUEST_INVALID"]);
  expect(answer.body.detail).toMatch(sentence);
});

test("the policy that holds is a setting, inherited; another is compared with it", async () => {
  const none = await admin.post(path);
  expect([none.status, none.code]).toEqual([404, "NOT_FOUND"]);
  expect((await admin.patch("/namespaces/team/-/settings", { set: { lifecycle: policy } })).status).toBe(200);
  expect((await admin.post(path)).body).toMatchObject({ from: "namespace team", expired: 2, difference: null });
  const milder = { rules: [{ name: "dev", action: "expire", select: { glob: ["dev", "v1.2.0"] } }] };
  const { body } = await admin.post(path, { policy: milder });
  expect(body.difference).toMatchObject({ goes: [all["v1.2.0"]], stays: [all["v1.0.0"]] });
  await admin.patch("/repositories/team/app/-/settings", { set: { lifecycle: ecrPolicy } });
  expect((await admin.post(path)).body).toMatchObject({ from: "repository team/app", grammar: "ecr", expired: 0 });
  const wrong = await admin.patch("/repositories/team/app/-/settings", { set: { lifecycle: { rules: [] } } });
  expect([wrong.status, wrong.code]).toEqual([400, "REQUEST_INVALID"]);
  await admin.patch("/repositories/team/app/-/settings", { unset: ["lifecycle"] });
  await admin.patch("/namespaces/team/-/settings", { unset: ["lifecycle"] });
});

test("it takes the right to change settings", async () => {
  expect((await person("maintainer").post(path, { policy })).status).toBe(200);
  for (const name of ["reader", "writer"]) expect((await person(name).post(path, { policy })).code).toBe("DENIED");
  expect((await anonymous.post(path, { policy })).status).toBe(401);
  expect((await admin.post(path.replace("team/app", "team/none"), { policy })).code).toBe("NAME_UNKNOWN");
});

test("the guide's example: the same from the command line, from YAML, as a table and as JSON, by a pattern", async () => {
  const file = join(home, "policy.yaml");
  await writeFile(file, /```yaml\n([^]*?)```/.exec(guide)![1]!);
  const table = await berth(["lifecycle", "preview", "team/app", "--file", file]);
  expect([table.code, table.stderr]).toEqual([0, ""]);
  expect(table.stdout).toMatch(/^team\/app: 2 images of 4 would go and free 1\.\d KiB, by the policy of the request$/m);
  expect(table.stdout).toMatch(/^OUTCOME +TAGS +DIGEST +PUSHED +FREES +ALONG +WHY$/m);
  expect(table.stdout).toMatch(
    /^expired +dev +sha256:[0-9a-f]{12} +\d{4}-\d\d-\d\d +1\.\d KiB +3 +rule old expires it$/m,
  );
  expect(table.stdout).toMatch(/^kept +v1\.2\.0 .* rule releases keeps it, although rule old would expire it$/m);
  const json = await berth(
    ["lifecycle", "preview", "team/app", "--file", "-", "--output", "json"],
    JSON.stringify(policy),
  );
  const [preview] = JSON.parse(json.stdout) as [{ images: Image[] }];
  expect(outcomes(preview.images)).toEqual(outcomes((await admin.post(path, { policy })).body.images));
  const several = await berth(["lifecycle", "preview", "team/a*", "--file", file, "--expired", "--output", "json"]);
  expect(JSON.parse(several.stdout)).toMatchObject([{ repository: "team/app", expired: 2 }]);
});

test("a command without a policy, or with a file that holds none, says what to do", async () => {
  const none = await berth(["lifecycle", "preview", "team/app"]);
  expect([none.code, none.stderr]).toEqual([1, expect.stringContaining("no lifecycle policy holds for team/app")]);
  const text = await berth(["lifecycle", "preview", "team/app", "--file", "-"], "just text");
  expect([text.code, text.stderr]).toEqual([2, expect.stringContaining("holds no policy")]);
  const unknown = await berth(["lifecycle", "preview", "none/*", "--file", "-"], JSON.stringify(policy));
  expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining("no repository that you see matches")]);
});

test("the JSON Schema of Berth's own form", async () => {
  const schema = await berth(["lifecycle", "schema"]);
  expect(JSON.parse(schema.stdout)).toMatchObject({
    $defs: { LifecyclePolicy: { required: ["rules"], additionalProperties: false } },
  });
});
