// npm run bench:lifecycle-run: plans a repository of 100,000 images from its rows on SQLite as a run does, then deletes some
// of them; says seconds, images a second and memory as JSON.
import { LifecycleStage } from "../tests/support/lifecycle-stage.ts";
import { openTestDatabase } from "../tests/support/open-database.ts";

const count = 100_000;
/** Of the images that go, how many are waited for. */
const waitFor = 2_000;
const name = "team/app";
const day = 86_400_000;

const database = await openTestDatabase(undefined);
const stage = new LifecycleStage(database);
await stage.image(name, "first", "first");
const now = Date.now();
const hex = "printf('%064x', i)";
const rows = (sql: string) =>
  `with recursive n (i) as (select 1 union all select i + 1 from n where i < ${count}) ${sql}`;
const [{ id }] = (await database.sql(`select id from repository where name = '${name}'`)) as [{ id: number }];
await database.sql(
  rows(`insert into manifest (id, repository_id, digest, media_type, size, kind, content_size, pin_until, created_at, labels)
    select 10 + i, ${id}, 'sha256:' || ${hex}, 'application/vnd.oci.image.manifest.v1+json', 900, 'image', 5000, 0,
      ${now} - (i * 7919 % 400) * ${day} - i, '{"org.opencontainers.image.version":"1.' || i || '"}' from n`),
);
await database.sql(rows(`insert into manifest_content (manifest_id, bytes) select 10 + i, zeroblob(900) from n`));
await database.sql(
  rows(`insert into blob (id, digest, size, key, pin_until, bad, created_at)
    select 10 + i, 'sha256:f' || substr(${hex}, 2), i, 'o/' || i, 0, 0, ${now} from n`),
);
await database.sql(
  rows(`insert into repository_blob (repository_id, blob_id, pin_until) select ${id}, 10 + i, 0 from n`),
);
await database.sql(
  rows(`insert into manifest_blob (manifest_id, repository_id, blob_id) select 10 + i, ${id}, 10 + i from n`),
);
await database.sql(
  rows(`insert into tag (repository_id, name, manifest_id, created_at, updated_at)
    select ${id}, 'v1.' || (i % 97) || '.' || i, 10 + i, ${now} - 300 * ${day}, ${now} - (i * 31 % 390) * ${day} from n`),
);
const rules = [
  { name: "releases", action: "keep", select: { semver: ">=1.90" }, newest: { count: 500, by: "semver" } },
  { name: "rest", action: "expire", olderThan: { days: 90 }, exceptNewest: { count: 1_000 } },
];
await stage.set({ repository: name }, { lifecycle: { rules, floor: { percent: 100 } } });
const { metadata } = database;
const times = new Map<string, number>();
/** When a write was asked for first, and when it was done last. */
const write = async (asked: never, input: never) => {
  const first = `${String(asked)} asked`;
  if (!times.has(first)) {
    times.set(first, performance.now());
    if (/^(?:dropLifecyclePlan|keepLifecyclePlan)$/.test(asked)) planning = cpu() - planning;
  }
  const answer = await metadata.write(asked, input);
  times.set(asked, performance.now());
  return answer;
};
/** Of all threads, in seconds. */
const cpu = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000_000;
};
let planning = 0;
const between = (from: string, to: string) => (times.get(to)! - times.get(from)!) / 1000;
await stage.open({ lease: 15_000, look: 500 }, { ...metadata, read: metadata.read, write: write as never });
const run = await stage.start(name);
let row: Record<string, unknown> = {};
while (Number(row["next"] ?? 0) < waitFor) {
  await new Promise((resolve) => setTimeout(resolve, 200));
  [row = {}] = await database.sql(`select next, expired from lifecycle_run where id = ${run}`);
}
const ended = performance.now();
const figures = {
  images: count,
  expired: row["expired"],
  planned: `${between("dropLifecyclePlan", "keepLifecyclePlan asked").toFixed(1)} s`,
  // With what the server does beside it in that time.
  plannedByProcessor: `${planning.toFixed(1)} s`,
  writtenDown: `${between("keepLifecyclePlan asked", "settleLifecyclePlan").toFixed(1)} s`,
  deletedASecond: Math.round((Number(row["next"]) * 1000) / (ended - times.get("settleLifecyclePlan")!)),
  memory: `${Math.round(process.resourceUsage().maxRSS / 1024)} MiB`,
};
await stage.close();
await database.close();
console.log(JSON.stringify(figures));
