import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { SignJWT, exportJWK, generateKeyPair } from "jose";
import type { CryptoKey, JWK } from "jose";

/** An issuer of identity tokens on this machine, shaped like those of CI systems and clusters: it signs whatever it is told. */
export interface TestIssuer {
  readonly url: string;
  /** Requests that it got, by path. */
  readonly asked: Map<string, number>;
  /** Keys that it publishes. */
  published: JWK[];
  /** Answers in its place; undefined lets it answer. */
  instead: RequestListener | undefined;
  /** What discovery says beside issuer and place of the keys. */
  discovery: Record<string, unknown>;
  /** Makes a new key, publishes it beside the others, and signs with it from now on. */
  rotate(algorithm?: string): Promise<void>;
  /** A token with these claims, good for five minutes from now where they say nothing else. */
  sign(claims: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>;
  readonly key: () => { readonly privateKey: CryptoKey; readonly publicJwk: JWK };
  close(): Promise<void>;
}

/** @param tls with a certificate it speaks https */
export async function startIssuer(tls?: { readonly cert: string; readonly key: string }): Promise<TestIssuer> {
  const answer: RequestListener = (request, response) => {
    const path = request.url ?? "";
    asked.set(path, (asked.get(path) ?? 0) + 1);
    if (issuer.instead !== undefined) return void issuer.instead(request, response);
    const documents: Record<string, unknown> = {
      "/.well-known/openid-configuration": { issuer: issuer.url, jwks_uri: `${issuer.url}/jwks`, ...issuer.discovery },
      "/jwks": { keys: issuer.published },
    };
    const document = documents[path];
    response.writeHead(document === undefined ? 404 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify(document ?? {}));
  };
  const server = tls === undefined ? createServer(answer) : createSecureServer(tls, answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const asked = new Map<string, number>();
  let current: { algorithm: string; privateKey: CryptoKey; publicJwk: JWK };
  const issuer: TestIssuer = {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    asked,
    published: [],
    instead: undefined,
    discovery: {},
    async rotate(algorithm = "RS256") {
      const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
      const kid = `key-${issuer.published.length + 1}`;
      const publicJwk = { ...(await exportJWK(publicKey)), kid, alg: algorithm, use: "sig" };
      current = { algorithm, privateKey, publicJwk };
      issuer.published.push(publicJwk);
    },
    sign(claims, header = {}) {
      const now = Math.floor(Date.now() / 1000);
      const token = new SignJWT({ iss: issuer.url, aud: "registry.example.com", iat: now, exp: now + 300, ...claims });
      const { algorithm: alg, publicJwk, privateKey } = current;
      return token.setProtectedHeader({ alg, kid: publicJwk.kid!, typ: "JWT", ...header }).sign(privateKey);
    },
    key: () => current,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  await issuer.rotate();
  return issuer;
}

/** Claims as GitHub Actions writes them for a push to the main branch. */
export const githubClaims = {
  jti: "4d7f6e4a-1f4f-4c0e-9d4f-5a8d1b0f3c2e",
  sub: "repo:acme/app:ref:refs/heads/main",
  ref: "refs/heads/main",
  sha: "0123456789abcdef0123456789abcdef01234567",
  repository: "acme/app",
  repository_owner: "acme",
  repository_owner_id: "4242",
  repository_id: "123456",
  repository_visibility: "private",
  run_id: "987654321",
  run_number: "10",
  run_attempt: "1",
  actor: "alice",
  actor_id: "12",
  workflow: "build",
  head_ref: "",
  base_ref: "",
  event_name: "push",
  ref_type: "branch",
  ref_protected: "true",
  job_workflow_ref: "acme/app/.github/workflows/build.yml@refs/heads/main",
  runner_environment: "github-hosted",
};

/** Claims as GitLab writes them for a job on the main branch. */
export const gitlabClaims = {
  sub: "project_path:acme/web:ref_type:branch:ref:main",
  namespace_id: "72",
  namespace_path: "acme",
  project_id: "20",
  project_path: "acme/web",
  user_login: "bob",
  pipeline_id: "574",
  pipeline_source: "push",
  job_id: "302",
  ref: "main",
  ref_type: "branch",
  ref_protected: "true",
  groups_direct: ["acme", "other/team"],
};

/** Claims as a Kubernetes API server writes them into a projected service account token. */
export const kubernetesClaims = {
  sub: "system:serviceaccount:prod:deployer",
  "kubernetes.io": {
    namespace: "prod",
    node: { name: "node-1", uid: "646e7c5e-32d6-4d42-9dbd-e504e6cbe6b1" },
    pod: { name: "deployer-0", uid: "5fcaaba1-2ab1-4b8e-9d3c-2d2c1f2f2f2f" },
    serviceaccount: { name: "deployer", uid: "a087d5a0-e1dd-43ec-93ac-f13d89cd13af" },
  },
};
