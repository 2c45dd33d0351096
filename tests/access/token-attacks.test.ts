import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hashPassword } from "../../src/access/index.ts";
import { openAlterable } from "../support/alter-rows.ts";
import { imageOf } from "../support/open-registry.ts";
import { basic, grant, makeAccount, makeNamespace, makeToken } from "../support/open-rights.ts";
import { serveGuarded } from "../support/serve-guarded.ts";
import type { GuardedServer } from "../support/serve-guarded.ts";
import { digestOf, types } from "../support/wire-client.ts";

const { metadata } = openAlterable();
const by = { principal: "user:admin", credential: "password", address: null, request: null, reason: "test" };
let server: GuardedServer;
let team: number;
let owner: string;

beforeAll(async () => {
  server = await serveGuarded({}, { metadata });
  team = await makeNamespace(metadata, "team");
  await makeNamespace(metadata, "secret");
  owner = await member("olga", 1, "owner");
  await push("team/app", owner);
  await push("secret/app", owner);
});
afterAll(async () => {
  expect(server.broken).toEqual([]);
  await server.close();
});

/** An account with a role on a namespace: its login by a personal token. */
async function member(name: string, on: number, what: Parameters<typeof grant>[3]): Promise<string> {
  const account = await makeAccount(metadata, name);
  await grant(metadata, { account }, { namespace: on }, what);
  return basic(name, (await makeToken(metadata, account)).secret);
}

const layer = digestOf("layer");
const manifest = imageOf(["layer"]);

async function push(name: string, authorization: string, tag = "v1", text = manifest): Promise<number> {
  const stored = await server.ask("POST", `/v2/${name}/blobs/uploads/?digest=${layer}`, authorization, "layer");
  if (stored.status !== 201) return stored.status;
  const headers = { authorization, "content-type": types.manifest };
  return (await server.wire.call("PUT", `/v2/${name}/manifests/${tag}`, text, headers)).status;
}

const decode = (part: string) => Buffer.from(part, "base64url").toString();

test("a token of one action opens just the methods of that action (threat 1)", async () => {
  const requests: readonly (readonly [string, string, string])[] = [
    ["pull", "GET", "/v2/team/app/manifests/v1"],
    ["pull", "HEAD", "/v2/team/app/manifests/v1"],
    ["pull", "GET", `/v2/team/app/blobs/${layer}`],
    ["pull", "HEAD", `/v2/team/app/blobs/${layer}`],
    ["pull", "GET", "/v2/team/app/tags/list"],
    ["pull", "GET", `/v2/team/app/referrers/${layer}`],
    ["push", "POST", "/v2/team/app/blobs/uploads/"],
    ["push", "PUT", "/v2/team/app/manifests/v1"],
    ["push", "PATCH", "/v2/team/app/blobs/uploads/x"],
    ["push", "PUT", `/v2/team/app/blobs/uploads/x?digest=${layer}`],
    ["push", "GET", "/v2/team/app/blobs/uploads/x"],
    ["push", "DELETE", "/v2/team/app/blobs/uploads/x"],
    ["delete", "DELETE", "/v2/team/app/manifests/nothing"],
    ["delete", "DELETE", `/v2/team/app/manifests/${digestOf("nothing")}`],
    ["delete", "DELETE", `/v2/team/app/blobs/${digestOf("nothing")}`],
  ];
  for (const action of ["pull", "push", "delete"]) {
    const authorization = await server.token(`repository:team/app:${action}`, owner);
    for (const [needs, method, path] of requests) {
      const body = method === "PUT" && path.includes("manifests") ? manifest : undefined;
      const { status } = await server.wire.call(method, path, body, { authorization, "content-type": types.manifest });
      expect(status === 401, `${action} for ${method} ${path}: ${status}`).toBe(action !== needs);
    }
  }
});

test("who may make tags and not move them moves none by a token, latest neither (threat 2)", async () => {
  const login = await member("pia", team, ["pull", "push", "create-repository"]);
  const bearer = await server.token("repository:team/new:pull,push", login);
  expect(await push("team/new", bearer, "latest")).toBe(201);
  const other = imageOf(["layer"], { annotations: { a: "b" } });
  expect(await push("team/new", bearer, "latest", other)).toBe(403);
  expect(await push("team/new", bearer, "other", other)).toBe(201);
});

test("a blob of a private repository is reached by no token for another (threat 4)", async () => {
  const login = await member("wendy", team, "writer");
  const only = await server.ask(
    "POST",
    `/v2/secret/app/blobs/uploads/?digest=${digestOf("only here")}`,
    owner,
    "only here",
  );
  expect(only.status).toBe(201);
  const bearer = await server.token(["repository:team/app:pull,push", "repository:secret/app:pull"], login);
  const path = `/v2/team/app/blobs/${digestOf("only here")}`;
  for (const method of ["GET", "HEAD"]) expect((await server.ask(method, path, bearer)).status).toBe(404);
  const ranged = await server.wire.call("GET", path, undefined, { authorization: bearer, range: "bytes=0-3" });
  expect(ranged.status).toBe(404);
  for (const from of ["&from=secret/app", ""]) {
    const mount = `/v2/team/app/blobs/uploads/?mount=${digestOf("only here")}${from}`;
    expect((await server.ask("POST", mount, bearer)).status).toBe(202);
  }
});

test("scopes that are no names are left out, and paths that climb lead nowhere (threats 16 and 17)", async () => {
  const names = [
    "../secret/app",
    "team/../secret/app",
    "team/app/..",
    "/etc/passwd",
    "team%2fapp",
    "team//app",
    "TEAM/app",
  ];
  const scopes = [...names, "team/app\0", "a".repeat(300), "team/app:x"].map((name) => `repository:${name}:pull`);
  const bearer = await server.token(scopes, owner);
  expect(JSON.parse(decode(bearer.split(".")[1]!)).access).toEqual([]);
  for (const path of [
    "/v2/../../etc/passwd",
    "/v2/team/../secret/app/manifests/v1",
    "/v2/%2e%2e/app/tags/list",
    "/token/../v2/",
  ]) {
    const status = await rawStatus(`GET ${path} HTTP/1.1\r\nHost: ${server.host}\r\nAuthorization: ${bearer}\r\n\r\n`);
    expect([400, 401, 404], path).toContain(status);
  }
  const digest = `/v2/team/app/blobs/sha256:${"../".repeat(22)}`;
  expect((await server.ask("GET", digest, bearer)).status).not.toBe(200);
});

/** Status of the answer to bytes as they are. */
function rawStatus(text: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const [host, port] = server.host.split(":");
    const socket = connect(Number(port), host);
    let answer = "";
    socket.on("data", (chunk) => {
      answer += chunk.toString("latin1");
      const status = /^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1];
      if (status === undefined) return;
      socket.destroy();
      resolve(Number(status));
    });
    socket.on("error", reject);
    socket.write(text);
  });
}

test("an upload is its opener's alone, whichever token another shows (threat 21)", async () => {
  const [one, two] = [await member("ula", team, "owner"), await member("uwe", team, "owner")];
  const scope = "repository:team/app:pull,push,delete";
  const opened = await server.ask("POST", "/v2/team/app/blobs/uploads/", await server.token(scope, one));
  const location = opened.headers.get("location")!;
  const other = await server.token(scope, two);
  for (const [method, path] of [
    ["PATCH", location],
    ["GET", location],
    ["PUT", `${location}?digest=${layer}`],
    ["DELETE", location],
  ] as const) {
    expect((await server.ask(method, path, other, method.startsWith("P") ? "layer" : undefined)).status).toBe(404);
  }
  // Another token of the same person, and the person's own login, go on.
  expect((await server.ask("PATCH", location, await server.token(scope, one), "lay")).status).toBe(202);
  expect((await server.ask("PATCH", location, one, "er")).status).toBe(202);
});

test("the token endpoint answers alike for users who are there and who are not (threat 28)", async () => {
  const password = await hashPassword("right");
  const account = { display: null, email: null, password, source: "local", externalId: null };
  await metadata.write("createAccount", { by, name: "known", ...account });
  const fresh = await serveGuarded({}, { metadata });
  const tryOnce = async (name: string, number: number) => {
    const path = `/token?service=${fresh.host}&scope=repository:secret/app:pull`;
    const { status, headers, text } = await fresh.ask("GET", path, basic(name, `wrong ${number}`));
    const wait = headers.get("retry-after");
    return `${status} ${wait} ${headers.get("www-authenticate")} ${text.replace(/"requestId":"[^"]+"/, "")}`;
  };
  // At once: one after the other may take longer, on a busy machine, than the wait that they lead to.
  const tries = async (name: string) =>
    (await Promise.all(Array.from({ length: 8 }, (_, number) => tryOnce(name, number)))).toSorted();
  const [known, unknown] = [await tries("known"), await tries("nobody")];
  expect(known).toEqual(unknown);
  expect(known[4]).toMatch(/^401 /);
  expect(known[5]).toMatch(/^429 1 /);
});

test("private repositories are in no list, by no way round the path (threat 29)", async () => {
  const login = await member("rita", team, "reader");
  const bearer = await server.token("registry:catalog:*", login);
  for (const path of [
    "/v2/_catalog",
    "//v2/_catalog",
    "/v2//_catalog",
    "/v2/%5fcatalog",
    "/v2/_catalog/",
    "/V2/_catalog",
  ]) {
    for (const shown of [undefined, bearer, login]) {
      expect((await server.ask("GET", `${server.url}${path}`, shown)).text, path).not.toContain("secret/app");
    }
  }
  for (const path of ["/v2/secret/app/tags/list", `/v2/secret/app/referrers/${layer}`]) {
    expect((await server.ask("GET", path, bearer)).status).toBe(401);
    expect((await server.ask("GET", path, login)).status).toBe(403);
  }
});

test("without a login nothing of a private repository is seen, and none tells whether it is there (threat 30)", async () => {
  const nobody = await server.token(["repository:secret/app:pull,push", "repository:secret/none:pull,push"]);
  const paths = [
    "manifests/v1",
    `manifests/${layer}`,
    `blobs/${layer}`,
    "tags/list",
    `referrers/${layer}`,
    "blobs/uploads/",
  ];
  for (const shown of [undefined, nobody]) {
    for (const method of ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"]) {
      for (const path of paths) {
        const seen = async (name: string) => {
          const body = method === "PUT" ? manifest : undefined;
          const answer = await server.ask(method, `/v2/secret/${name}/${path}`, shown, body);
          expect([401, 405]).toContain(answer.status);
          const headers = [...answer.headers].filter(([key]) => key !== "date" && key !== "x-request-id");
          const text = answer.text.replace(/"requestId":"[^"]+"/, "");
          return JSON.stringify([answer.status, headers.toSorted(([one], [other]) => (one < other ? -1 : 1)), text])
            .replaceAll(`secret/${name}`, "NAME")
            .replace(/"content-length","\d+"/, "");
        };
        expect(await seen("app"), `${method} ${path}`).toBe(await seen("none"));
      }
    }
  }
});
