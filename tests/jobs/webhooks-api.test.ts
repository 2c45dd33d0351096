import { setTimeout } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { Webhook } from "standardwebhooks";
import { startGuardedServer } from "../support/management-client.ts";
import { Receiver } from "../support/receiver.ts";
import { basicHeader } from "../support/management-client.ts";
import { types, WireClient } from "../support/wire-client.ts";

const server = await startGuardedServer({ outgoing: { allow: ["127.0.0.0/8"] }, publicUrl: "https://hub.example.com" });
const receiver = await Receiver.open();
afterAll(async () => {
  await server.close();
  await receiver.close();
});
const { admin } = server;

const person = async (name: string, path: string, role: string) => {
  await admin.post("/users", { name });
  await admin.post("/namespaces", { path });
  await admin.post(`/namespaces/${path}/-/grants`, { to: { user: name }, role });
  const { body } = await admin.post(`/users/${name}/tokens`, { name: "test" });
  return server.as(name, body.secret);
};
const mia = await person("mia", "mine", "maintainer");
const hugo = await person("hugo", "hers", "maintainer");
const rita = await person("rita", "mine", "reader");

const until = async (done: () => boolean) => {
  for (let look = 0; look < 6_000 && !done(); look++) await setTimeout(10);
  expect(done()).toBe(true);
};
const hook = `${receiver.url}/path-canary?key=query-canary`;
let secret: string;
let id: number;

test("a maintainer of a namespace makes a webhook; its secret is shown once", async () => {
  const made = await mia.post("/webhooks", { namespace: "mine", url: hook }, { "idempotency-key": "one" });
  expect(made.status).toBe(201);
  ({ secret, id } = made.body);
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(made.body).toMatchObject({
    namespace: "mine",
    format: "cloudevents",
    answersFor: "user:mia",
    disabled: false,
  });
  const again = await mia.post("/webhooks", { namespace: "mine", url: hook }, { "idempotency-key": "one" });
  expect(again.body).toMatchObject({ id, secret: null });
  expect((await mia.get(`/webhooks/${id}`)).text).not.toContain(secret);
});

test("what is no receiver, no place or too little right is refused", async () => {
  for (const url of ["ftp://x/", "https://user:pw@x/", "x", "http://[::1"]) {
    expect((await mia.post("/webhooks", { namespace: "mine", url })).status, url).toBe(400);
  }
  const url = "https://hooks.example.com/";
  expect((await mia.post("/webhooks", { url })).status).toBe(400);
  expect((await mia.post("/webhooks", { namespace: "mine", repository: "mine/app", url })).status).toBe(400);
  expect((await mia.post("/webhooks", { namespace: "hers", url })).status).toBe(403);
  expect((await mia.post("/webhooks", { namespace: "", url })).status).toBe(403);
  expect((await rita.post("/webhooks", { namespace: "mine", url })).status).toBe(403);
  expect((await mia.post("/webhooks", { repository: "mine/none", url })).status).toBe(404);
});

test("a webhook of another namespace answers as one that is not there, and so do its deliveries (threat 33)", async () => {
  const asked = [
    ["GET", ""],
    ["PATCH", "", { disabled: true }],
    ["DELETE", ""],
    ["POST", "/secrets", {}],
    ["POST", "/test", {}],
    ["GET", "/deliveries"],
    ["POST", "/deliveries/1/redeliver", {}],
  ] as const;
  for (const [method, path, body] of asked) {
    const [theirs, none] = [id, 4711].map((number) => hugo.call(method, `/webhooks/${number}${path}`, body));
    const texts = [(await theirs!).text.replaceAll(String(id), "N"), (await none!).text.replaceAll("4711", "N")];
    expect((await theirs!).status, `${method} ${path}`).toBe(404);
    expect(JSON.parse(texts[0]!).detail).toBe(JSON.parse(texts[1]!).detail);
  }
  expect((await hugo.get("/webhooks")).body.items).toEqual([]);
  expect((await mia.get("/webhooks")).body.items).toHaveLength(1);
  expect((await rita.get("/webhooks")).body.items).toEqual([]);
});

test("a test says what came of it; a push is told, signed, from the public URL", async () => {
  const tried = await mia.post(`/webhooks/${id}/test`);
  expect(tried.body).toMatchObject({ delivered: true, status: 204, error: null });
  expect(JSON.parse(receiver.got[0]!.body)).toMatchObject({ type: "webhook.tested", subject: "mine" });
  const wire = new WireClient(
    () => server.server.url,
    (input, init) =>
      fetch(input, {
        ...init,
        headers: { ...(init?.headers as object), authorization: basicHeader("admin", "correct horse battery staple") },
      }),
  );
  await wire.pushBlob("mine/app", "{}", types.config);
  await until(() => receiver.got.length >= 2);
  const { headers, body } = receiver.got[1]!;
  const event = new Webhook(secret).verify(body, headers as Record<string, string>);
  expect(event).toMatchObject({ type: "repository.created", source: "https://hub.example.com", subject: "mine/app" });
  const read = async () => (await mia.get(`/webhooks/${id}/deliveries?state=delivered`)).body.items;
  // It is written down a moment after it came.
  await expect.poll(read).not.toEqual([]);
  const items = await read();
  expect(items[0]).toMatchObject({ type: "repository.created", event: headers["webhook-id"], status: 204 });
  const again = await mia.post(`/webhooks/${id}/deliveries/${items[0].id}/redeliver`);
  expect(again).toMatchObject({ status: 201, body: { event: items[0].event, state: "waiting" } });
  await until(() => receiver.got.length >= 3);
  expect(receiver.got[2]!.headers["webhook-id"]).toBe(headers["webhook-id"]);
});

test("a new secret signs beside the former one, and then alone", async () => {
  const rotated = (await mia.post(`/webhooks/${id}/secrets`)).body;
  expect(rotated.formerSecretUntil).not.toBeNull();
  await mia.post(`/webhooks/${id}/test`);
  const both = receiver.got.at(-1)!;
  for (const one of [secret, rotated.secret])
    new Webhook(one).verify(both.body, both.headers as Record<string, string>);
  const alone = (await mia.post(`/webhooks/${id}/secrets`, { overlap: 0 })).body;
  await mia.post(`/webhooks/${id}/test`);
  const last = receiver.got.at(-1)!;
  new Webhook(alone.secret).verify(last.body, last.headers as Record<string, string>);
  expect(() => new Webhook(rotated.secret).verify(last.body, last.headers as Record<string, string>)).toThrow();
});

test("whoever changes a webhook answers for it; a stale state is refused", async () => {
  const seen = await mia.get(`/webhooks/${id}`);
  const changed = await admin.patch(`/webhooks/${id}`, { description: "ours", tags: ["v*"] });
  expect(changed.body).toMatchObject({ description: "ours", tags: ["v*"], url: hook, answersFor: "user:admin" });
  const stale = await mia.patch(`/webhooks/${id}`, { tags: null }, { "if-match": seen.headers.get("etag")! });
  expect(stale.status).toBe(412);
  expect((await mia.delete(`/webhooks/${id}`)).status).toBe(204);
  expect((await mia.get(`/webhooks/${id}`)).status).toBe(404);
});

test("secrets, and what of a URL may be one, are in no line of the log (threat 5)", () => {
  const written = JSON.stringify(server.server.log);
  for (const canary of ["path-canary", "query-canary", "whsec_"]) expect(written).not.toContain(canary);
  expect(server.server.errors).toEqual([]);
});
