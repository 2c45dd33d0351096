import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { callEcr, ecrTarget } from "../support/ecr-wire.ts";
import { startGuardedServer } from "../support/management-client.ts";
import type { GuardedServer } from "../support/management-client.ts";
import { signedHeaders } from "../support/sign-as.ts";
import type { Pair } from "../support/sign-as.ts";
import { digestOf, types } from "../support/wire-client.ts";

const guarded = await startGuardedServer();
let writer: Pair;

beforeAll(async () => {
  expect((await guarded.admin.post("/namespaces", { path: "team" })).status).toBe(201);
  writer = await makeWriter(guarded);
});
afterAll(() => guarded.close());

async function makeWriter({ admin }: GuardedServer, more: object = {}): Promise<Pair> {
  const password = "a long pass phrase of nobody";
  const name = `writer${Math.random().toString(36).slice(2, 8)}`;
  expect((await admin.post("/users", { name, password })).status).toBe(201);
  await admin.post("/namespaces", { path: "team" });
  const grant = { to: { user: name }, role: "writer" };
  expect((await admin.post("/namespaces/team/-/grants", grant)).status).toBe(201);
  const made = await admin.post(`/users/${name}/tokens`, { name: "aws", aws: true, ...more });
  expect(made.status, made.text).toBe(201);
  return { accessKeyId: made.body.accessKeyId, secretAccessKey: made.body.secretAccessKey };
}

function sign({ server }: GuardedServer, pair: Pair, operation: string, body: string, more: object = {}) {
  const wish = { region: "eu-central-1", host: server.host, body, target: `${ecrTarget}${operation}` };
  const { Host: _host, "Content-Length": _length, ...headers } = signedHeaders(pair, { ...wish, ...more });
  return headers;
}

function call(on: GuardedServer, pair: Pair, operation: string, input: object = {}) {
  const body = JSON.stringify(input);
  return callEcr(on.server.url, operation, body, sign(on, pair, operation, body));
}

/** The answer to a call whose body is stated and never sent. */
function askWithoutBody(headers: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const target = { "X-Amz-Target": `${ecrTarget}UploadLayerPart`, "Content-Length": String(20 * 1024 ** 2) };
    const asked = request(guarded.server.url, { method: "POST", headers: { ...target, ...headers } });
    asked.on("error", reject).on("response", (answer) => {
      resolve(String(answer.headers["x-amzn-errortype"]));
      answer.resume();
      asked.destroy();
    });
    asked.flushHeaders();
  });
}

test("a signature that its head shows to be none is refused before the body comes", async () => {
  const signed = (pair: Pair, more: object = {}) => sign(guarded, pair, "UploadLayerPart", "{}", more);
  expect(await askWithoutBody({})).toBe("MissingAuthenticationTokenException");
  const unknown = { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: writer.secretAccessKey };
  expect(await askWithoutBody(signed(unknown))).toBe("UnrecognizedClientException");
  expect(await askWithoutBody(signed(writer, { at: Date.now() - 3_600_000 }))).toBe("InvalidSignatureException");
  expect(await askWithoutBody(signed(writer, { service: "sts" }))).toBe("InvalidSignatureException");
});

test("whoever may make a repository is told what it is like, though it may not pull", async () => {
  const pair = await makeWriter(guarded, { scope: [{ namespace: "team", actions: ["create-repository"] }] });
  const made = await call(guarded, pair, "CreateRepository", { repositoryName: "team/made" });
  expect(made.body.repository?.repositoryName, made.text).toBe("team/made");
  expect((await call(guarded, pair, "ListImages", { repositoryName: "team/made" })).body.__type).toBe(
    "AccessDeniedException",
  );
});

test("a refusal names its caller as STS does", async () => {
  const robot = await guarded.admin.post("/namespaces/team/-/robots", { name: "ci", aws: true });
  expect(robot.status, robot.text).toBe(201);
  const { message } = (await call(guarded, robot.body, "ListImages", { repositoryName: "team/none" })).body;
  expect(message).toContain("User: arn:aws:iam::000000000000:user/robot_team_ci is not authorized");
});

/** The first answer with this status, to what is asked many times at once. */
async function refused<Answer extends { readonly status: number }>(ask: () => Promise<Answer>, status: number) {
  for (let time = 0; time < 100; time++) {
    const answers = await Promise.all(Array.from({ length: 15 }, ask));
    const found = answers.find((answer) => answer.status === status);
    if (found !== undefined) return found;
  }
  throw new Error("nothing was refused");
}

test("who calls faster than allowed is told to wait, by the API and by addresses of layers", async () => {
  const slow = await startGuardedServer({ limits: { requestRate: 2 } });
  try {
    const pair = await makeWriter(slow);
    const upload = async (text: string) => {
      const repositoryName = "team/app";
      const { uploadId } = (await call(slow, pair, "InitiateLayerUpload", { repositoryName })).body;
      const part = {
        partFirstByte: 0,
        partLastByte: text.length - 1,
        layerPartBlob: Buffer.from(text).toString("base64"),
      };
      await call(slow, pair, "UploadLayerPart", { repositoryName, uploadId, ...part });
      return call(slow, pair, "CompleteLayerUpload", { repositoryName, uploadId, layerDigests: [digestOf(text)] });
    };
    expect((await call(slow, pair, "CreateRepository", { repositoryName: "team/app" })).status).toBe(200);
    for (const text of ["{}", "layer"]) expect((await upload(text)).status).toBe(200);
    const describe = (mediaType: string, text: string) => ({ mediaType, digest: digestOf(text), size: text.length });
    const manifest = { schemaVersion: 2, mediaType: types.manifest, config: describe(types.config, "{}") };
    const imageManifest = JSON.stringify({ ...manifest, layers: [describe(types.layer, "layer")] });
    const put = await call(slow, pair, "PutImage", { repositoryName: "team/app", imageManifest });
    expect(put.status, put.text).toBe(200);
    const asked = { repositoryName: "team/app", layerDigest: digestOf("layer") };
    const { downloadUrl } = (await call(slow, pair, "GetDownloadUrlForLayer", asked)).body;
    expect(downloadUrl).toContain("/ecr/layers");
    const throttled = await refused(() => call(slow, pair, "DescribeRepositories"), 400);
    expect(throttled.body.__type).toBe("ThrottlingException");
    expect((await refused(() => fetch(downloadUrl), 429)).status).toBe(429);
  } finally {
    await slow.close();
  }
});

test("parts of layers count as uploads, of which one may have a number at a time", async () => {
  const narrow = await startGuardedServer({ limits: { uploadsAtOnce: 1 } });
  try {
    const pair = await makeWriter(narrow);
    const repositoryName = "team/app";
    expect((await call(narrow, pair, "CreateRepository", { repositoryName })).status).toBe(200);
    const layerPartBlob = Buffer.alloc(100_000, "layer").toString("base64");
    const throttled = await refused(async () => {
      const { uploadId } = (await call(narrow, pair, "InitiateLayerUpload", { repositoryName })).body;
      const part = { partFirstByte: 0, partLastByte: 99_999, layerPartBlob };
      return call(narrow, pair, "UploadLayerPart", { repositoryName, uploadId, ...part });
    }, 400);
    expect(throttled.body).toMatchObject({
      __type: "ThrottlingException",
      message: expect.stringContaining("uploads"),
    });
  } finally {
    await narrow.close();
  }
});
