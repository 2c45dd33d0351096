import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { awsEnvironment } from "../support/call-boto3.ts";
import { callEcr } from "../support/ecr-wire.ts";
import { getPeer } from "../support/peers.ts";
import { runProgram } from "../support/run.ts";
import { startTestServer } from "../support/start-server.ts";
import { digestOf, types, WireClient } from "../support/wire-client.ts";

/* A script of a user, as it is, against a registry that holds what it expects. */

const script = resolve(import.meta.dirname, "../fixtures/ecr/ecr_cleanup.py");
const repositoryName = "my-app";
const old = 120;

test("a script that removes old images without a tag does, a page a run, and breaks no image of several platforms", async (context) => {
  const boto3 = getPeer(context, "boto3");
  const server = await startTestServer();
  try {
    const wire = new WireClient(() => server.url);
    const image = await wire.pushImage(repositoryName, "v1");
    const text = (await wire.get(`/v2/${repositoryName}/manifests/v1`)).text;
    const push = async (n: string) => {
      const one = JSON.stringify({ ...JSON.parse(text), annotations: { n } });
      expect((await wire.putManifest(repositoryName, digestOf(one), one)).status).toBe(201);
      return { mediaType: types.manifest, digest: digestOf(one), size: Buffer.byteLength(one) };
    };
    for (let n = 0; n < old; n++) await push(`old ${n}`);
    const manifests = [await push("amd64"), await push("arm64")];
    const index = JSON.stringify({ schemaVersion: 2, mediaType: types.index, manifests });
    expect((await wire.putManifest(repositoryName, "multi", index, types.index)).status).toBe(201);

    // Eight days go by.
    await server.stop();
    const rows = new DatabaseSync(join(server.config.data, "berth.db"));
    rows.exec(`update manifest set created_at = created_at - ${8 * 86_400_000}`);
    rows.close();
    await server.start();
    const young = [await push("young 1"), await push("young 2")];

    const untagged = async () => {
      const input = { repositoryName, filter: { tagStatus: "UNTAGGED" }, maxResults: 1000 };
      const { body } = await callEcr(server.url, "DescribeImages", input);
      return body.imageDetails.map((one: { imageDigest: string }) => one.imageDigest) as string[];
    };
    expect(await untagged()).toHaveLength(old + manifests.length + young.length);
    const kept = [...manifests, ...young].map(({ digest }) => digest);
    const said: string[] = [];
    // It asks for one page of 100, takes what an index lists for deleted, and does not look at what it is told is not.
    for (let run = 0; run < 5 && (await untagged()).length > kept.length; run++) {
      const { code, stdout, stderr } = await runProgram(boto3, [script], awsEnvironment(server.url));
      expect(code, stderr).toBe(0);
      said.push(stdout);
    }
    expect(said).toEqual(["Deleted 98 images\n", "Deleted 26 images\n"]);
    expect(new Set(await untagged())).toEqual(new Set(kept));
    for (const reference of ["v1", image.digest, "multi", ...kept]) {
      expect((await wire.get(`/v2/${repositoryName}/manifests/${reference}`)).status, reference).toBe(200);
    }
    expect(server.errors).toEqual([]);
  } finally {
    await server.close();
  }
});
