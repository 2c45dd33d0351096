import { setTimeout } from "node:timers/promises";
import { digestOf } from "../../support/open-registry.ts";
import type { ApiClient } from "../../support/management-client.ts";
import type { Received } from "../../support/receiver.ts";
import { some } from "../stress-client.ts";
import type { GovernedWorld } from "./governed-client.ts";
import { follow, judgeTold, readTold } from "./judge-told.ts";
import { judgeMoved } from "./moving-client.ts";
import { isMoved } from "./moving.ts";
import type { Ground } from "./ground.ts";
import type { Standing, Told } from "./judge-told.ts";
import { familyOf, imageKey } from "./ledger.ts";
import type { KnownImage } from "./ledger.ts";

/** The end of a load, with everything that is known of it. */
export interface Case {
  readonly world: GovernedWorld;
  readonly api: ApiClient;
  readonly look: Ground["look"];
  /** What receivers were told, in its order; goes on growing. */
  readonly taken: readonly Received[];
  readonly quotas: Readonly<Record<string, number>>;
}

/** Deletes that are undone, at most. */
const sampled = 40;
/** What must happen by itself gets so long, in milliseconds. */
const patience = 180_000;

/** Compares everything. What must not be goes to the violations. @returns how much was looked at */
export async function judge(of: Case): Promise<Record<string, number>> {
  const { world, api, taken } = of;
  const { violations, ledger } = world;
  await comeToRest(of);
  const used = await judgeQuotas(of);
  if (used["storage"]! > of.quotas["quotaStorage"]! || used["images"]! > of.quotas["quotaImages"]!) {
    violations.push(`more is there than the quotas have room for: ${JSON.stringify(used)}`);
  }
  const toldOf = (path: string) => readTold(taken.filter((message) => message.path === path));
  const undone = await undoSome(of, toldOf("/all").told);
  await endShortWindows(of);
  await comeToRest(of);
  await judgeQuotas(of);
  const [all, long] = [toldOf("/all"), toldOf("/long")];
  violations.push(...all.faults, ...long.faults);
  violations.push(...judgeTold(ledger, all.told, () => true));
  violations.push(...judgeTold(ledger, long.told, (repository) => repository.startsWith("stress/long/")));
  const ended = new Set(all.told.filter(({ type }) => type === "lifecycle.ran").map(({ data }) => Number(data["run"])));
  for (const run of ledger.runs) if (!ended.has(run)) violations.push(`nobody was told of the end of run ${run}`);
  await judgeStanding(of, () =>
    follow(
      ledger,
      toldOf("/all").told.filter(({ data }) => !isMoved(data.repository)),
    ),
  );
  violations.push(...(await judgeMoved(world.url, ledger.moved, toldOf("/all").told)));
  await judgeKept(of);
  const { body } = await api.post("/namespaces/stress/-/quotas/recount", {});
  for (const one of body.items) if (one.corrected) violations.push(`a count was set right: ${JSON.stringify(one)}`);
  await letGo(of);
  const byLifecycle = all.told.filter(
    ({ type, data }) => type === "image.deleted" && data.actor === "system:lifecycle",
  ).length;
  return {
    "events told, repeats dropped": all.told.length,
    "messages that receivers took, repeats and a second receiver among them": taken.length,
    "lifecycle runs": ended.size,
    "images that they deleted": byLifecycle,
    "promises that an image stays": ledger.keeps.length,
    "renames of repositories": ledger.moved.flatMap(({ renames }) => renames).reduce((sum, { sure }) => sum + sure, 0),
    "deletes and moves undone at the end, their images pulled whole": undone,
  };
}

async function until(done: () => boolean | Promise<boolean>): Promise<boolean> {
  for (const began = performance.now(); performance.now() - began < patience; await setTimeout(200)) {
    if (await done()) return true;
  }
  return false;
}

/** Waits until no event, delivery and job is under way. */
async function comeToRest(of: Case): Promise<void> {
  const sql = `select (select count(*) from event) + (select count(*) from delivery where state = 'waiting')
    + (select count(*) from job where state in ('waiting', 'running')) as count`;
  const rests = await until(() => isNone(of, sql));
  if (!rests) of.world.violations.push("events, deliveries or jobs are not done");
  const isWhole = await isNone(of, "select count(*) as count from delivery where state = 'dead'");
  if (!isWhole) of.world.violations.push("some deliveries are dead");
}

/** PostgreSQL's numbers of this size come as texts. */
async function isNone({ look }: Case, sql: string): Promise<boolean> {
  return Number((await look<{ count: number | string }>(sql))[0]!.count) === 0;
}

/** What is counted against what is there, by the rows of content alone. */
async function judgeQuotas({ world, look }: Case): Promise<Readonly<Record<string, number>>> {
  const inside = "(select id from repository where name like 'stress/%')";
  const numbers = async (sql: string) =>
    Object.fromEntries(Object.entries((await look(sql))[0]!).map(([name, value]) => [name, Number(value)]));
  const of = (database: string) => `select f.storage, f.images, f.repositories, q.storage as counted_storage,
        q.images as counted_images, q.repositories as counted_repositories
      from (${database}) f, quota q join namespace n on n.id = q.namespace_id where n.path = 'stress'`;
  const sql = of(`select
        (select coalesce(sum(size), 0) from blob where id in
            (select blob_id from repository_blob where repository_id in ${inside}))
          + (select coalesce(sum(size), 0) from manifest where repository_id in ${inside}) as storage,
        (select count(*) from manifest m where repository_id in ${inside} and subject is null
          and not exists (select 1 from manifest_child c where c.child_id = m.id)) as images,
        (select count(*) from repository where name like 'stress/%') as repositories`);
  let all = await numbers(sql);
  const isEqual = () => ["storage", "images", "repositories"].every((name) => all[name] === all[`counted_${name}`]);
  // With several nodes what was changed is added to the sums a moment later.
  await until(async () => isEqual() || ((all = await numbers(sql)), isEqual()));
  if (!isEqual()) world.violations.push(`counted for quotas and there: ${JSON.stringify(all)}`);
  return all;
}

interface Entry {
  readonly id: number;
  readonly kind: string;
  readonly target: string;
  readonly digest: string | null;
  readonly tags: readonly string[];
}

async function listUndo({ api }: Case, repository: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (let after = ""; ;) {
    const { body } = await api.get(`/repositories/${repository}/-/undo?limit=1000${after}`);
    entries.push(...body.items);
    if (body.next === null) return entries;
    after = `&after=${encodeURIComponent(body.next)}`;
  }
}

const isLong = (repository: string) => repository.startsWith("stress/long/");

/** What was deleted less than an hour ago can all be undone; some of it is, and its images are whole. */
async function undoSome(of: Case, told: readonly Told[]): Promise<number> {
  const { world, api } = of;
  const { violations, ledger } = world;
  const deleted = new Map<string, boolean>();
  for (const { type, data } of told) {
    const image = `${data.repository}@${data.digest}`;
    // What collection takes nobody has deleted.
    if (type === "image.deleted") deleted.set(image, data.actor !== "system:collection");
    else if (type === "image.pushed") deleted.delete(image);
    else if (type === "undo.applied") for (const one of [image, ...familyOf(ledger, image)]) deleted.delete(one);
  }
  const room = { quotaStorage: null, quotaImages: null };
  await api.patch("/namespaces/stress/-/settings", { set: room });
  let undone = 0;
  for (const repository of world.repositories.filter(isLong)) {
    const entries = await listUndo(of, repository);
    for (const [image, undoable] of deleted) {
      if (!undoable || !image.startsWith(`${repository}@`)) continue;
      if (entries.some(({ kind, target }) => kind === "manifest" && image === `${repository}@${target}`)) continue;
      violations.push(`${image} was deleted, and cannot be undone within its window`);
    }
    for (let turn = 0; turn < sampled && entries.length > 0; turn++) {
      const entry = some(entries);
      entries.splice(entries.indexOf(entry), 1);
      const { id, kind, target, digest, tags } = entry;
      const tagged = kind === "tag" ? [target] : tags;
      for (const tag of tagged) ledger.changesOf(`${repository}:${tag}`).push({ what: `to ${digest}`, sure: false });
      const change = { what: "undone", sure: true };
      const { status, text } = await api.post(`/repositories/${repository}/-/undo/${id}`, {});
      // Undo moves tags by the rules of the moment, holds among them.
      if (status === 403 && text.includes("is held")) continue;
      if (status === 404 && !(await listUndo(of, repository)).some((one) => one.id === id)) continue;
      if (status !== 200)
        violations.push(`${JSON.stringify(entry)} of ${repository} cannot be undone: ${status} ${text}`);
      ledger.undone.set(`${repository}#${id}`, change);
      await expectWhole(world, `${repository}@${digest}`, "that came back");
      undone++;
    }
  }
  return undone;
}

/** An image as it was pushed, with all its bytes. */
async function expectWhole(world: GovernedWorld, image: string, which: string): Promise<void> {
  const known = world.ledger.images.get(image);
  if (known === undefined) return void world.violations.push(`nobody pushed ${image}`);
  const { repository, digest, text, layers, children = [] } = known;
  const manifest = await fetch(`${world.url}/v2/${repository}/manifests/${digest}`);
  const got = await manifest.text();
  if (got !== text) world.violations.push(`${image}, ${which}: ${manifest.status} ${got.slice(0, 200)}`);
  for (const child of children) await expectWhole(world, imageKey(child), `which ${image} lists, ${which}`);
  for (const layer of layers) {
    const blob = await fetch(`${world.url}/v2/${repository}/blobs/${digestOf(Buffer.from(layer))}`);
    if ((await blob.text()) !== layer)
      world.violations.push(`${image}, ${which}, has not all its bytes: ${blob.status}`);
  }
}

/** What could be undone for two seconds cannot be any more, and nothing is kept of it. */
async function endShortWindows(of: Case): Promise<void> {
  const { world, api } = of;
  const sql = `select count(*) as count from undo u join repository r on r.id = u.repository_id
    where r.name like 'stress/short/%' or u.until_at < ${Date.now()}`;
  if (!(await until(() => isNone(of, sql)))) {
    world.violations.push("undo of windows that are over is kept");
  }
  for (const repository of world.repositories.filter((one) => !isLong(one))) {
    const entries = await listUndo(of, repository);
    if (entries.length > 0) world.violations.push(`${repository} has what can be undone: ${JSON.stringify(entries)}`);
  }
  const over = [...world.seenUndo.keys()].filter((name) => !isLong(name)).slice(-5);
  for (const name of over) {
    const [repository, entry] = name.split("#");
    const { status } = await api.post(`/repositories/${repository}/-/undo/${entry}`, {});
    if (status !== 404) world.violations.push(`${name} was undone after its window: ${status}`);
  }
}

/** Whoever followed the events knows what is there. Collection may be at work: a difference that stays counts. */
async function judgeStanding(of: Case, standing: () => Standing): Promise<void> {
  let faults: string[] = [];
  for (let attempt = 0; attempt < 4; attempt++) {
    await comeToRest(of);
    const by = standing();
    const there = await of.look<{ name: string; digest: string }>(
      `select r.name || ':' || t.name as name, m.digest from tag t
       join manifest m on m.id = t.manifest_id join repository r on r.id = m.repository_id`,
    );
    const tags = new Map(there.filter(({ name }) => !isMoved(name)).map(({ name, digest }) => [name, digest]));
    const images = new Set(
      (
        await of.look<{ image: string }>(
          "select r.name || '@' || m.digest as image from manifest m join repository r on r.id = m.repository_id",
        )
      )
        .map(({ image }) => image)
        .filter((image) => !isMoved(image)),
    );
    faults = [
      ...[...new Set([...tags.keys(), ...by.tags.keys()])]
        .filter((tag) => tags.get(tag) !== by.tags.get(tag))
        .map((tag) => `${tag} is at ${tags.get(tag)}, by the events at ${by.tags.get(tag)}`),
      ...[...images.symmetricDifference(by.images).difference(by.unsure)].map(
        (image) => `${image} is ${images.has(image) ? "" : "not "}there, by the events it is otherwise`,
      ),
    ];
    if (faults.length === 0) break;
    await setTimeout(2_000);
  }
  of.world.violations.push(...faults.slice(0, 20));
  const { url, ledger } = of.world;
  // And for clients it is as it is in the rows.
  for (const [tag, digest] of [...standing().tags].slice(0, 20)) {
    const [repository, name] = tag.split(":");
    const response = await fetch(`${url}/v2/${repository}/manifests/${name}`);
    const known: KnownImage | undefined = ledger.images.get(`${repository}@${digest}`);
    if ((await response.text()) !== known?.text)
      of.world.violations.push(`${tag} is not ${digest}: ${response.status}`);
    await expectWhole(of.world, `${repository}@${digest}`, `that ${tag} is at`);
  }
}

/** What is promised to stay at the end is there. */
async function judgeKept({ world }: Case): Promise<void> {
  const kept = new Set(world.ledger.keeps.filter(({ until: end }) => end > Date.now()).map(({ image }) => image));
  for (const image of kept) await expectWhole(world, image, "that was promised to stay");
}

/** From now on everything may be deleted for good. */
async function letGo({ world, api }: Case): Promise<void> {
  for (let more = true; more;) {
    const { body } = await api.get("/namespaces/stress/-/holds?limit=1000");
    for (const { id, repository } of body.items) {
      await api.post(`/repositories/${repository}/-/holds/${id}/release`, { reason: "the end" });
    }
    more = body.next !== null;
  }
  const { body: usage } = await api.get("/namespaces/stress/-/usage");
  for (const { source } of usage.items) await api.delete(`/namespaces/stress/-/usage/${source}`);
  for (const path of ["stress/long", "stress/short"]) {
    const { status, text } = await api.patch(`/namespaces/${path}/-/settings`, { set: { undoWindow: "0s" } });
    if (status !== 200) world.violations.push(text);
  }
}
