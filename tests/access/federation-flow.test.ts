import Provider from "oidc-provider";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exchangeToken } from "../../src/cli/exchange-token.ts";
import { adminPassword, basicHeader, startGuardedServer } from "../support/management-client.ts";
import { digestOf } from "../support/open-registry.ts";
import { githubClaims, gitlabClaims, startIssuer } from "../support/test-issuer.ts";

const issuer = await startIssuer();
const guarded = await startGuardedServer({ outgoing: { allow: ["127.0.0.0/8"] } });
const { admin, server } = guarded;
afterAll(async () => {
  await guarded.close();
  await issuer.close();
});

const audience = "registry.example.com";
beforeAll(async () => {
  await admin.post("/namespaces", { path: "acme" });
  const grants = [{ namespace: "acme", role: "writer" }];
  const conditions = [{ claim: ["repository_owner"], equals: "acme" }];
  const made = await admin.post("/trust-rules", { name: "github", issuer: issuer.url, audience, conditions, grants });
  expect(made.status).toBe(201);
});

const push = async (authorization: string, repository = "acme/app") => {
  const bytes = `layer ${Math.random()}`;
  const path = `${server.url}/v2/${repository}/blobs/uploads/?digest=${digestOf(Buffer.from(bytes))}`;
  return fetch(path, {
    method: "POST",
    body: bytes,
    headers: { authorization, "content-length": String(bytes.length) },
  });
};
const exchange = (fields: Record<string, string>) =>
  fetch(`${server.url}/token`, { method: "POST", body: new URLSearchParams(fields) });
const exchanging = (token: string, more: Record<string, string> = {}) =>
  exchange({
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    subject_token: token,
    subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
    scope: "repository:acme/app:pull,push",
    ...more,
  });

test("docker login with the user name oidc: the identity token is the password", async () => {
  const token = await issuer.sign(githubClaims);
  const header = basicHeader("oidc", token);
  expect((await fetch(`${server.url}/v2/`, { headers: { authorization: header } })).status).toBe(200);
  expect((await push(header)).status).toBe(201);
  expect((await push(header, "other/app")).status).toBe(403);
  const { body: me } = await guarded.by(header).get("/me");
  expect(me).toMatchObject({ kind: "workload", name: "workload:github/repo:acme/app:ref:refs/heads/main" });
});

test("RFC 8693: an identity token is exchanged for a short token of the registry, good for its scope alone", async () => {
  const answer = await exchanging(await issuer.sign(githubClaims));
  const text = await answer.text();
  expect(answer.status, text).toBe(200);
  const issued = JSON.parse(text) as { access_token: string; expires_in: number };
  expect(issued).toMatchObject({
    token_type: "Bearer",
    issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
  });
  expect(issued.expires_in).toBeLessThanOrEqual(300);
  expect((await push(`Bearer ${issued.access_token}`)).status).toBe(201);
  expect((await push(`Bearer ${issued.access_token}`, "acme/other")).status).toBe(401);
});

test("the command that kubelets run exchanges at the same door", async () => {
  const { token } = await exchangeToken({ url: server.url, ca: undefined }, await issuer.sign(githubClaims));
  expect((await fetch(`${server.url}/v2/`, { headers: { authorization: `Bearer ${token}` } })).status).toBe(200);
  await expect(exchangeToken({ url: server.url, ca: undefined }, "x.y.z")).rejects.toThrow(/it is no JSON Web Token/);
});

test.each(["oidc", "token"])("nobody is called %s, which says how one logs in", async (name) => {
  expect((await admin.post("/users", { name, password: "correct horse battery" })).code).toBe("CONFLICT");
});

test("a token ends with the identity token that it was exchanged for, and with the rule", async () => {
  const soon = Math.floor(Date.now() / 1000) + 20;
  const { expires_in } = (await (await exchanging(await issuer.sign({ ...githubClaims, exp: soon }))).json()) as {
    expires_in: number;
  };
  expect(expires_in).toBeLessThanOrEqual(20);
  const { access_token } = (await (await exchanging(await issuer.sign(githubClaims))).json()) as {
    access_token: string;
  };
  expect((await push(`Bearer ${access_token}`)).status).toBe(201);
  await admin.patch("/trust-rules/github", { disabled: true });
  expect((await push(`Bearer ${access_token}`)).status).toBe(401);
  await admin.patch("/trust-rules/github", { disabled: false });
  expect((await push(`Bearer ${access_token}`)).status).toBe(401);
});

test.each([
  [
    "a type that is none of ours",
    { subject_token_type: "urn:ietf:params:oauth:token-type:saml2" },
    400,
    /subject_token_type/,
  ],
  [
    "a wish for another type",
    { requested_token_type: "urn:ietf:params:oauth:token-type:refresh_token" },
    400,
    /requested_token_type/,
  ],
  ["a token that is none", { subject_token: "x" }, 401, /it is no JSON Web Token/],
] as const)("an exchange with %s is refused with a clear error", async (_what, more, status, message) => {
  const answer = await exchanging(await issuer.sign(githubClaims), more);
  expect([answer.status, await answer.text()]).toEqual([status, expect.stringMatching(message)]);
});

test("what is wrong with an identity token is said in the answer and in the trail, without the token (threat 40)", async () => {
  const token = await issuer.sign({ ...githubClaims, aud: "elsewhere.example.com" });
  const answer = await push(basicHeader("oidc", token));
  const text = await answer.text();
  expect(answer.status).toBe(401);
  expect(text).toMatch(
    /no trust rule takes one of the subject repo:acme\/app:ref:refs\/heads\/main for the audience elsewhere/,
  );
  expect(text).not.toContain(token.slice(-40));
});

test("an issuer that is down is no harm to others", async () => {
  const gone = await startIssuer();
  const conditions = [{ claim: ["project_path"], equals: "acme/web" }];
  const grants = [{ namespace: "acme", role: "writer" }];
  await admin.post("/trust-rules", { name: "gitlab", issuer: gone.url, audience, conditions, grants });
  const token = await gone.sign(gitlabClaims);
  await gone.close();
  const answer = await push(basicHeader("oidc", token));
  expect([answer.status, await answer.text()]).toEqual([
    503,
    expect.stringMatching(/keys of the issuer .* cannot be read: .*ECONNREFUSED/),
  ]);
  expect((await push(basicHeader("admin", adminPassword))).status).toBe(201);
  expect((await push(basicHeader("oidc", await issuer.sign(githubClaims)))).status).toBe(201);
});

test("tokens of a kept OpenID provider, with GitLab-shaped claims, are taken and exchanged", async () => {
  const port = createServer();
  await new Promise<void>((resolve) => port.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(port.address() as AddressInfo).port}`;
  const { sub: _, ...claims } = gitlabClaims;
  const provider = new Provider(url, {
    clients: [
      {
        client_id: "ci",
        client_secret: "ci-secret",
        grant_types: ["client_credentials"],
        redirect_uris: [],
        response_types: [],
      },
    ],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: "push",
          audience,
          accessTokenFormat: "jwt",
          jwt: { sign: { alg: "RS256" } },
        }),
      },
    },
    extraTokenClaims: () => claims,
  });
  port.on("request", provider.callback());
  try {
    const body = new URLSearchParams({
      grant_type: "client_credentials",
      scope: "push",
      resource: "https://registry.example.com",
    });
    const answer = await fetch(`${url}/token`, {
      method: "POST",
      body,
      headers: { authorization: basicHeader("ci", "ci-secret") },
    });
    const { access_token: token } = (await answer.json()) as { access_token: string };
    const conditions = [
      { claim: ["project_path"], equals: "acme/web" },
      { claim: ["ref_protected"], equals: "true" },
    ];
    const rule = { name: "kept", issuer: url, audience, conditions, grants: [{ namespace: "acme", role: "writer" }] };
    expect((await admin.post("/trust-rules", rule)).status).toBe(201);
    expect((await push(basicHeader("oidc", token))).status).toBe(201);
    const exchanged = (await (await exchanging(token)).json()) as { access_token: string };
    expect((await push(`Bearer ${exchanged.access_token}`)).status).toBe(201);
  } finally {
    port.close();
    port.closeAllConnections();
  }
});
