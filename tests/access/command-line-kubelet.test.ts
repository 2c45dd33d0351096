import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { expectGolden } from "../support/golden.ts";
import { runBerth } from "../support/run-berth.ts";
import { ScriptedServer } from "../support/scripted-server.ts";

const folder = await mkdtemp(join(tmpdir(), "berth-kubelet-"));
const server = new ScriptedServer();
await server.listen();
afterEach(() => server.finish());
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

const apiVersion = "credentialprovider.kubelet.k8s.io/v1";
const provide = (request: object | string, ...more: readonly string[]) =>
  runBerth(
    ["credential-provider", "--server", server.host, ...more],
    { HOME: folder },
    typeof request === "string" ? request : JSON.stringify(request),
  );
// As k8s.io/kubelet v0.37.1 writes it.
const requestFor = (image: string, more: object = {}) => ({
  kind: "CredentialProviderRequest",
  apiVersion,
  image,
  ...more,
});
const exchanged = { access_token: "short", token_type: "Bearer", expires_in: 300 };

/** The server is asked whether it speaks TLS, then for the exchange. */
function expectExchange(): void {
  server.expect("POST /token", ({ body }) => {
    const form = new URLSearchParams(body);
    const type = "urn:ietf:params:oauth:token-type:";
    const wanted = form.get("subject_token_type") === `${type}jwt`;
    return wanted
      ? { status: 200, json: { ...exchanged, access_token: `short for ${form.get("subject_token")}` } }
      : { status: 400 };
  });
}

test("a pod's service account token is the login at our host once the server took it, in the published form", async () => {
  expectExchange();
  const annotations = { serviceAccountAnnotations: { "example.com/team": "a" } };
  const request = requestFor(`${server.host}/team/app:1`, { serviceAccountToken: "pod-jwt", ...annotations });
  const { code, stdout, stderr } = await provide(request);
  expect([code, stderr]).toEqual([0, ""]);
  // The golden file was decoded strictly, without a loss, by the types of k8s.io/kubelet v0.37.1.
  await expectGolden("credential-provider.txt", stdout.replace(server.host, "registry.example.com"));
});

test("a node's identity is read from a file when the kubelet sends no service account token", async () => {
  expectExchange();
  await writeFile(join(folder, "node-token"), "node-jwt\n");
  const { code, stdout } = await provide(requestFor(`${server.host}/app`), "--token-file", join(folder, "node-token"));
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    cacheDuration: "240s",
    auth: { [server.host]: { username: "oidc", password: "node-jwt" } },
  });
});

test.each(["registry.example.com/app:1", "127.0.0.1/app", "docker.io/library/alpine"])(
  "an identity is never sent for an image of another registry: %s",
  async (image) => {
    const { code, stdout } = await provide(requestFor(image, { serviceAccountToken: "pod-jwt" }));
    expect([code, JSON.parse(stdout)]).toEqual([0, expect.objectContaining({ auth: {}, cacheDuration: "0s" })]);
  },
);

test("what the server says no to is told, without the token", async () => {
  const json = { error: "invalid_grant", error_description: "no trust rule takes this token" };
  server.expect("POST /token", { status: 400, json });
  const { code, stdout, stderr } = await provide(requestFor(`${server.host}/app`, { serviceAccountToken: "pod-jwt" }));
  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr).toContain("does not exchange the identity token: no trust rule takes this token");
  expect(stderr).not.toContain("pod-jwt");
});

test("without any identity it says where one comes from", async () => {
  const { code, stderr } = await provide(requestFor(`${server.host}/app`));
  expect([code, stderr]).toEqual([2, expect.stringContaining("tokenAttributes in its CredentialProviderConfig")]);
});

test.each([
  ["hello", "no JSON"],
  [{ ...requestFor("a/b"), apiVersion: "credentialprovider.kubelet.k8s.io/v1beta1" }, "apiVersion"],
  [{ apiVersion, kind: "CredentialProviderRequest" }, "image"],
])("%j is refused", async (request, why) => {
  const { code, stdout, stderr } = await provide(request);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toContain(why);
});

test("identities are not sent in clear beyond this machine", async () => {
  const request = JSON.stringify(requestFor("registry.example.com/app", { serviceAccountToken: "pod-jwt" }));
  const args = ["credential-provider", "--server", "http://registry.example.com"];
  const { code, stderr } = await runBerth(args, { HOME: folder }, request);
  expect([code, stderr]).toEqual([2, expect.stringContaining("over plain HTTP")]);
});
