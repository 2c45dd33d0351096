import { setTimeout } from "node:timers/promises";
import { afterEach, expect } from "vitest";
import type { ImageDecision } from "../../src/policy/index.ts";
import { inspectPreview, listPreviewImages } from "../../src/registry/index.ts";
import { dyingNode } from "../support/dying-node.ts";
import { describeEachDatabase } from "../support/each-database.ts";
import { LifecycleStage } from "../support/lifecycle-stage.ts";
import { permit } from "../support/open-registry.ts";

/* Previews that jobs work out: what they keep, how they end, and processes that die on the way. */

/** What a preview writes; signs of life come as often as time lets them. */
const steps = /^(?:dropLifecyclePreviewPages|keepLifecyclePreviewPage|finishLifecyclePreview|finishJob)$/;
const name = "team/app";

const stored = {
  rules: [{ name: "dev", action: "expire", select: { glob: ["dev-*"] }, exceptNewest: { count: 2 } }],
  floor: { images: 0, percent: 100 },
};
const given = {
  rules: [
    { name: "even", action: "expire", select: { regex: "dev-[0-9]*[02468]" } },
    { name: "untagged", action: "expire", select: { tags: "untagged" } },
    { name: "newest", action: "keep", select: { tags: "tagged" }, newest: { count: 1 } },
  ],
  floor: { images: 0, percent: 100 },
};

await describeEachDatabase((it, prepare) => {
  let stage: LifecycleStage;
  prepare(async ({ database }) => {
    stage = new LifecycleStage(database, 0);
    await stage.image(name, "kept", "v1");
    for (let n = 0; n < 5; n++) {
      await stage.image(name, `part ${n}`);
      await stage.index(name, [stage.textOf(`part ${n}`)], `dev-${n}`);
    }
    await stage.image(name, "loose");
    await stage.set({ repository: name }, { lifecycle: stored });
  });
  afterEach(() => stage.close());

  /** More images than a page has. */
  const addRows = (count: number) => stage.addRows(name, count);

  async function start(more: { policy?: object; at?: number; keep?: number } = {}): Promise<number> {
    const { policy, at = null, keep = 60_000 } = more;
    const targets = [{ id: await stage.idOf(name), name }];
    const order = { by: permit.by, targets, policy: policy === undefined ? null : JSON.stringify(policy), at, keep };
    const { previews } = await stage.database.metadata.write("startLifecyclePreviews", order);
    for (const jobs of stage.opened) jobs.wake();
    return previews[0]!;
  }

  const look = async (preview: number) =>
    inspectPreview(stage.registry, { repository: await stage.idOf(name), preview });

  async function ended(preview: number) {
    for (let times = 0; times < 6_000; times++) {
      const seen = await look(preview);
      if (!/^(?:waiting|planning)$/.test(seen.state)) return seen;
      await setTimeout(10);
    }
    throw new Error(`preview ${preview} does not end: ${stage.registry.alarms.join("; ")}`);
  }

  async function imagesOf(preview: number, limit: number, outcome?: "expired" | "kept") {
    const images: (ImageDecision & { change: string | null })[] = [];
    const repository = await stage.idOf(name);
    for (let from: number | null = 0; from !== null;) {
      const page = await listPreviewImages(stage.registry, { repository, preview, from, limit, outcome });
      expect(page.images.length).toBeLessThanOrEqual(limit);
      images.push(...page.images);
      from = page.next;
    }
    return images;
  }

  const plain = (images: readonly (ImageDecision & { change: string | null })[]) =>
    images.map(({ change: _change, ...image }) => image);

  it(
    "its pages are the preview of one request, image by image, also where they begin within what was kept together",
    { timeout: 240_000 },
    async () => {
      await addRows(700);
      await stage.open();
      const preview = await start({ policy: given });
      const { row, state } = await ended(preview);
      const whole = await stage.preview(name, given);
      expect(state).toBe("done");
      const { expired, kept, bytes, grammar, confirm, from: place } = whole;
      expect(row).toMatchObject({ expired, kept, bytes, grammar, confirm, place });
      expect(row).toMatchObject({ expired: 703, kept: 4, outcome: null });
      for (const limit of [1_000, 249]) expect(plain(await imagesOf(preview, limit))).toEqual(whole.images);
      const going = whole.images.filter(({ outcome }) => outcome === "expired");
      expect(plain(await imagesOf(preview, 100, "expired"))).toEqual(going);
      expect(plain(await imagesOf(preview, 3, "kept"))).toEqual(whole.images.slice(going.length));
      // What is different is said of each image.
      const images = await imagesOf(preview, 500);
      const changed = (change: string) => images.flatMap((one) => (one.change === change ? [one.digest] : []));
      expect(new Set(changed("goes"))).toEqual(new Set(whole.difference!.goes));
      expect(new Set(changed("stays"))).toEqual(new Set(whole.difference!.stays));
      expect([row.goes, row.stays]).toEqual([whole.difference!.goes.length, whole.difference!.stays.length]);
      expect(row.stays).toBeGreaterThan(0);
      expect(row.difference).toBe(whole.difference!.bytes);
    },
  );

  it(
    "without a policy of its own it goes by the one that holds when it is judged, and says where from",
    { timeout: 240_000 },
    async () => {
      const preview = await start();
      await stage.set({ repository: name }, { lifecycle: given });
      await stage.open();
      const { row } = await ended(preview);
      const whole = await stage.preview(name);
      expect(row).toMatchObject({ state: "done", place: whole.from, expired: whole.expired, goes: null, stays: null });
      expect(plain(await imagesOf(preview, 100))).toEqual(whole.images);
      const later = await start();
      await stage.unset({ repository: name }, ["lifecycle"]);
      expect(await ended(later)).toMatchObject({
        state: expect.stringMatching(/^(?:done|stopped)$/) as string,
      });
      await Promise.all(stage.opened.splice(0).map((jobs) => jobs.stop()));
      const none = await start();
      await stage.open();
      const { state, outcome } = await ended(none);
      expect([state, outcome]).toEqual(["stopped", expect.stringContaining(`no lifecycle policy holds for ${name}`)]);
      await expect(imagesOf(none, 10)).rejects.toMatchObject({ code: "CONFLICT" });
    },
  );

  it("one that is done between the looks at its row and at its job has not failed", async () => {
    await addRows(1);
    await stage.open();
    const preview = await start({ policy: given, at: Date.now() });
    await ended(preview);
    // Its job ends a moment after it.
    await stage.close();
    let looks = 0;
    const { read } = stage.registry.metadata;
    const first = async (...asked: Parameters<typeof read.first>) => {
      const found = await read.first(...asked);
      return looks++ === 0 ? { ...(found as object), state: "waiting" } : found;
    };
    const late = { ...stage.registry, metadata: { read: { first } } } as unknown as typeof stage.registry;
    const seen = await inspectPreview(late, { repository: await stage.idOf(name), preview });
    expect(seen.state).toBe("done");
  });

  it(
    "a process that dies at any step: another goes on, and what is kept is the same, once",
    { timeout: 300_000 },
    async () => {
      await addRows(300);
      const at = Date.now();
      const first = await stage.open();
      const model = await start({ policy: given, at });
      const { row: whole } = await ended(model);
      const left = await imagesOf(model, 1_000);
      await first.stop();
      stage.opened.splice(0);
      let deaths = 0;
      for (let dieAt = 1; dieAt < 20; dieAt++) {
        for (const when of ["before", "after"] as const) {
          const { life, node } = dyingNode(stage.database.metadata, { steps, at: dieAt, when, fails: true });
          const preview = await start({ policy: given, at });
          await stage.open({ lease: 200, atOnce: 1, attempts: 100 }, node);
          let finished = false;
          while (!life.dead && !finished) {
            const rows = await stage.database.sql(`select state from job where id = ${preview}`);
            finished = rows[0]!["state"] === "done";
            await setTimeout(5);
          }
          // Nobody hears of the dead any more: their jobs are not stopped.
          if (!finished) stage.opened.splice(0);
          await stage.open({ lease: 500, attempts: 100 });
          const { row } = await ended(preview);
          const { expired, kept, bytes } = whole;
          expect(row, `step ${dieAt} ${when}`).toMatchObject({ state: "done", expired, kept, bytes });
          expect(await imagesOf(preview, 1_000), `step ${dieAt} ${when}`).toEqual(left);
          await stage.close();
          await cancel(preview);
          if (life.dead) deaths++;
          else if (when === "after") {
            expect(deaths).toBeGreaterThan(7);
            return;
          }
        }
      }
      throw new Error("the preview has no end");
    },
  );

  async function cancel(preview: number): Promise<void> {
    const target = { id: await stage.idOf(name), name };
    await stage.database.metadata.write("cancelLifecyclePreview", { by: permit.by, target, preview });
  }

  const sweep = async () => {
    while ((await stage.database.metadata.write("expireLifecyclePreviews", { limit: 2 })).more);
  };
  const rowsLeft = async () => {
    const [pages] = await stage.database.sql("select count(*) as n from lifecycle_preview_page");
    const [previews] = await stage.database.sql("select count(*) as n from lifecycle_preview");
    return [Number(pages!["n"]), Number(previews!["n"])];
  };

  it(
    "cancelled while it waits, while it is worked out, and once it is done: it is not there, and nothing of it is left",
    { timeout: 240_000 },
    async () => {
      await addRows(600);
      const waiting = await start();
      await cancel(waiting);
      await expect(look(waiting)).rejects.toMatchObject({ code: "NOT_FOUND" });
      const [job] = await stage.database.sql(`select state, error from job where id = ${waiting}`);
      expect(job).toMatchObject({ state: "done", error: expect.stringContaining("cancelled it") as string });
      await expect(cancel(waiting)).rejects.toMatchObject({ code: "NOT_FOUND" });

      // As the first page is kept, somebody else cancels.
      const whole = stage.database.metadata;
      let cut = 0;
      const write = async (asked: never, input: never) => {
        const answer = await whole.write(asked, input);
        const kept = asked === "keepLifecyclePreviewPage" && (input as { images: string | null }).images !== null;
        if (kept && cut === 0) {
          cut = (input as { preview: number }).preview;
          await cancel(cut);
        }
        return answer;
      };
      await stage.open({}, { ...whole, read: whole.read, write: write as never });
      const running = await start();
      for (let times = 0; times < 6_000 && cut !== running; times++) await setTimeout(10);
      for (let times = 0; times < 6_000; times++) {
        const [one] = await stage.database.sql(`select state from job where id = ${running}`);
        if (one!["state"] === "done") break;
        await setTimeout(10);
      }
      expect((await rowsLeft())[0], "it ended with that page, which the job takes that removes them").toBeLessThan(2);
      await expect(look(running)).rejects.toMatchObject({ code: "NOT_FOUND" });

      const done = await start();
      await ended(done);
      await cancel(done);
      await expect(imagesOf(done, 10)).rejects.toMatchObject({ code: "NOT_FOUND" });
      await sweep();
      expect(await rowsLeft()).toEqual([0, 0]);
      const told = await stage.database.sql(
        "select action, target from audit where action like '%preview%' order by id",
      );
      expect(told.map(({ action, target }) => `${String(action)} ${String(target)}`)).toEqual(
        [waiting, running, done].flatMap((one) => [
          `preview-lifecycle preview ${one}`,
          `cancel-preview preview ${one}`,
        ]),
      );
    },
  );

  it(
    "what has expired is not there from that moment on, whoever asks, and its rows go; others stay",
    { timeout: 240_000 },
    async () => {
      await stage.open();
      const old = await start();
      const kept = await start({ policy: given });
      await ended(old);
      await ended(kept);
      await stage.database.sql(`update lifecycle_preview set expires_at = ${Date.now() - 1} where id = ${old}`);
      await expect(look(old)).rejects.toMatchObject({ code: "NOT_FOUND" });
      await expect(imagesOf(old, 10)).rejects.toMatchObject({ code: "NOT_FOUND" });
      await sweep();
      expect(await rowsLeft()).toEqual([1, 1]);
      expect((await look(kept)).state).toBe("done");
    },
  );

  it("a repository has ten at most, until one is cancelled", { timeout: 240_000 }, async () => {
    const previews: number[] = [];
    for (let n = 0; n < 10; n++) previews.push(await start());
    await expect(start()).rejects.toMatchObject({
      code: "CONFLICT",
      message: expect.stringContaining(`berth lifecycle cancel ${name} ${previews[0]}`) as string,
    });
    await cancel(previews[0]!);
    expect(await start()).toBeGreaterThan(previews[9]!);
  });

  it(
    "a renamed repository keeps it, another of its name has nothing of it; a deleted one ends it",
    { timeout: 240_000 },
    async () => {
      const preview = await start({ policy: given });
      const id = await stage.idOf(name);
      await stage.database.sql(`update repository set name = 'team/moved' where id = ${id}`);
      await stage.image(name, "another", "v1");
      await stage.open();
      const asked = { repository: id, preview };
      for (let times = 0; times < 6_000; times++) {
        if ((await inspectPreview(stage.registry, asked)).state === "done") break;
        await setTimeout(10);
      }
      expect((await inspectPreview(stage.registry, asked)).row).toMatchObject({ state: "done", expired: 3, kept: 4 });
      await expect(look(preview)).rejects.toMatchObject({ code: "NOT_FOUND" });
      await stage.set({ repository: name }, { lifecycle: stored });
      await stage.close();
      const last = await start();
      await stage.database.sql(
        `update repository set former_name = name, name = '~' || id, deleted_at = 1 where name = '${name}'`,
      );
      await stage.open();
      const end = async () => {
        const [row] = await stage.database.sql(`select state, outcome from lifecycle_preview where id = ${last}`);
        return row!;
      };
      for (let times = 0; times < 6_000 && (await end())["state"] === "waiting"; times++) await setTimeout(10);
      expect(await end()).toEqual({ state: "stopped", outcome: `the repository ${name} was deleted` });
    },
  );
});
