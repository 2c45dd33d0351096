import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { expectGolden } from "../../tests/support/golden.ts";
import { needPeers } from "../../tests/support/peers.ts";
import { startPostgres } from "../../tests/support/postgres.ts";
import { listStatements } from "./index.ts";
import { SqliteConnection } from "./dialects/sqlite-connection.ts";
import { migratePostgres } from "./dialects/postgres-migrate.ts";
import { migrateSqlite } from "./dialects/sqlite-migrate.ts";
import type { DialectName, Parameter } from "./statement.ts";
import { loadTables } from "./testing/loaded-tables.ts";
import { ofType, samples } from "./testing/sample-parameters.ts";

/** Statements that may look at a whole table or sort, each with the reason; all others are on the path of a request. */
const allowed: { readonly [statement: string]: string } = {
  findInstallation: "a handful of rows, read at start",
  lockInstallation: "a handful of rows, by the sealer",
  insertRepository: "SQLite lists the look for children that it takes only while a foreign key is violated",
  countDeadObjects: "asked by a command, once",
  listLifecyclePreviews: "of one repository: ten that are there, and those that are not removed yet",
  countOldOrphans: "asked by a command; orphans are few",
  listGrantsOfAccount: "rights of one principal, kept until access changes",
  listGrantsOfGroup: "rights of one principal, kept until access changes",
  listGrantsOfRobot: "rights of one principal, kept until access changes",
  ...{ listGrantsOfTrustRule: "rights of one rule, kept until access changes", listPolicyRevisions: "the same of all" },
  listMembershipsOfSource: "groups of one account, at its login",
  findSponsoredRule: "rules are few: CI systems and clusters",
  listTrustRulesMadeWith: "rules are few: CI systems and clusters",
  listLogins: "logins of one account, a page",
  listSecretsMadeWith: "what one credential made, when that is shown or revoked",
  listTrustRules: "rules are few: CI systems and clusters",
  listTrustRulesOfIssuer: "the rules of one issuer, a handful",
  listGroupsOfAccount: "rights of one principal, kept until access changes",
  countUnsealed: "asked by a command, once; rows without a seal are few",
  countSomeUnsealed: "asked for figures; rows without a seal are few, and it ends at a limit",
  listSigningKeys: "a handful of rows, read when a key is made or shown",
  findSigningKey: "a handful of rows, each read once by a process",
  deleteOldSigningKeys: "a handful of rows, when a key is made",
  hasAccounts: "looks at one row, at the start",
  listRepositoriesById: "the repositories that an account was given one by one, sorted by name",
  listNamesWithUndoById: "the same, with what can be undone in them",
  ...{ pageNamesWithUndo: "a page of names, sorted until PostgreSQL analyses the table", listUndoOfRun: "the same" },
  findNearestNamespace: "the namespaces above a repository, a handful, when it is made",
  lockTag: "with the version of settings, one of a handful of rows of the installation",
  insertTag: "with the version of settings, one of a handful of rows of the installation",
  findClosed: "namespaces that let nothing be public, a handful, when a repository is made or opened",
  ...{ listHoldsBelow: "holds are few", hastenReviews: "when a hold is released", listUsageReports: "a hundred" },
  ...{ listTemplates: "a hundred of one namespace at most", listTemplatesAt: "templates above one repository" },
  ...{ listEcrTemplates: "templates of one namespace, sorted", listEcrTemplatesAt: "templates above a repository" },
  listSettings: "the settings of the namespaces above a repository and its own, kept until settings change",
  listNamespacesAt: "the namespaces above a repository, a handful",
  listPublicBelow: "asked when a visibility is enforced",
  listSettingsBelow: "asked when a setting is enforced; those of one key",
  closeBelow: "once, when a visibility is enforced",
  reopenBelow: "once, when a visibility is no longer enforced",
  listRobotSecrets: "the secrets of one robot, a handful",
  listMembers: "members of one group, sorted by name",
  findRootOwner: "asked when an account, a member or a grant is taken away; owners of a server are few",
  findInNamespace: "three rows at most, one of each kind",
  deleteOldNodes: "a handful of rows",
  ...{ findNode: "a handful of rows", deleteNode: "a handful of rows" },
  releaseLeases: "once, at the start; uploads under way are few",
  countExpiredUploads: "a command that looks without doing",
  listNodes: "a command that asks who is there: one row for each process of the last day",
  forgetOrphans: "the end of a sweep of the whole store; orphans are few",
  findImage: "the tags of one manifest, by name",
  findImageBound: "the end of one look, sorted while PostgreSQL has not analysed the table",
  listImages: "the tags of each manifest of a page, by name",
  ...{ listEcrImages: "the tags of each manifest of a page, by name", findEcrImages: "the same" },
  listChildren: "what one index lists",
  listTagRows: "a page of tags, sorted while PostgreSQL has not analysed the table",
  listRepositoryRows: "a page of names, sorted",
  listTombstones: "deleted repositories are few, and are looked for in the background",
  measureLinks: "sums over a page of rows that an index gave",
  measureManifests: "sums over a page of rows that an index gave",
  measureTags: "sums over a page of rows that an index gave",
  ...{ readBlobFacts: "a page of rows that an index gave", readManifestFacts: "the same; tags of each, by name" },
  lockDueJob: "unfinished jobs are few",
  countWaiting: "as many as may wait for one webhook, at most, where an event is for it",
  listStaleDeliveries: "a batch, in the background, once an hour",
  findPullWebhook: "webhooks are few; asked with each batch of pulls",
  listLiveWebhooks: "webhooks are few; read with each batch of events",
  listDueWebhooks: "webhooks are few; each process looks every half second",
  ...{ hasEvents: "one row, if there is one", listEvents: "the first: those that are read are removed" },
  ...{ insertDeliveries: "a batch of events, sorted by number", deleteOldJobs: "a batch, once a day" },
  ...{ listDeliveries: "the log of one webhook, which is bounded", listManyDeliveries: "the same" },
  ...{ releaseWebhooks: "once, at the start; webhooks are few", releaseJobs: "the same with unfinished jobs" },
  ...{ listJobs: "a page, read backwards, on a table not analysed", listSchedules: "schedules are few" },
  countDeviceLogins: "ten thousand rows at most, when a machine without a browser asks for a code",
  countLoginsOfNetwork: "fifty rows of an index at most, counted",
  ...{ lockLinks: "rows are locked in the order of their digests; at most a thousand", lockChildren: "the same" },
  insertLink: "with the version of settings, one of a handful of rows of the installation",
  insertManifest: "with the version of settings, one of a handful of rows of the installation",
  ...{ enterBlobs: "what is given is sorted: blobs and the namespaces above them", holdBlobs: "the same" },
  ...{ lockBlobs: "the same", holdParents: "what one index lists, in the order of ids" },
  findUnsettled: "two rows at most, one of each kind",
  takeDeltas: "a batch, in the background",
  ...{ listQuotasBelow: "a command that counts everything anew", measureOwnBlobs: "the same, a page" },
  ...{ listUndo: "the tags of each manifest of a page, by name", countEndedUndo: "asked by a command, once" },
  ...{
    weighBlobs: "a page of the background, once an hour",
    weighManifests: "the same, by repository",
    explainBlobs: "a page of a command that looks without doing",
  },
  ...{ explainManifests: "the same", listCollectionPasses: "a row for each process of the last day" },
  deleteOldPasses: "the same",
  findRunUndo: "the first of one run, sorted while PostgreSQL has not analysed the table",
  listManifestsNow: "rows are locked in the order of their digests; those of one image",
};

/** Statements of the background that may read many pages, each with the reason. */
const allowedReads: { readonly [statement: string]: string } = {
  readBlobFacts: "a page of blobs, each looked up by its id and in other repositories",
  countEndedUndo: "asked by a command, once",
  listDueWebhooks: "webhooks are few; each process looks every half second",
  listLiveWebhooks: "webhooks are few; read with each batch of events",
  listStaleDeliveries: "a batch, in the background, once an hour",
  releaseJobs: "once, at the start; unfinished jobs are few",
  releaseLeases: "once, at the start; uploads under way are few",
  findImageBound: "two thousand entries of an index, once for each look over a list of images",
  listImages: "a page of ten images with tags, children and their sizes",
  listEcrImages: "the same",
  listUntaggedDigests: "two thousand entries of an index at most: each look has bounds",
  pageNamesWithUndo: "a page of names, each looked up",
  pageBlobsPending: "a page of blobs of a deleted repository, counted in the background",
  measureOwnBlobs: "a page of links of a command that counts everything anew",
  findUseOfRepository: "what a repository runs, when it is deleted or renamed",
  ...{
    weighBlobs: "a page of the background, once an hour",
    explainBlobs: "a page of a command that looks without doing",
  },
  ...{ explainManifests: "the same", weighUndo: "a page of the background, once an hour" },
  ...{ weighManifests: "the same", listPolicyRevisions: "repositories with a policy, kept until access changes" },
  listManifests: "fsck takes ten manifests with their bytes, six pages each",
};

/** Pages of 8 KiB: ten rows of a list, each on pages of its own, found by an index of three levels. */
const pageLimit = 60;

type Plans = ReadonlyMap<string, readonly string[]>;

const folder = mkdtempSync(join(tmpdir(), "berth-plans-"));
const postgres = await startPostgres();
const sqlite = new SqliteConnection(join(folder, "berth.db"), { readOnly: false });
const pool = postgres === undefined ? undefined : new pg.Pool({ connectionString: postgres.url, max: 1 });
// The server says good-bye to connections that are ending already.
pool?.on("connect", (client) => client.on("error", () => undefined));
pool?.on("error", () => undefined);
const plans: { [dialect in DialectName]?: { readonly fresh: Plans; readonly analysed: Plans } } = {};

beforeAll(async () => {
  migrateSqlite(sqlite);
  const load = loadTables("sqlite");
  for (const step of load.slice(0, -1)) sqlite.exec(step);
  const fresh = planSqlite();
  sqlite.exec(load.at(-1)!);
  plans.sqlite = { fresh, analysed: planSqlite() };
  if (pool === undefined) return;
  await migratePostgres(pool);
  // What it looks at by itself while rows are loaded, the plans would tell of: now this, now that.
  for (const step of ["alter system set autovacuum = off", "select pg_reload_conf()"]) await pool.query(step);
  // What production has until the server analyses by itself.
  await pool.query("set plan_cache_mode = force_generic_plan; set max_parallel_workers_per_gather = 0");
  const steps = loadTables("postgres");
  for (const step of steps.slice(0, -1)) await pool.query(step);
  const freshPostgres = await planPostgres(pool);
  await pool.query(steps.at(-1)!);
  plans.postgres = { fresh: freshPostgres, analysed: await planPostgres(pool) };
});

afterAll(async () => {
  sqlite.close();
  await pool?.end();
  await postgres?.stop();
  rmSync(folder, { recursive: true });
});

function planSqlite(): Plans {
  return new Map(
    listStatements().map(({ name, compile }) => {
      const { sql } = compile("sqlite");
      const rows = sqlite.database.prepare(`explain query plan ${sql}`).all() as {
        id: number;
        parent: number;
        detail: string;
      }[];
      const depth = new Map<number, number>([[0, -1]]);
      return [
        name,
        rows.map(({ id, parent, detail }) => {
          const level = (depth.get(parent) ?? -1) + 1;
          depth.set(id, level);
          return "  ".repeat(level) + detail;
        }),
      ];
    }),
  );
}

/** Plans that serve any parameters, since the same connection serves every request. */
async function planPostgres(connection: pg.Pool): Promise<Plans> {
  const found = new Map<string, readonly string[]>();
  for (const { name, compile } of listStatements()) {
    const { sql, bindings } = compile("postgres");
    await connection.query(`prepare plan as ${sql}`);
    const values = bindings.length === 0 ? "" : `(${bindings.map(() => "null").join(", ")})`;
    const { rows } = await connection.query<{ "QUERY PLAN": string }>(`explain (costs off) execute plan${values}`);
    await connection.query("deallocate plan");
    const lines = rows.map((row) => row["QUERY PLAN"]);
    found.set(name, lines);
  }
  return found;
}

/** What a request must not do: read a whole table or index, or sort what it read. */
function findScans(dialect: DialectName, plan: readonly string[]): string[] {
  if (dialect === "sqlite") {
    const whole = /^\s*(?:SCAN (?!(?:e|json_each) VIRTUAL TABLE|CONSTANT ROW|page$)|USE TEMP B-TREE)/;
    return plan.filter((line) => whole.test(line));
  }
  return plan.filter((line, index) => {
    if (/Seq Scan on|\bSort$/.test(line)) return true;
    // An index that is read without a condition is read whole.
    return /Index (?:Only )?Scan using/.test(line) && !/Index Cond/.test(plan[index + 1] ?? "");
  });
}

function literal(value: Parameter): string {
  if (value === null) return "null";
  if (value instanceof Uint8Array) return `'\\x${Buffer.from(value).toString("hex")}'`;
  if (typeof value === "object") return `'{${value.join(",")}}'`;
  return typeof value === "number" ? String(value) : `'${value}'`;
}

for (const dialect of ["sqlite", "postgres"] as const) {
  for (const age of ["fresh", "analysed"] as const) {
    test(`no statement of a request reads a whole table on ${dialect}, its tables ${age}`, (context) => {
      if (plans[dialect] === undefined) needPeers(context, "postgresql");
      const scans: Record<string, readonly string[]> = {};
      for (const [name, plan] of plans[dialect]![age]) {
        const found = findScans(dialect, plan);
        if (found.length > 0 && allowed[name] === undefined) scans[name] = plan;
      }
      expect(scans).toEqual({});
    });
  }

  test(`SQL and plans on ${dialect} are those of the golden file`, async (context) => {
    if (plans[dialect] === undefined) needPeers(context, "postgresql");
    const text = listStatements().map(({ name, compile }) => {
      const plan = plans[dialect]!.analysed.get(name)!;
      return `${name}\n    ${compile(dialect).sql}\n${plan.map((line) => `      ${line}\n`).join("")}`;
    });
    await expectGolden(`sql.${dialect}.txt`, text.join("\n"));
  });
}

test("no look-up or update reads more than a few pages, however full its repository is (PostgreSQL)", async (context) => {
  if (pool === undefined) return needPeers(context, "postgresql");
  const heavy: Record<string, unknown> = {};
  for (const { name, compile } of listStatements()) {
    const { sql, bindings } = compile("postgres");
    if (!/^(?:select|update) /.test(sql) || allowedReads[name] !== undefined) continue;
    await pool.query(`prepare measured as ${sql}`);
    const { rows } = await pool.query<{ types: string[] }>(
      "select parameter_types::text[] as types from pg_prepared_statements where name = 'measured'",
    );
    const values = bindings.map((binding, index) => {
      if ("constant" in binding) return literal(binding.constant);
      return literal(samples[name]?.[binding.parameter] ?? ofType[rows[0]!.types[index]!]!(binding.parameter));
    });
    await pool.query("begin");
    const call = values.length === 0 ? "measured" : `measured(${values.join(", ")})`;
    const explained = await pool.query<{ "QUERY PLAN": [{ Plan: Record<string, number> }] }>(
      `explain (analyze, buffers, timing off, format json) execute ${call}`,
    );
    await pool.query("rollback");
    await pool.query("deallocate measured");
    const { Plan: plan } = explained.rows[0]!["QUERY PLAN"][0];
    const pages = plan["Shared Hit Blocks"]! + plan["Shared Read Blocks"]!;
    if (pages > pageLimit) heavy[name] = pages;
  }
  expect(heavy).toEqual({});
});

test("every table of the schema is loaded", () => {
  const names = sqlite.database.prepare("select name from sqlite_master where type = 'table'").all();
  for (const { name } of names) {
    if (/^sqlite_/.test(String(name))) continue;
    const row = sqlite.database.prepare(`select count(*) as rows from ${String(name)}`).get();
    expect(Number(row?.["rows"]), `${String(name)} is empty: fill it in testing/loaded-tables.ts`).toBeGreaterThan(0);
  }
});

test("every foreign key has an index that finds the rows that name a row", () => {
  const tables = sqlite.database.prepare("select name from sqlite_master where type = 'table'").all();
  for (const { name } of tables) {
    const keys = sqlite.database.prepare(`select id, "from" as source from pragma_foreign_key_list(?)`).all(name!);
    const indexes = sqlite.database.prepare("select name from pragma_index_list(?)").all(name!);
    const leading = indexes.map((index) =>
      sqlite.database
        .prepare("select name from pragma_index_info(?) order by seqno")
        .all(index["name"]!)
        .map((column) => String(column["name"])),
    );
    leading.push(
      sqlite.database
        .prepare("select name from pragma_table_info(?) where pk > 0 order by pk")
        .all(name!)
        .map((column) => String(column["name"])),
    );
    for (const columns of Map.groupBy(keys, (key) => Number(key["id"])).values()) {
      const wanted = columns.map((key) => String(key["source"]));
      const found = leading.some((index) => wanted.every((column) => index.slice(0, wanted.length).includes(column)));
      expect(found, `${String(name)} (${wanted.join(", ")}) has no index`).toBe(true);
    }
  }
});
