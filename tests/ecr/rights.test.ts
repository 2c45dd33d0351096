import { afterAll, beforeAll, expect, test } from "vitest";
import { operations } from "../../src/api/ecr/operations.ts";
import { callBoto3 } from "../support/call-boto3.ts";
import { authorizationIn, callEcr, ecrTarget } from "../support/ecr-wire.ts";
import { startGuardedServer } from "../support/management-client.ts";
import { signedHeaders } from "../support/sign-as.ts";
import type { Pair } from "../support/sign-as.ts";
import { digestOf, types } from "../support/wire-client.ts";

const guarded = await startGuardedServer();
const { server, admin } = guarded;
const pairs = new Map<string, Pair>();
const cast = ["stranger", "reader", "writer", "maintainer"] as const;
type Who = (typeof cast)[number];
const password = "a long pass phrase of nobody";

beforeAll(async () => {
  await admin.post("/namespaces", { path: "team" });
  for (const who of cast) {
    expect((await admin.post("/users", { name: who, password })).status).toBe(201);
    if (who !== "stranger") {
      const grant = { to: { user: who }, role: who };
      expect((await admin.post("/namespaces/team/-/grants", grant)).status).toBe(201);
    }
    await makePair(who);
  }
  await makePair("admin");
  const made = await call("admin", "CreateRepository", { repositoryName: "team/app" });
  expect(made.status, made.text).toBe(200);
});
afterAll(() => guarded.close());

async function makePair(who: string): Promise<number> {
  const made = await admin.post(`/users/${who}/tokens`, { name: `aws-${pairs.size}`, aws: true });
  expect(made.status, made.text).toBe(201);
  pairs.set(who, { accessKeyId: made.body.accessKeyId, secretAccessKey: made.body.secretAccessKey });
  return made.body.id;
}

async function call(who: string, operation: string, input: object = {}) {
  const body = JSON.stringify(input);
  const wish = { region: "eu-central-1", host: server.host, body, target: `${ecrTarget}${operation}` };
  const { Host: _host, "Content-Length": _length, ...headers } = signedHeaders(pairs.get(who)!, wish);
  return callEcr(server.url, operation, body, headers);
}

const repositoryName = "team/app";
const imageIds = [{ imageTag: "none" }];
const resourceArn = "arn:aws:ecr:eu-central-1:000000000000:repository/team/app";
const uploadId = "unknown";
/** For each operation that is served: an input that changes nothing where it is allowed, and who is the least that may. */
const least: Readonly<Record<string, readonly [Who, object]>> = {
  BatchCheckLayerAvailability: ["reader", { repositoryName, layerDigests: [digestOf("none")] }],
  BatchDeleteImage: ["maintainer", { repositoryName, imageIds }],
  BatchGetImage: ["reader", { repositoryName, imageIds }],
  CompleteLayerUpload: ["writer", { repositoryName, uploadId, layerDigests: [digestOf("none")] }],
  CreateRepository: ["writer", { repositoryName }],
  DeleteRepository: ["maintainer", { repositoryName: "team/none" }],
  DescribeImageReplicationStatus: ["reader", { repositoryName, imageId: imageIds[0] }],
  DescribeImageScanFindings: ["reader", { repositoryName, imageId: imageIds[0] }],
  DescribeImageSigningStatus: ["reader", { repositoryName, imageId: imageIds[0] }],
  DescribeImages: ["reader", { repositoryName }],
  DescribeRepositories: ["reader", { repositoryNames: [repositoryName] }],
  GetDownloadUrlForLayer: ["reader", { repositoryName, layerDigest: digestOf("none") }],
  InitiateLayerUpload: ["writer", { repositoryName }],
  ListImageReferrers: ["reader", { repositoryName, subjectId: { imageDigest: digestOf("none") } }],
  ListImages: ["reader", { repositoryName }],
  ListTagsForResource: ["reader", { resourceArn }],
  PutImage: ["writer", { repositoryName, imageManifest: "{}" }],
  PutImageScanningConfiguration: ["maintainer", { repositoryName, imageScanningConfiguration: {} }],
  StartImageScan: ["reader", { repositoryName, imageId: imageIds[0] }],
  TagResource: ["maintainer", { resourceArn, tags: [] }],
  UntagResource: ["maintainer", { resourceArn, tagKeys: [] }],
  UpdateImageStorageClass: ["maintainer", { repositoryName, imageId: imageIds[0], targetStorageClass: "ARCHIVE" }],
  UploadLayerPart: ["writer", { repositoryName, uploadId, partFirstByte: 0, partLastByte: 0, layerPartBlob: "YQ==" }],
};
/** About the whole account, which is the root here: none of the cast has anything there. */
const ofRoot = [
  "CreateRepositoryCreationTemplate",
  "UpdateRepositoryCreationTemplate",
  "DescribeRepositoryCreationTemplates",
  "DeleteRepositoryCreationTemplate",
  "CreatePullThroughCacheRule",
  "UpdatePullThroughCacheRule",
  "DescribePullThroughCacheRules",
  "ValidatePullThroughCacheRule",
  "DeletePullThroughCacheRule",
  "DescribeRegistry",
  "GetAccountSetting",
  "GetRegistryScanningConfiguration",
  "ListPullTimeUpdateExclusions",
  "PutAccountSetting",
  "PutRegistryScanningConfiguration",
  "PutReplicationConfiguration",
  // In this order, what is set is shown, and taken back.
  "PutSigningConfiguration",
  "GetSigningConfiguration",
  "DeleteSigningConfiguration",
  "RegisterPullTimeUpdateExclusion",
  "DeregisterPullTimeUpdateExclusion",
];
/** What is asked about what others have is a failure of its own, or not in the answer. */
const ofAnybody = ["BatchGetRepositoryScanningConfiguration", "GetAuthorizationToken"];

test("each operation is refused to whoever has less than it takes, in the words of the service", async () => {
  const served = Object.entries(operations).filter(([, entry]) => "run" in entry);
  // What others serve has tests of its own beside it.
  const own = served.map(([name]) => name).filter((name) => !/Polic|Mutability/.test(name));
  expect(own.toSorted()).toEqual([...Object.keys(least), ...ofRoot, ...ofAnybody].toSorted());
  for (const [operation, [who, input]] of Object.entries(least)) {
    for (const caller of cast) {
      const { status, body } = await call(caller, operation, input);
      const denied = status === 400 && body.__type === "AccessDeniedException";
      expect(denied, `${operation} by ${caller}: ${JSON.stringify(body)}`).toBe(
        cast.indexOf(caller) < cast.indexOf(who),
      );
      if (!denied) continue;
      const name = operation === "DeleteRepository" ? "team/none" : repositoryName;
      expect(body.message).toBe(
        `User: arn:aws:iam::000000000000:user/${caller} is not authorized to perform: ecr:${operation} on resource: arn:aws:ecr:eu-central-1:000000000000:repository/${name} because no identity-based policy allows the ecr:${operation} action`,
      );
    }
  }
  const principalArn = "arn:aws:iam::000000000000:user/scanner";
  const signingConfiguration = { rules: [] };
  const setting = {
    ...{ name: "REGISTRY_POLICY_SCOPE", value: "V2", replicationConfiguration: { rules: [] }, principalArn },
    signingConfiguration,
    ...{ prefix: "ROOT", appliedFor: [], ecrRepositoryPrefix: "k8s", upstreamRegistryUrl: "registry.k8s.io" },
  };
  for (const operation of ofRoot) {
    expect((await call("maintainer", operation, setting)).body.__type, operation).toBe("AccessDeniedException");
    expect((await call("admin", operation, setting)).status, operation).toBe(200);
  }
});

test("what is private and what is not there are refused alike, and lists show what the caller may see", async () => {
  const asked = async (name: string) => {
    const { status, body } = await call("stranger", "DescribeImages", { repositoryName: name });
    return [status, JSON.stringify(body).replaceAll(name, "NAME")];
  };
  expect(await asked("team/app")).toEqual(await asked("team/nil"));
  const scanned = async (who: string) => {
    const names = { repositoryNames: ["team/app", "team/nil"] };
    const { scanningConfigurations, failures } = (await call(who, "BatchGetRepositoryScanningConfiguration", names))
      .body;
    return [scanningConfigurations, failures].map((all) => all.map((one: any) => one.repositoryName));
  };
  expect(await scanned("reader")).toEqual([["team/app"], ["team/nil"]]);
  expect(await scanned("stranger")).toEqual([[], ["team/app", "team/nil"]]);
  const listed = async (who: string) =>
    (await call(who, "DescribeRepositories")).body.repositories.map((one: any) => one.repositoryName);
  expect(await listed("stranger")).toEqual([]);
  expect(await listed("reader")).toEqual(["team/app"]);
});

test("to let tags move that a namespace keeps takes manage-settings; a writer's repository is as the namespace says", async () => {
  const mode = async (who: string, repositoryName: string, more: object = {}) => {
    const { status, body } = await call(who, "CreateRepository", { repositoryName, ...more });
    return status === 200 ? body.repository.imageTagMutability : body.__type;
  };
  expect(await mode("writer", "team/plain")).toBe("MUTABLE_WITH_EXCLUSION");
  expect(await mode("writer", "team/loose", { imageTagMutability: "MUTABLE" })).toBe("AccessDeniedException");
  expect(await mode("writer", "team/strict", { imageTagMutability: "IMMUTABLE" })).toBe("IMMUTABLE");
  expect(await mode("maintainer", "team/loose", { imageTagMutability: "MUTABLE" })).toBe("MUTABLE");
  expect(await mode("maintainer", "team/own")).toBe("MUTABLE");
});

test("signatures that are missing, wrong or of another service are refused, and a revoked key at once", async () => {
  const type = async (headers: Record<string, string>) =>
    (await callEcr(server.url, "DescribeRepositories", {}, headers)).body.__type;
  expect(await type({ authorization: "" })).toMatch(/MissingAuthenticationToken|IncompleteSignature/);
  expect(await type({ authorization: authorizationIn("eu-central-1") })).toMatch(/Exception$/);
  const body = "{}";
  const wish = { region: "eu-central-1", host: server.host, body, target: `${ecrTarget}DescribeRepositories` };
  const sign = (pair: Pair, more: object = {}) => {
    const { Host: _host, "Content-Length": _length, ...headers } = signedHeaders(pair, { ...wish, ...more });
    return headers;
  };
  const pair = pairs.get("reader")!;
  expect(await type(sign(pair))).toBeUndefined();
  expect(await type(sign(pair, { service: "sts", target: wish.target }))).toBe("InvalidSignatureException");
  expect(await type(sign(pair, { body: '{"maxResults":1}' }))).toBe("InvalidSignatureException");
  expect(await type(sign({ ...pair, secretAccessKey: "x".repeat(40) }))).toBe("InvalidSignatureException");
  const token = await makePair("reader");
  const lost = pairs.get("reader")!;
  expect(await type(sign(lost))).toBeUndefined();
  expect((await admin.delete(`/users/reader/tokens/${token}`)).status).toBe(204);
  expect(await type(sign(lost))).toBe("UnrecognizedClientException");
  pairs.set("reader", pair);
});

test("the password of a login pushes and pulls as its caller, and an address of a layer ends with the caller's rights", async (context) => {
  const pair = pairs.get("writer")!;
  const keys = { id: pair.accessKeyId, secret: pair.secretAccessKey };
  const [login] = await callBoto3(context, server.url, [["get_authorization_token", {}]], keys);
  const [{ authorizationToken, expiresAt }] = login.authorizationData;
  expect(expiresAt - Date.now() / 1000).toBeGreaterThan(11 * 3600);
  const authorization = `Basic ${authorizationToken}`;
  const v2 = (method: string, path: string, body?: string, type: string = types.layer) =>
    fetch(`${server.url}/v2/${path}`, {
      method,
      headers: { authorization, "content-type": type },
      ...(body === undefined ? {} : { body }),
    });
  for (const text of ["{}", "layer"]) {
    expect((await v2("POST", `team/app/blobs/uploads/?digest=${digestOf(text)}`, text)).status).toBe(201);
  }
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: types.manifest,
    config: { mediaType: types.config, digest: digestOf("{}"), size: 2 },
    layers: [{ mediaType: types.layer, digest: digestOf("layer"), size: 5 }],
  });
  expect((await v2("PUT", "team/app/manifests/v1", manifest, types.manifest)).status).toBe(201);
  expect((await v2("GET", "hers/app/manifests/v1")).status).toBe(403);

  const asked = await call("reader", "GetDownloadUrlForLayer", { repositoryName, layerDigest: digestOf("layer") });
  const url = new URL(asked.body.downloadUrl);
  expect(await (await fetch(url)).text()).toBe("layer");
  const forged = new URL(url);
  const grant = url.searchParams.get("grant")!;
  forged.searchParams.set("grant", `${grant.slice(0, 40)}${grant[40] === "A" ? "B" : "A"}${grant.slice(41)}`);
  expect((await fetch(forged)).status).toBe(403);
  expect((await fetch(new URL("/ecr/layers", url))).status).toBe(403);
  expect((await fetch(url, { method: "DELETE" })).status).toBe(405);
  const grants = (await admin.get("/namespaces/team/-/grants")).body.items;
  const { id } = grants.find((one: any) => JSON.stringify(one).includes("reader"));
  expect((await admin.delete(`/namespaces/team/-/grants/${id}`)).status).toBe(204);
  expect((await fetch(url)).status).toBe(403);
  expect(server.log.requests.join("\n")).not.toContain("grant=");
});
