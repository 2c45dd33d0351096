import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readTrailPage } from "../../src/access/index.ts";
import type { TrailEntry } from "../../src/access/index.ts";
import { openTestDatabase } from "../support/open-database.ts";
import { basicHeader, startGuardedServer } from "../support/management-client.ts";
import type { ApiClient, GuardedServer } from "../support/management-client.ts";
import { WireClient } from "../support/wire-client.ts";

interface Page {
  readonly items: readonly TrailEntry[];
  readonly next: string | null;
  readonly cursor: string | null;
}

let guarded: GuardedServer;
let ann: ApiClient;
const annPassword = "a long password of ann";
const pages = async (client: ApiClient, path: string, query = ""): Promise<TrailEntry[]> => {
  const entries: TrailEntry[] = [];
  for (let after = ""; ;) {
    const more = `${query}${after === "" ? "" : `&after=${after}`}`;
    const { status, body } = await client.get<Page>(`${path}?limit=3${more}`);
    expect(status).toBe(200);
    entries.push(...body.items);
    if (body.next === null) return entries;
    after = body.next;
  }
};

beforeAll(async () => {
  guarded = await startGuardedServer();
  const { admin, server } = guarded;
  const made = await admin.post("/users", { name: "ann", password: annPassword });
  expect([made.status, made.text]).toEqual([201, made.text]);
  for (const path of ["team", "other"]) expect((await admin.post("/namespaces", { path })).status).toBe(201);
  const header = basicHeader("admin", "correct horse battery staple");
  const wire = new WireClient(
    () => server.url,
    (input, init) => fetch(input, { ...init, headers: { ...(init?.headers as object), authorization: header } }),
  );
  for (const name of ["team/app", "teams/app", "other/app"]) await wire.pushImage(name, "v1");
  ann = guarded.as("ann", annPassword);
  expect((await ann.get("/audit")).status).toBe(403);
  expect((await ann.get("/namespaces/team/-/audit")).status).toBe(403);
  // Writes down what was refused, and seals.
  await server.stop();
  const database = new DatabaseSync(join(server.config.data, "berth.db"));
  database.exec(
    `insert into access_grant (account_id, namespace_id, role, created_at, created_by)
     select a.id, n.id, 'owner', 0, 'test' from account a, namespace n where a.name = 'ann' and n.path = 'team'`,
  );
  database.close();
  await server.start();
});
afterAll(() => guarded.close());

test("who may read the audit of the server reads all of it, page by page, each entry once", async () => {
  const entries = await pages(guarded.admin, "/audit");
  const ids = entries.map(({ id }) => id);
  expect(ids).toEqual(ids.toSorted((a, b) => a - b));
  expect(new Set(ids).size).toBe(ids.length);
  expect(entries.map(({ action }) => action)).toEqual(
    expect.arrayContaining(["create-user", "create-namespace", "push", "tag", "read-audit"]),
  );
  const latest = await pages(guarded.admin, "/audit", "&order=latest");
  expect(latest.map(({ id }) => id)).toEqual(expect.arrayContaining(ids));
  expect(latest[0]!.id).toBeGreaterThan(latest.at(-1)!.id);
});

test("entries are chosen by principal, action, decision, place and time", async () => {
  const refused = await pages(guarded.admin, "/audit", "&decision=refused&principal=user:ann");
  expect(refused).toMatchObject([
    { action: "read-audit", target: "the server", reason: "no grant reaches here" },
    { action: "read-audit", target: "namespace team" },
  ]);
  expect(await pages(guarded.admin, "/audit", "&repository=team&action=push")).toMatchObject([
    { repository: "team/app" },
  ]);
  expect(await pages(guarded.admin, "/audit", "&since=2999-01-01T00:00:00Z")).toEqual([]);
  expect((await guarded.admin.get("/audit?after=x")).code).toBe("PAGINATION_INVALID");
  expect((await guarded.admin.get("/audit?order=latest&after=1.2")).code).toBe("PAGINATION_INVALID");
  expect((await guarded.admin.get("/audit?column=detail")).status).toBe(400);
});

test("who may read the audit of a namespace reads that of its repositories alone", async () => {
  expect((await ann.get("/audit")).status).toBe(403);
  expect((await ann.get("/namespaces/other/-/audit")).status).toBe(403);
  for (const query of ["", "&order=latest", "&repository=other", "&repository=team/app"]) {
    const entries = await pages(ann, "/namespaces/team/-/audit", query);
    expect(new Set(entries.map(({ repository }) => repository))).toEqual(
      new Set(query === "&repository=other" ? [] : ["team/app"]),
    );
  }
});

test("what is in the trail from before a namespace was made is not for the owner of the one that has its path now", async () => {
  const { admin } = guarded;
  const make = async () => {
    expect((await admin.post("/namespaces", { path: "again" })).status).toBe(201);
    expect((await admin.post("/repositories", { name: "again/app" })).status).toBe(201);
  };
  await make();
  await admin.delete("/repositories/again/app");
  expect((await admin.delete("/namespaces/again")).status).toBe(204);
  await new Promise((resolve) => setTimeout(resolve, 5));
  await make();
  await admin.post("/namespaces/again/-/grants", { to: { user: "ann" }, role: "owner" });
  const entries = await pages(ann, "/namespaces/again/-/audit", "&order=latest");
  expect(entries.map(({ action }) => action)).toEqual(["create-repository"]);
  expect(await pages(admin, "/audit", "&order=latest&repository=again")).toHaveLength(3);
});

test("a reader that has come to the end goes on from where it looked, however few entries fit", async () => {
  const { body } = await guarded.admin.get<Page>("/audit?principal=user:nobody");
  expect(body).toMatchObject({ items: [], next: null });
  const later = await guarded.admin.get<Page>(`/audit?after=${body.cursor}`);
  expect(later.body.items).toEqual([]);
});

test("a request looks at so many rows and no more, and says where to go on", async () => {
  const database = await openTestDatabase(undefined);
  const { metadata } = database;
  const attempt = { principal: "user:eve", credential: null, address: null, request: null, reason: null };
  const refused = Array.from({ length: 5_000 }, (_, index) => ({
    ...{ ...attempt, action: index === 4_999 ? "rare" : "pull", repository: "a", target: "" },
    ...{ firstAt: index, lastAt: index, times: 1 },
  }));
  await metadata.write("recordRefusals", { refused });
  while ((await metadata.write("sealTrail", { limit: 500 })).sealed > 0);
  for (const [order, times] of [
    ["oldest", 3],
    ["latest", 3],
  ] as const) {
    const found: TrailEntry[] = [];
    let asked = 0;
    for (let after: string | null = ""; after !== null; asked++) {
      const read = await readTrailPage(metadata.read, { action: "rare" }, { after, limit: 10, order });
      found.push(...read.entries);
      after = read.next;
    }
    expect([order, asked, found.length]).toEqual([order, times, 1]);
  }
  await database.close();
});
