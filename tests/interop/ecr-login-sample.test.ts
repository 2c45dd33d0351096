import { writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { awsEnvironment } from "../support/call-boto3.ts";
import { startGuardedServer } from "../support/management-client.ts";
import { getPeer, needPeers } from "../support/peers.ts";
import { dockerClient, startDocker } from "./start-docker.ts";
import { openWorkplace } from "./workplace.ts";

/* A script of a user, as it is: a login by the AWS command line, a tag and a push with docker. */

const script = resolve(import.meta.dirname, "../fixtures/ecr/ecr-login.sh");
/** Nine digits, as the script has them. */
const account = "123456789.dkr.ecr.us-east-1.amazonaws.com";
const guarded = await startGuardedServer();
const { admin, server } = guarded;
const place = await openWorkplace();
afterAll(async () => {
  expect(server.errors).toEqual([]);
  await place.close();
  await guarded.close();
});

test("a script that logs in to ECR and pushes does so here", async (context) => {
  needPeers(context, "docker");
  const path = [dirname(getPeer(context, "aws")), dirname(dockerClient), process.env["PATH"]].join(":");
  const made = await admin.post("/users/admin/tokens", { name: "ci", aws: true });
  const keys = { id: made.body.accessKeyId, secret: made.body.secretAccessKey };
  Object.assign(place.env, awsEnvironment(server.url, keys), { PATH: path });
  await place.call("aws", "ecr", "create-repository", "--repository-name", "myapp");
  // As a proxy the registry is found under any name.
  Object.assign(place.env, { HTTP_PROXY: server.url, HTTPS_PROXY: "", NO_PROXY: "" });
  await startDocker(place, ["--insecure-registry", account]);
  for (const name of ["HTTP_PROXY", "HTTPS_PROXY"]) delete place.env[name];
  await writeFile(`${place.folder}/greeting`, "hello");
  const build = `tar -C ${place.folder} -cf - greeting | ${dockerClient} import - myapp:latest`;
  await place.call("bash", "-euo", "pipefail", "-c", build);
  const said = await place.call("bash", "-euo", "pipefail", script);
  expect(said).toContain("Login Succeeded");
  const tags = await admin.get("/repositories/myapp/-/tags");
  expect(tags.body.items.map((tag: { name: string }) => tag.name)).toEqual(["latest"]);
});
