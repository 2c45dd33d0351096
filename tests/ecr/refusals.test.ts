import { afterAll, beforeAll, expect, test } from "vitest";
import { callEcr } from "../support/ecr-wire.ts";
import { startTestServer } from "../support/start-server.ts";
import { types, WireClient } from "../support/wire-client.ts";

const server = await startTestServer();
const wire = new WireClient(() => server.url);
const registryId = "000000000000";

beforeAll(async () => {
  await wire.pushImage("app", "v1");
});
afterAll(() => server.close());

async function refusal(operation: string, input: object): Promise<[string, string]> {
  const { status, body } = await callEcr(server.url, operation, input);
  expect(status, JSON.stringify(body)).toBe(400);
  return [body.__type, body.message];
}

test("scans of images that are not there are refused by what is missing, those of others by what there is not", async () => {
  const nowhere = `The repository with name 'none' does not exist in the registry with id '${registryId}'`;
  const missing = `The image with imageId {imageDigest:'null', imageTag:'v2'} does not exist within the repository with name 'app' in the registry with id '${registryId}'`;
  for (const operation of ["DescribeImageScanFindings", "StartImageScan"]) {
    const ask = (repositoryName: string, imageId: object) => refusal(operation, { repositoryName, imageId });
    expect(await ask("none", { imageTag: "v1" })).toEqual(["RepositoryNotFoundException", nowhere]);
    expect(await ask("app", { imageTag: "v2" })).toEqual(["ImageNotFoundException", missing]);
    expect((await ask("app", {}))[0]).toBe("InvalidParameterException");
  }
  const of = { repositoryName: "app", imageId: { imageTag: "v1" } };
  expect(await refusal("DescribeImageScanFindings", of)).toEqual([
    "ScanNotFoundException",
    `Image scan does not exist for the image with '{imageDigest:'null', imageTag:'v1'}' in the repository with name 'app' in the registry with id '${registryId}'`,
  ]);
  expect((await refusal("StartImageScan", of))[0]).toBe("ValidationException");
});

test("a policy is looked at where its repository is there", async () => {
  const lifecyclePolicyText = "nonsense ".repeat(20);
  const put = async (repositoryName: string) =>
    (await refusal("PutLifecyclePolicy", { repositoryName, lifecyclePolicyText }))[0];
  expect(await put("none")).toBe("RepositoryNotFoundException");
  expect(await put("app")).toBe("InvalidParameterException");
  const set = async (repositoryName: string) =>
    (await refusal("SetRepositoryPolicy", { repositoryName, policyText: "nonsense" }))[0];
  expect(await set("none")).toBe("RepositoryNotFoundException");
  expect(await set("app")).toBe("InvalidParameterException");
});

test("a manifest that does not say what it is takes imageManifestMediaType", async () => {
  const { mediaType: _type, ...document } = JSON.parse((await wire.get("/v2/app/manifests/v1")).text);
  const of = { repositoryName: "app", imageManifest: JSON.stringify(document), imageTag: "v2" };
  expect(await refusal("PutImage", of)).toEqual([
    "InvalidParameterException",
    "image manifest mediatype not provided in manifest or parameter",
  ]);
  const put = await callEcr(server.url, "PutImage", { ...of, imageManifestMediaType: types.manifest });
  expect(put.body.image.imageManifestMediaType, put.text).toBe(types.manifest);
});
