import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { awsEnvironment } from "../support/call-boto3.ts";
import { callEcr } from "../support/ecr-wire.ts";
import { findFreePort } from "../support/free-port.ts";
import { getPeer } from "../support/peers.ts";
import { runProgram } from "../support/run.ts";
import { startTestServer } from "../support/start-server.ts";
import { openTerraform } from "../support/terraform.ts";
import { WireClient } from "../support/wire-client.ts";
import { mainFile } from "../support/main-file.ts";

/* The commands of docs/guide/ecr.md, as they stand there but for addresses. */

const folder = await mkdtemp(join(tmpdir(), "berth-guide-"));
afterAll(() => rm(folder, { recursive: true, force: true }));
const page = await readFile(resolve(import.meta.dirname, "../../docs/guide/ecr.md"), "utf8");

/** The commands below a heading, of which there is one block. */
function commandsOf(heading: string): string {
  const section = page.split(/^## /m).find((one) => one.startsWith(`${heading}\n`)) ?? "";
  const blocks = [...section.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, commands]) => commands!);
  expect(blocks, heading).toHaveLength(1);
  return blocks[0]!;
}

const bash = (script: string, env: Readonly<Record<string, string>>) =>
  runProgram("bash", ["-euo", "pipefail", "-c", script], env);

/** For commands of AWS's command line, in the folder `aws`. */
const environmentOf = (url: string, aws: string) => ({
  ...awsEnvironment(url),
  PATH: [aws, process.env["PATH"]].join(delimiter),
  AWS_PAGER: "",
  AWS_CONFIG_FILE: "/dev/null",
});

test("all blocks of commands are run by these tests", () => {
  expect(page.match(/^```sh$/gm)).toHaveLength(5);
});

test("an image that the AWS command line archives is served no more", { timeout: 180_000 }, async (context) => {
  const aws = dirname(getPeer(context, "aws"));
  const server = await startTestServer();
  try {
    const wire = new WireClient(() => server.url);
    const { digest } = await wire.pushImage("team/app", "v1");
    const { code, stderr } = await bash(commandsOf("The archive"), environmentOf(server.url, aws));
    expect(code, stderr).toBe(0);
    const { status, text } = await wire.get("/v2/team/app/manifests/v1");
    expect([status, text]).toEqual([404, expect.stringContaining("archived")]);
    const filter = { imageStatus: "ARCHIVED" };
    const { body } = await callEcr(server.url, "ListImages", { repositoryName: "team/app", filter });
    expect(body["imageIds"]).toEqual([{ imageDigest: digest, imageTag: "v1" }]);
  } finally {
    await server.close();
  }
});

test("a template that the AWS command line makes is for what is pushed", { timeout: 180_000 }, async (context) => {
  const aws = dirname(getPeer(context, "aws"));
  const server = await startTestServer();
  try {
    const { code, stderr } = await bash(commandsOf("Creation templates"), environmentOf(server.url, aws));
    expect(code, stderr).toBe(0);
    const of = { repositoryName: "prod/app" };
    const { uploadId } = (await callEcr(server.url, "InitiateLayerUpload", of)).body;
    const part = { partFirstByte: 0, partLastByte: 0, layerPartBlob: "YQ==", uploadId };
    const sent = await callEcr(server.url, "UploadLayerPart", { ...of, ...part });
    expect(sent.status, sent.text).toBe(200);
    const { body } = await callEcr(server.url, "DescribeRepositories", { repositoryNames: ["prod/app"] });
    expect(body["repositories"], JSON.stringify(body)).toMatchObject([{ imageTagMutability: "IMMUTABLE" }]);
  } finally {
    await server.close();
  }
});

test("the example works with the AWS command line", { timeout: 180_000 }, async (context) => {
  const aws = dirname(getPeer(context, "aws"));
  const server = await startTestServer();
  try {
    const script = commandsOf("An example").replaceAll("127.0.0.1:5000", server.host);
    const env = { PATH: [aws, process.env["PATH"]].join(delimiter), AWS_PAGER: "", AWS_CONFIG_FILE: "/dev/null" };
    const { code, stdout, stderr } = await bash(script, env);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain(`${server.host}/team/app\n`);
    expect(stdout.match(/"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION"/g)).toHaveLength(2);
    expect(server.errors).toEqual([]);
  } finally {
    await server.close();
  }
});

test(
  "a team moves from one registry to another with its policies and all tags, and again for what came later",
  { timeout: 300_000 },
  async (context) => {
    const programs = [getPeer(context, "aws"), getPeer(context, "crane")].map((program) => dirname(program));
    // One plays Amazon's part.
    const [old, berth] = [await startTestServer(), await startTestServer()];
    try {
      const wire = new WireClient(() => old.url);
      for (const repositoryName of ["team/app", "web"]) await callEcr(old.url, "CreateRepository", { repositoryName });
      for (const tag of ["v1", "v2"]) await wire.pushImage("team/app", tag, { annotations: { tag } });
      await wire.pushImage("web", "latest");
      const selection = { tagStatus: "untagged", countType: "imageCountMoreThan", countNumber: 3 };
      const rule = { rulePriority: 1, description: "the last three of those without a tag stay", selection };
      const lifecyclePolicyText = JSON.stringify({ rules: [{ ...rule, action: { type: "expire" } }] });
      const put = await callEcr(old.url, "PutLifecyclePolicy", { repositoryName: "web", lifecyclePolicyText });
      expect(put.status, put.text).toBe(200);

      const script = commandsOf("Moving a team from ECR to Berth")
        .replace("123456789012.dkr.ecr.eu-central-1.amazonaws.com", old.host)
        .replace("registry.example.com", berth.host)
        .replace("https://$new", "http://$new");
      const env = {
        ...awsEnvironment(""),
        ...{ HOME: folder, DOCKER_CONFIG: folder, AWS_CONFIG_FILE: join(folder, "config") },
        PATH: [...programs, process.env["PATH"]].join(delimiter),
      };
      // AWS_ENDPOINT_URL would go before the endpoint of a profile; at Amazon's it is not needed.
      await writeFile(
        join(folder, "config"),
        `[default]\nendpoint_url = ${old.url}\n[profile berth]\naws_access_key_id = any\naws_secret_access_key = any\n`,
      );
      for (const late of ["v2", "v3"]) {
        const { code, stdout, stderr } = await bash(`unset AWS_ENDPOINT_URL\n${script}`, env);
        expect(code, stdout + stderr).toBe(0);
        await wire.pushImage("team/app", late, { annotations: { tag: `${late} again` } });
      }
      const tags = async (url: string, name: string) =>
        (await new WireClient(() => url).get(`/v2/${name}/tags/list`)).text;
      expect(JSON.parse(await tags(berth.url, "team/app")).tags).toEqual(["v1", "v2"]);
      expect(await tags(berth.url, "web")).toBe(await tags(old.url, "web"));
      const [before, after] = [old.url, berth.url].map((url) => new WireClient(() => url));
      // What had moved between the two runs.
      const moved = await Promise.all([before!, after!].map((one) => one.get("/v2/team/app/manifests/v2")));
      expect(moved[1]!.text).toBe(moved[0]!.text);
      const policy = await callEcr(berth.url, "GetLifecyclePolicy", { repositoryName: "web" });
      expect(JSON.parse(policy.body.lifecyclePolicyText)).toEqual(JSON.parse(lifecyclePolicyText));
      expect([...old.errors, ...berth.errors]).toEqual([]);
    } finally {
      await old.close();
      await berth.close();
    }
  },
);

test("Terraform is tested against a registry of its own", { timeout: 400_000 }, async (context) => {
  const terraform = await openTerraform(context, "http://127.0.0.1:1");
  try {
    getPeer(context, "curl");
    const sample = await readFile(resolve(import.meta.dirname, "../fixtures/ecr/sample.tf"), "utf8");
    await terraform.write("main.tf", `${sample}\nresource "aws_kms_key" "ecr" {\n  description = "images"\n}\n`);
    const port = await findFreePort();
    await mkdir(join(folder, "bin"));
    await writeFile(join(folder, "bin/berth"), `#!/bin/sh\nexec ${process.execPath} ${mainFile} "$@"\n`);
    await chmod(join(folder, "bin/berth"), 0o755);
    const script = commandsOf("Testing Terraform offline")
      .replaceAll("127.0.0.1:5000", `127.0.0.1:${port}`)
      .replaceAll(/^terraform /gm, `terraform -chdir=${terraform.folder} `);
    const env = {
      ...terraform.env,
      PATH: [join(folder, "bin"), process.env["PATH"]].join(delimiter),
      BERTH_LISTEN: `127.0.0.1:${port}`,
    };
    const { code, stdout, stderr } = await bash(script, env);
    expect(code, stdout + stderr).toBe(0);
    expect(stdout).toContain("Apply complete! Resources: 3 added");
    expect(stdout).toContain("No changes.");
    expect(stdout).toContain("Destroy complete! Resources: 3 destroyed.");
  } finally {
    await terraform.close();
  }
});
