import { afterAll, expect, test } from "vitest";
import { basic, grant, makeAccount, makeToken } from "../support/open-rights.ts";
import { clientOf } from "../support/management-client.ts";
import { serveGuarded } from "../support/serve-guarded.ts";

const server = await serveGuarded();
afterAll(() => server.close());
const { metadata } = server;

const account = await makeAccount(metadata, "olga");
await grant(metadata, { account }, { namespace: 1 }, "owner");
const olga = clientOf(() => server.url, basic("olga", (await makeToken(metadata, account)).secret));
const nobody = clientOf(
  () => server.url,
  basic("nina", (await makeToken(metadata, await makeAccount(metadata, "nina"))).secret),
);

const put = (kind: string) =>
  metadata.write("enqueueJob", { kind, about: "team/app", input: { dry: true }, by: "user:olga" });

test("jobs are listed, the latest first, by state and kind, in pages", async () => {
  for (const kind of ["one", "two", "one"]) await put(kind);
  const { claimed } = await metadata.write("claimJob", { node: "n", kinds: ["two"], lease: 60_000, attempts: 1 });
  const end = { as: "failed", error: "the disk is full", pause: 0, attempts: 1 } as const;
  await metadata.write("finishJob", { job: claimed!.id, fence: claimed!.fence, end });
  const { body } = await olga.get("/jobs?limit=2");
  expect(body.items.map((job: any) => job.kind)).toEqual(["one", "two"]);
  const rest = await olga.get(`/jobs?limit=2&after=${body.next}`);
  expect(rest.body).toMatchObject({
    items: [{ kind: "one", input: { dry: true }, createdBy: "user:olga" }],
    next: null,
  });
  expect((await olga.get("/jobs?kind=one")).body.items).toHaveLength(2);
  expect((await olga.get("/jobs?state=dead")).body.items).toMatchObject([
    { kind: "two", state: "dead", error: "the disk is full", dueAt: null, attempts: 1 },
  ]);
});

test("a dead job is retried by who may change the settings of the server, and by nobody else", async () => {
  const [dead] = (await olga.get("/jobs?state=dead")).body.items;
  expect((await nobody.post(`/jobs/${dead.id}/retry`)).status).toBe(403);
  expect((await nobody.get(`/jobs/${dead.id}`)).status).toBe(403);
  expect((await olga.post(`/jobs/${dead.id}/retry`)).body).toMatchObject({ state: "waiting", attempts: 0 });
  expect((await olga.post(`/jobs/${dead.id}/retry`)).status).toBe(409);
  expect((await olga.get("/jobs/4711")).status).toBe(404);
  expect(server.broken).toEqual([]);
});
