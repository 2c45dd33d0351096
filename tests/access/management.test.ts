import { Validator } from "@seriousme/openapi-schema-validator";
import { afterAll, expect, test } from "vitest";
import { z } from "zod";
import { compileRoutes, matchRoute } from "../../src/api/management/route.ts";
import { endpoints } from "../../src/contract/index.ts";
import type { Endpoint } from "../../src/contract/index.ts";
import { action, role } from "../../src/contract/texts.ts";
import { actions, roles } from "../../src/policy/index.ts";
import { startGuardedServer } from "../support/management-client.ts";

const guarded = await startGuardedServer();
const { admin, anonymous, server } = guarded;
afterAll(() => guarded.close());

const table = Object.entries(endpoints) as [string, Endpoint][];

/** A path of the route with names that are not there. */
function pathOf({ path, parameters }: Endpoint): string {
  const samples = ["nobody", "no/such", 4711, `sha256:${"0".repeat(64)}`];
  const shape = (parameters as z.ZodObject | undefined)?.shape ?? {};
  return path.replaceAll(/\{(\w+)[+*]?\}/g, (_all, name: string) => {
    const sample = samples.find((one) => z.safeParse(shape[name]!, one).success);
    return sample?.toString() ?? expect.fail(`no sample for ${name} of ${path}`);
  });
}

test("the OpenAPI document is valid, and describes each route with a unique operation", async () => {
  const { status, body } = await anonymous.get("/openapi.json");
  expect(status).toBe(200);
  const result = await new Validator().validate(structuredClone(body));
  expect(result.errors ?? []).toEqual([]);
  expect(result.valid).toBe(true);
  const operations = Object.values(body.paths as Record<string, Record<string, { operationId: string }>>).flatMap(
    (one) => Object.values(one).map(({ operationId }) => operationId),
  );
  expect(operations.toSorted()).toEqual(Object.keys(endpoints).toSorted());
  for (const [path, methods] of Object.entries(body.paths as Record<string, Record<string, any>>)) {
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => String(name)).toSorted();
    for (const [method, operation] of Object.entries(methods)) {
      const declared = operation.parameters.filter((one: any) => one.in === "path").map((one: any) => one.name);
      expect(declared.toSorted(), `${method} ${path}`).toEqual(named);
    }
  }
});

test("each route says who may use it; whoever shows nothing gets nowhere but where the table lets anybody (threat 47)", async () => {
  for (const [id, endpoint] of table) {
    expect(endpoint.auth.place, id).toBeDefined();
    if ("action" in endpoint.auth) expect(actions as readonly string[], id).toContain(endpoint.auth.action);
    const { status, code } = await anonymous.call(endpoint.method, pathOf(endpoint), endpoint.body && {});
    if (endpoint.auth.place === "none") expect(status, id).not.toBe(401);
    else expect([status, code], id).toEqual([401, "UNAUTHORIZED"]);
  }
  expect(table.filter(([, { auth }]) => auth.place === "none").map(([id]) => id)).toEqual(["describeApi"]);
});

test("each POST has a body, and each body refuses what it does not list", () => {
  for (const [id, { method, body, query, parameters }] of table) {
    if (method === "POST") expect(body, id).toBeDefined();
    for (const schema of [body, query, parameters]) {
      if (schema !== undefined) expect(schema.def.catchall?._zod.def.type, `${id} takes unknown fields`).toBe("never");
    }
  }
});

test("the contract names the actions and roles that policy has", () => {
  expect(action.options).toEqual([...actions]);
  expect(role.options).toEqual([...roles]);
});

test("paths are matched on raw segments, names with slashes to their end, dots and empty segments nowhere (threat 17)", () => {
  const routes = compileRoutes({
    one: { ...endpoints.getNamespace, path: "/namespaces/{path*}" },
    sub: { ...endpoints.getNamespace, path: "/namespaces/{path*}/-/robots/{robot}" },
    image: { ...endpoints.getNamespace, path: "/repositories/{name+}/-/tags/{tag}" },
    list: { ...endpoints.listNamespaces, path: "/namespaces" },
  });
  const match = (path: string) => {
    const found = matchRoute(routes, "GET", `/api/v1${path}`);
    return found && [found.id, found.parameters];
  };
  expect(match("/namespaces")).toEqual(["list", {}]);
  expect(match("/namespaces/-")).toEqual(["one", { path: "" }]);
  expect(match("/namespaces/team/sub")).toEqual(["one", { path: "team/sub" }]);
  expect(match("/namespaces/team%2Fsub")).toEqual(["one", { path: "team/sub" }]);
  expect(match("/namespaces/-/robots/ci")).toEqual(["sub", { path: "", robot: "ci" }]);
  expect(match("/namespaces/team/robots/ci")).toEqual(["one", { path: "team/robots/ci" }]);
  expect(match("/namespaces/team/-/robots/ci")).toEqual(["sub", { path: "team", robot: "ci" }]);
  expect(match("/repositories/a/tags/b/-/tags/v1")).toEqual(["image", { name: "a/tags/b", tag: "v1" }]);
  expect(match("/namespaces/%252e")).toEqual(["one", { path: "%2e" }]);
  for (const path of [
    "/namespaces/",
    "/namespaces//a",
    "/namespaces/a/../b",
    "/namespaces/%2e%2E/b",
    "/namespaces/./a",
    "/namespaces/a/-/b/-/robots/ci",
    "/namespaces/a/-",
    "/repositories/-/tags/v1",
    "//namespaces",
    "/n%61mespaces",
  ]) {
    expect(match(path), path).toBeUndefined();
  }
  expect(matchRoute(routes, "GET", "/api/v10/namespaces")).toBeUndefined();
});

test("a namespace is made, shown, changed with its ETag and deleted", async () => {
  const made = await admin.post("/namespaces", { path: "lab" });
  expect([made.status, made.headers.get("location")]).toEqual([201, "/api/v1/namespaces/lab"]);
  expect(made.body).toMatchObject({ path: "lab", public: false });
  const etag = made.headers.get("etag")!;
  expect((await admin.get("/namespaces/lab")).headers.get("etag")).toBe(etag);
  const changed = await admin.patch("/namespaces/lab", { public: true }, { "if-match": etag });
  expect([changed.status, changed.body.public]).toEqual([200, true]);
  const stale = await admin.patch("/namespaces/lab", { public: false }, { "if-match": etag });
  expect([stale.status, stale.code]).toEqual([412, "VERSION_CHANGED"]);
  expect((await admin.patch("/namespaces/lab", { public: true }, { "if-match": "*" })).status).toBe(200);
  expect((await admin.patch("/namespaces/lab", { public: true }, { "if-match": "lab" })).status).toBe(400);
  expect((await admin.post("/namespaces", { path: "lab" })).code).toBe("CONFLICT");
  expect((await admin.delete("/namespaces/lab")).status).toBe(204);
  expect((await admin.get("/namespaces/lab")).code).toBe("NAMESPACE_UNKNOWN");
  expect((await admin.delete("/namespaces/-")).code).toBe("CONFLICT");
});

test("the same key makes a thing once, another body with it is refused", async () => {
  const key = { "idempotency-key": "6b6d4b0e-7c0b-4d57-9d4c-7f4c2a0d7f11" };
  const first = await admin.post("/namespaces", { path: "once" }, key);
  const again = await admin.post("/namespaces", { path: "once" }, key);
  expect([first.status, again.status]).toEqual([201, 201]);
  expect(again.body).toEqual(first.body);
  expect([first, again].map(({ headers }) => headers.get("idempotency-replayed"))).toEqual([null, "true"]);
  expect((await admin.post("/namespaces", { path: "twice" }, key)).code).toBe("CONFLICT");
  expect((await admin.get("/namespaces/twice")).status).toBe(404);
  // What was refused is not kept: its cause may be gone the next time.
  const other = { "idempotency-key": "another" };
  expect((await admin.post("/namespaces", { path: "once" }, other)).code).toBe("CONFLICT");
  await admin.delete("/namespaces/once");
  expect((await admin.post("/namespaces", { path: "once" }, other)).status).toBe(201);
  expect((await admin.post("/namespaces", { path: "x" }, { "idempotency-key": "a b" })).status).toBe(400);
});

test("lists come in pages, each naming the next", async () => {
  for (const path of ["page", "page/a", "page/b", "page/c"]) await admin.post("/namespaces", { path });
  const seen: string[] = [];
  for (let path = "/namespaces?limit=2"; ;) {
    const { body, headers } = await admin.get<{ items: { path: string }[]; next: string | null }>(path);
    seen.push(...body.items.map((one) => one.path));
    const link = /^<\/api\/v1(.+)>; rel="next"$/.exec(headers.get("link") ?? "")?.[1];
    expect(link === undefined).toBe(body.next === null);
    if (link === undefined) break;
    path = link;
  }
  expect(seen).toEqual([...new Set(seen)].toSorted());
  expect(seen).toEqual(expect.arrayContaining(["", "page", "page/a", "page/b", "page/c"]));
  for (const query of [
    "limit=0",
    "limit=1001",
    "limit=1e2",
    "limit=-1",
    "limit=",
    "after=",
    "after=a&after=b",
    "n=1",
    "after=%00",
  ]) {
    expect((await admin.get(`/namespaces?${query}`)).status, query).toBe(400);
  }
});

test("a body that is not JSON, or is too large, is refused before it is read; unknown methods name the known", async () => {
  const type = { "content-type": "text/plain" };
  const plain = await admin.post("/namespaces", '{"path":"x"}', type);
  expect([plain.status, plain.code, plain.headers.get("content-type")]).toEqual([
    415,
    "MEDIA_TYPE_INVALID",
    "application/problem+json",
  ]);
  expect((await admin.post("/namespaces", "{")).status).toBe(400);
  expect((await admin.post("/namespaces", "[]")).status).toBe(400);
  expect((await admin.post("/namespaces", { path: "x".repeat(70_000) })).status).toBe(413);
  const put = await admin.put("/namespaces", {});
  expect([put.status, put.headers.get("allow")]).toEqual([405, "GET, POST, HEAD"]);
  expect((await admin.get("/nothing")).code).toBe("NOT_FOUND");
});

test("no answer lets another site read it, whatever Origin is sent (threat 7)", async () => {
  for (const origin of ["https://evil.example", "null", server.url, "*"]) {
    for (const method of ["GET", "OPTIONS", "POST"]) {
      const { headers } = await admin.call(method, "/namespaces", method === "POST" ? {} : undefined, {
        origin,
        "access-control-request-method": "DELETE",
      });
      expect([...headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
      expect(headers.get("cache-control")).toBe("no-store");
    }
  }
});

test("a problem says what, why and what to do, and carries the request's id", async () => {
  const { body, headers } = await admin.post("/namespaces", { path: "UPPER", admin: true });
  expect(body).toMatchObject({ type: "urn:berth:error:REQUEST_INVALID", title: "Bad Request", status: 400 });
  expect(body.requestId).toBe(headers.get("x-request-id"));
  expect(body.fields.map(({ field }: { field: string }) => field)).toContain("path");
});

test("the server's log has no error", () => {
  expect(server.errors).toEqual([]);
});
