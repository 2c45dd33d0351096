import { createHmac, createPublicKey, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { imageOf } from "../support/open-registry.ts";
import { basic, grant, makeAccount, makeToken } from "../support/open-rights.ts";
import { serveGuarded } from "../support/serve-guarded.ts";
import type { GuardedServer } from "../support/serve-guarded.ts";
import { digestOf, types } from "../support/wire-client.ts";

let server: GuardedServer;
let owner: string;

beforeAll(async () => {
  server = await serveGuarded();
  const account = await makeAccount(server.metadata, "olga");
  await grant(server.metadata, { account }, { namespace: 1 }, "owner");
  owner = basic("olga", (await makeToken(server.metadata, account)).secret);
  const blob = `/v2/team/app/blobs/uploads/?digest=${digestOf("layer")}`;
  expect((await server.ask("POST", blob, owner, "layer")).status).toBe(201);
  const headers = { authorization: owner, "content-type": types.manifest };
  const put = await server.wire.call("PUT", "/v2/team/app/manifests/v1", imageOf(["layer"]), headers);
  expect(put.status).toBe(201);
});
afterAll(async () => {
  expect(server.broken).toEqual([]);
  await server.close();
});

const encode = (part: string | Buffer) => Buffer.from(part).toString("base64url");
const decode = (part: string) => Buffer.from(part, "base64url").toString();

/** A good token for team/app, taken apart. */
async function parts(): Promise<{ head: string; claims: Record<string, unknown>; key: KeyObject; kid: string }> {
  const bearer = await server.token("repository:team/app:pull", owner);
  const [head = "", body = ""] = bearer.slice(7).split(".");
  const { id, key } = server.access.keys.signing!;
  return { head: decode(head), claims: JSON.parse(decode(body)) as Record<string, unknown>, key, kid: id };
}

/** Signs any head and body by a key of the server's kind. */
function forge(head: string, body: string, key: KeyObject): string {
  const text = `${encode(head)}.${encode(body)}`;
  return `Bearer ${text}.${sign(null, Buffer.from(text), key).toString("base64url")}`;
}

const pull = async (bearer: string) => {
  const answer = await server.ask("GET", "/v2/team/app/manifests/v1", bearer);
  if (answer.status === 401) {
    expect(answer.headers.get("www-authenticate")).toMatch(/error="invalid_token"$/);
    expect(answer.message).toContain("wrong, expired or revoked");
  }
  return answer.status;
};

test("a token with another algorithm than ours is refused: none, HMAC with the public key (threats 11 and 12)", async () => {
  const { head, claims, key } = await parts();
  const body = JSON.stringify(claims);
  expect(await pull(forge(head, body, key))).toBe(200);
  for (const alg of ["none", "None", "nOnE", "NONE", ""]) {
    for (const signature of ["", ".", `.${encode("x")}`, `.${encode(randomBytes(64))}`]) {
      expect(await pull(`Bearer ${encode(JSON.stringify({ alg, typ: "JWT" }))}.${encode(body)}${signature}`)).toBe(401);
    }
  }
  const jwks = (await server.ask("GET", "/.well-known/jwks.json")).json<{ keys: { x: string; kid: string }[] }>();
  const publicKey = createPublicKey(key);
  const secrets = [
    publicKey.export({ format: "pem", type: "spki" }),
    publicKey.export({ format: "der", type: "spki" }),
    Buffer.from(jwks.keys[0]!.x, "base64url"),
    jwks.keys[0]!.x,
    JSON.stringify(jwks.keys[0]),
  ];
  for (const alg of ["HS256", "HS384", "HS512"] as const) {
    for (const secret of secrets) {
      const text = `${encode(JSON.stringify({ alg, kid: jwks.keys[0]!.kid, typ: "JWT" }))}.${encode(body)}`;
      const mac = createHmac(`sha${alg.slice(2)}`, secret)
        .update(text)
        .digest("base64url");
      expect(await pull(`Bearer ${text}.${mac}`)).toBe(401);
    }
  }
});

test("a token brings no key along and names none but ours (threat 11)", async () => {
  const { claims, key, kid } = await parts();
  const body = JSON.stringify(claims);
  const own = generateKeyPairSync("ed25519");
  const jwk = own.publicKey.export({ format: "jwk" });
  const heads: object[] = [
    { alg: "EdDSA", kid, typ: "JWT", jwk },
    { alg: "EdDSA", jwk, typ: "JWT" },
    { alg: "EdDSA", kid, typ: "JWT", jku: "http://127.0.0.1:9/keys" },
    { alg: "EdDSA", kid, typ: "JWT", x5u: "http://127.0.0.1:9/cert" },
    { alg: "EdDSA", kid, typ: "JWT", x5c: ["MIIB"] },
    { alg: "EdDSA", kid, typ: "JWT", crit: ["exp"] },
    { alg: "EdDSA", kid: "../../../../dev/null", typ: "JWT" },
    { alg: "EdDSA", kid: "' or '1'='1", typ: "JWT" },
    { alg: "EdDSA", kid: 'x\' union select \'{"kty":"OKP"}\' --', typ: "JWT" },
    { alg: "EdDSA", kid: encode(randomBytes(32)), typ: "JWT" },
    { alg: "EdDSA", kid: `${kid}\n`, typ: "JWT" },
    { alg: "EdDSA", kid: [kid], typ: "JWT" },
    { alg: "EdDSA", typ: "JWT" },
    { alg: "Ed25519", kid, typ: "JWT" },
    { kid, alg: "EdDSA", typ: "JWT" },
  ];
  for (const head of heads) {
    for (const by of [own.privateKey, key]) expect(await pull(forge(JSON.stringify(head), body, by))).toBe(401);
  }
  expect(await pull(forge(`{"alg":"EdDSA", "kid":"${kid}","typ":"JWT"}`, body, key))).toBe(401);
  expect(await pull(forge(`{"alg":"none","alg":"EdDSA","kid":"${kid}","typ":"JWT"}`, body, key))).toBe(401);
  expect(await pull(forge(`{"alg":"EdDSA","kid":"${kid}","typ":"JWT"}`, body, own.privateKey))).toBe(401);
});

test("claims are those that we write: right registry, right time, none missing, doubled or of another type (threats 11 and 32)", async () => {
  const { head, claims, key } = await parts();
  const now = Math.floor(Date.now() / 1000);
  const changes: object[] = [
    { aud: "other.example.com" },
    { iss: "other.example.com" },
    { aud: [server.host] },
    { exp: now - 1 },
    { exp: now },
    { exp: String(now + 60) },
    { exp: Number.POSITIVE_INFINITY },
    { nbf: now + 120 },
    { iat: now + 120 },
    { nbf: null },
    { jti: 1 },
    { access: "repository:team/app:pull" },
    { access: [{ type: "repository", name: "team/app", id: null, actions: ["*"] }] },
    { access: [{ type: "repository", name: "team/app", actions: ["pull"] }] },
    { holder: { kind: "operator", id: 0, credential: "none", fingerprint: null } },
    { holder: { kind: "system", id: 0, credential: "none", fingerprint: null } },
    { holder: { ...(claims["holder"] as object), id: 999 } },
    { holder: { ...(claims["holder"] as object), credential: "none" } },
    { holder: { ...(claims["holder"] as object), credential: "password" } },
    { holder: { ...(claims["holder"] as object), credential: "constructor" } },
    { more: true },
  ];
  for (const change of changes) {
    expect(await pull(forge(head, JSON.stringify({ ...claims, ...change }), key)), JSON.stringify(change)).toBe(401);
  }
  for (const name of Object.keys(claims)) {
    const { [name]: _gone, ...rest } = claims;
    expect(await pull(forge(head, JSON.stringify(rest), key)), name).toBe(401);
  }
  const text = JSON.stringify(claims);
  for (const body of [
    `{"aud":"other.example.com",${text.slice(1)}`,
    `${text.slice(0, -1)},"exp":${now + 3600}}`,
    ` ${text}`,
    `[${text}]`,
    "null",
    "{}",
    "",
    "\u{fffd}",
  ]) {
    expect(await pull(forge(head, body, key)), body.slice(0, 40)).toBe(401);
  }
  const good = forge(head, text, key);
  for (const bearer of [
    `${good}=`,
    good.replaceAll(".", ".."),
    `${good}.x`,
    good.replace("Bearer ", "Bearer Bearer "),
  ]) {
    expect(await pull(bearer)).toBe(401);
  }
});

test("100 MB of headers are refused before they are kept", async () => {
  const before = process.memoryUsage().rss;
  const status = await new Promise<number>((resolve, reject) => {
    const [host, port] = server.host.split(":");
    const socket = connect(Number(port), host);
    const piece = Buffer.alloc(64 * 1024, "a");
    let left = 100 * 1024 * 1024;
    let answer = "";
    socket.on("data", (chunk) => {
      answer += chunk.toString("latin1");
      const code = /^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1];
      if (code !== undefined) resolve(Number(code));
    });
    socket.on("close", () => (answer === "" ? reject(new Error("closed without an answer")) : undefined));
    socket.on("error", () => undefined);
    const more = () => {
      while (left > 0 && !socket.destroyed) {
        left -= piece.length;
        if (!socket.write(piece)) return void socket.once("drain", more);
      }
    };
    socket.write(`GET /v2/ HTTP/1.1\r\nHost: ${server.host}\r\nAuthorization: Bearer `);
    more();
  });
  expect(status).toBe(431);
  expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
});
