import { createHash, randomBytes } from "node:crypto";
import { afterAll, expect, test } from "vitest";
import { findFreePort } from "../support/free-port.ts";
import { basicHeader, startGuardedServer } from "../support/management-client.ts";
import { needPeers } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";
import { DevicePage, SsoTestProvider, TestBrowser } from "../support/sso-provider.ts";
import { githubClaims, startIssuer } from "../support/test-issuer.ts";

/* What two nodes of one registry know of each other's logins, by their rows on PostgreSQL alone. */

const postgres = await startPostgres();
const [provider, issuer] = [await SsoTestProvider.listen(), await startIssuer()];
const listen = `127.0.0.1:${await findFreePort()}`;
const settings = {
  ...(postgres === undefined ? {} : { database: postgres.url }),
  ...{ publicUrl: `http://${listen}`, outgoing: { allow: ["127.0.0.0/8"] }, sso: [provider.settings("kept")] },
};
const one = await startGuardedServer({ ...settings, listen });
const two = await startGuardedServer(settings);
provider.serve([`${settings.publicUrl}/api/v1/sso/kept/callback`]);
afterAll(async () => {
  await one.close();
  await two.close();
  provider.close();
  await issuer.close();
  await postgres?.stop();
});

const posts = (path: string, bodies: readonly (string | URLSearchParams)[]) =>
  Promise.all(
    [one, two, one, two].flatMap(({ server }) =>
      bodies.map((body) => fetch(`${server.url}${path}`, { method: "POST", body })),
    ),
  );
const statusesOf = (answers: readonly Response[]) => answers.map(({ status }) => status).toSorted((a, b) => a - b);

test("a login by a browser goes over two nodes, and its code is good once at both (PostgreSQL)", async (context) => {
  if (postgres === undefined) return needPeers(context, "postgresql");
  const verifier = randomBytes(32).toString("base64url");
  const challenge = createHash("sha256").update(verifier).digest("base64url");
  const query = new URLSearchParams({
    ...{ redirect_uri: "http://127.0.0.1:9/callback", code_challenge: challenge, state: "mine" },
  });
  const { url } = await new TestBrowser().open(`${two.server.url}/api/v1/sso/kept/start?${query.toString()}`);
  const code = new URL(url).searchParams.get("code")!;
  const answers = await posts("/api/v1/sso/token", [JSON.stringify({ code, verifier })]);
  expect(statusesOf(answers)).toEqual([200, 401, 401, 401]);
  const { token } = (await answers.find(({ status }) => status === 200)!.json()) as { token: string };
  for (const node of [one, two]) {
    const whoAmI = async () => (await node.by(`Bearer ${token}`).get("/me")).body?.name;
    await expect.poll(whoAmI).toBe("user:alice");
  }
  expect((await one.admin.get("/groups/dev/members")).body.items).toHaveLength(1);
});

test("a machine asks one node, its user types the code at another, and both give one token (PostgreSQL)", async (context) => {
  if (postgres === undefined) return needPeers(context, "postgresql");
  const form = new URLSearchParams({ client_id: "build-7" });
  const begun = await fetch(`${one.server.url}/api/v1/sso/device`, { method: "POST", body: form });
  const { device_code, user_code } = (await begun.json()) as Record<string, string>;
  const page = new DevicePage(two.server.url, settings.publicUrl);
  expect((await page.letIn(await page.type(user_code!))).text).toContain("is logged in as alice");
  const grant_type = "urn:ietf:params:oauth:grant-type:device_code";
  const answers = await posts("/api/v1/sso/device/token", [
    new URLSearchParams({ grant_type, device_code: device_code! }),
  ]);
  expect(statusesOf(answers)).toEqual([200, 400, 400, 400]);
});

test("a trust rule that one node makes and changes is believed at the other within two seconds (PostgreSQL)", async (context) => {
  if (postgres === undefined) return needPeers(context, "postgresql");
  await one.admin.post("/namespaces", { path: "acme" });
  const rule = { name: "github", issuer: issuer.url, audience: "registry.example.com" };
  const conditions = [{ claim: ["repository_owner"], equals: "acme" }];
  const made = await one.admin.post("/trust-rules", {
    ...{ ...rule, conditions, grants: [{ namespace: "acme", role: "writer" }] },
  });
  expect(made.status, made.text).toBe(201);
  const authorization = basicHeader("oidc", await issuer.sign(githubClaims));
  const status = async () => (await fetch(`${two.server.url}/v2/`, { headers: { authorization } })).status;
  await expect.poll(status).toBe(200);
  const disabled = await one.admin.patch("/trust-rules/github", { disabled: true });
  expect(disabled.status, disabled.text).toBe(200);
  await expect.poll(status).toBe(401);
});
