import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { awsEnvironment } from "../support/call-boto3.ts";
import { makeCertificate } from "../support/certificate.ts";
import { adminPassword, basicHeader, startGuardedServer } from "../support/management-client.ts";
import type { GuardedServer } from "../support/management-client.ts";
import { openTunnel } from "../support/open-tunnel.ts";
import type { Tunnel } from "../support/open-tunnel.ts";
import { findPeer, getPeer } from "../support/peers.ts";
import { runProgram } from "../support/run.ts";

/* Programs of Amazon's that log in where an image's host is that of an account. They find it by HTTPS, under a certificate of
   the tests, and ask it for what they ask Amazon. */

const account = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
let folder: string;
let guarded: GuardedServer | undefined;
let tunnel: Tunnel | undefined;
let env: Record<string, string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "berth-helpers-"));
  if (findPeer("openssl") === undefined) return;
  const { files } = makeCertificate(folder, account);
  guarded = await startGuardedServer({ tls: { certificate: files.cert, key: files.key } });
  tunnel = await openTunnel(Number(guarded.server.host.split(":")[1]));
  const keys = await manage(files.cert, "/users/admin/tokens", { name: "node", aws: true });
  await manage(files.cert, "/repositories", { name: "team/app" });
  env = {
    ...awsEnvironment(`https://${account}`, { id: keys["accessKeyId"]!, secret: keys["secretAccessKey"]! }),
    ...{ HOME: folder, DOCKER_CONFIG: folder, SSL_CERT_FILE: files.cert, AWS_CA_BUNDLE: files.cert },
    ...{ HTTPS_PROXY: tunnel.url, HTTP_PROXY: "", NO_PROXY: "", https_proxy: tunnel.url, no_proxy: "" },
  };
});
afterAll(async () => {
  expect(guarded?.server.errors ?? []).toEqual([]);
  await tunnel?.close();
  await guarded?.close();
  await rm(folder, { recursive: true });
});

/** Makes something over the management API, as the first owner. */
function manage(ca: string, path: string, body: object): Promise<Record<string, string>> {
  const headers = { authorization: basicHeader("admin", adminPassword), "content-type": "application/json" };
  const [host, port] = guarded!.server.host.split(":");
  const options = { host, port, path: `/api/v1${path}`, method: "POST", headers, rejectUnauthorized: ca === "" };
  return new Promise((done, failed) => {
    const asked = request(options, (answer) => {
      let text = "";
      answer.on("data", (part) => (text += String(part)));
      answer.on("end", () => {
        expect(answer.statusCode, text).toBe(201);
        done(JSON.parse(text));
      });
    });
    asked.on("error", failed);
    asked.end(JSON.stringify(body));
  });
}

test("docker's helper of Amazon logs in, and a client that calls it pushes and pulls", async (context) => {
  getPeer(context, "openssl");
  const helper = getPeer(context, "ecr-login");
  const crane = getPeer(context, "crane");
  const own = { ...env, AWS_ECR_DISABLE_CACHE: "true" };
  const got = await runProgram(helper, ["get"], own, account);
  expect(got.code, got.stderr + got.stdout).toBe(0);
  const { Username, Secret } = JSON.parse(got.stdout);
  expect([Username, typeof Secret]).toEqual(["AWS", "string"]);

  await mkdir(join(folder, "bin"));
  await symlink(helper, join(folder, "bin/docker-credential-ecr-login"));
  await writeFile(join(folder, "config.json"), JSON.stringify({ credHelpers: { [account]: "ecr-login" } }));
  const called = { ...own, PATH: [join(folder, "bin"), process.env["PATH"]].join(delimiter) };
  const run = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await runProgram(crane, args, called);
    expect(code, stdout + stderr).toBe(0);
    return stdout;
  };
  await writeFile(join(folder, "layer.tar"), Buffer.alloc(1024));
  await run("append", "--new_layer", join(folder, "layer.tar"), "--new_tag", `${account}/team/app:v1`);
  expect(await run("ls", `${account}/team/app`)).toBe("v1\n");
  // All of it went to the account's host, and nothing elsewhere.
  expect([...tunnel!.hosts]).toEqual([`${account}:443`]);

  const wrong = await runProgram(helper, ["get"], { ...own, AWS_SECRET_ACCESS_KEY: "wrong" }, account);
  expect([wrong.code === 0, wrong.stdout.includes("Secret")]).toEqual([false, false]);
});

test("the kubelet's provider answers with a login that pulls", async (context) => {
  getPeer(context, "openssl");
  const provider = getPeer(context, "ecr-credentials");
  const apiVersion = "credentialprovider.kubelet.k8s.io/v1";
  const asked = { kind: "CredentialProviderRequest", apiVersion, image: `${account}/team/app:v1` };
  const { code, stdout, stderr } = await runProgram(provider, [], env, JSON.stringify(asked));
  expect(code, stderr).toBe(0);
  const answer = JSON.parse(stdout);
  expect(answer).toMatchObject({ kind: "CredentialProviderResponse", apiVersion });
  const [[, login]] = Object.entries(answer.auth) as [[string, { username: string; password: string }]];
  expect(login.username).toBe("AWS");
  // For half of the twelve hours for which the password is good.
  expect(answer.cacheDuration).toMatch(/^(6h0m|5h59m)/);
  const crane = getPeer(context, "crane");
  const home = join(folder, "node");
  await mkdir(home);
  const node = { ...env, HOME: home, DOCKER_CONFIG: home };
  const into = ["auth", "login", account, "--username", login.username, "--password", login.password];
  const logged = await runProgram(crane, into, node);
  expect(logged.code, logged.stderr).toBe(0);
  const listed = await runProgram(crane, ["ls", `${account}/team/app`], node);
  expect(listed.code, listed.stderr).toBe(0);
});
