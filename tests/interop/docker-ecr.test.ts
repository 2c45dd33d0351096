import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { awsEnvironment } from "../support/call-boto3.ts";
import { startGuardedServer } from "../support/management-client.ts";
import { getPeer, needPeers } from "../support/peers.ts";
import { dockerClient, startDocker } from "./start-docker.ts";
import { openWorkplace } from "./workplace.ts";

/* docker on the host name of an account: the login of the AWS command line, a push, a pull, and what is refused. */

const account = "123456789012.dkr.ecr.eu-central-1.example.com";
const guarded = await startGuardedServer();
const { admin, server } = guarded;
const place = await openWorkplace();
afterAll(async () => {
  expect(server.errors).toEqual([]);
  await place.close();
  await guarded.close();
});

test(
  "docker logs in with aws ecr get-login-password, pushes and pulls; refusals read as at Amazon's",
  { timeout: 900_000 },
  async (context) => {
    needPeers(context, "docker");
    const path = [dirname(getPeer(context, "aws")), process.env["PATH"]].join(":");
    const made = await admin.post("/users/admin/tokens", { name: "ci", aws: true });
    const keys = { id: made.body.accessKeyId, secret: made.body.secretAccessKey };
    Object.assign(place.env, awsEnvironment(server.url, keys), { PATH: path });
    await admin.post("/namespaces", { path: "team" });
    await place.call(
      ...(["aws", "ecr", "create-repository", "--repository-name", "team/app"] as const),
      ...(["--image-tag-mutability", "IMMUTABLE"] as const),
    );
    // As a proxy the registry is found under any name.
    Object.assign(place.env, { HTTP_PROXY: server.url, HTTPS_PROXY: "", NO_PROXY: "" });
    await startDocker(place, ["--insecure-registry", account]);
    for (const name of ["HTTP_PROXY", "HTTPS_PROXY"]) delete place.env[name];
    const login = `aws ecr get-login-password | ${dockerClient} login --username AWS --password-stdin ${account}`;
    await place.call("bash", "-euo", "pipefail", "-c", login);
    await writeFile(join(place.folder, "greeting"), "hello");
    const import_ = `tar -C ${place.folder} -cf - greeting | ${dockerClient} import - ${account}/team/app:v1.0.0`;
    await place.call("bash", "-euo", "pipefail", "-c", import_);
    await place.call(dockerClient, "push", `${account}/team/app:v1.0.0`);
    await place.call(dockerClient, "image", "rm", `${account}/team/app:v1.0.0`);
    await place.call(dockerClient, "pull", `${account}/team/app:v1.0.0`);
    await place.call(dockerClient, "tag", `${account}/team/app:v1.0.0`, `${account}/team/nil:v1`);
    const missing = await place.refuse(dockerClient, "push", `${account}/team/nil:v1`);
    expect(missing).toContain("repository with name 'team/nil' does not exist in the registry with id '000000000000'");
    await writeFile(join(place.folder, "greeting"), "another");
    await place.call("bash", "-euo", "pipefail", "-c", import_);
    const moved = await place.refuse(dockerClient, "push", `${account}/team/app:v1.0.0`);
    expect(moved).toContain("cannot be overwritten because the repository is immutable");
  },
);
