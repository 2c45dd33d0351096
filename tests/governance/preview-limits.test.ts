import { afterEach, expect } from "vitest";
import { inspectPreview } from "../../src/registry/index.ts";
import { describeEachDatabase } from "../support/each-database.ts";
import { LifecycleStage } from "../support/lifecycle-stage.ts";
import { permit } from "../support/open-registry.ts";

// How many previews somebody may have, that wait and that are kept, and how those go that are cancelled.

const name = "team/app";

await describeEachDatabase((it, prepare) => {
  let stage: LifecycleStage;
  prepare(async ({ database }) => {
    stage = new LifecycleStage(database, 0);
    await stage.image(name, "kept", "v1");
    await stage.set(
      { repository: name },
      { lifecycle: { rules: [{ name: "dev", action: "expire", select: { glob: ["dev-*"] } }] } },
    );
  });
  afterEach(() => stage.close());

  async function start(): Promise<number> {
    const targets = [{ id: await stage.idOf(name), name }];
    const order = { by: permit.by, targets, policy: null, at: null, keep: 60_000 };
    const { previews } = await stage.database.metadata.write("startLifecyclePreviews", order);
    for (const jobs of stage.opened) jobs.wake();
    return previews[0]!;
  }

  async function cancel(preview: number): Promise<void> {
    const target = { id: await stage.idOf(name), name };
    await stage.database.metadata.write("cancelLifecyclePreview", { by: permit.by, target, preview });
  }

  const look = async (preview: number) =>
    inspectPreview(stage.registry, { repository: await stage.idOf(name), preview });
  const ended = (preview: number) =>
    expect.poll(async () => (await look(preview)).state).not.toMatch(/^(?:waiting|planning)$/);
  const rowsLeft = async () => {
    const [pages] = await stage.database.sql("select count(*) as n from lifecycle_preview_page");
    const [previews] = await stage.database.sql("select count(*) as n from lifecycle_preview");
    return [Number(pages!["n"]), Number(previews!["n"])];
  };

  it("what is cancelled goes by a job, in whose line one is enough", async () => {
    const previews = [await start(), await start()];
    for (const preview of previews) await cancel(preview);
    const upkeep = () =>
      stage.database.sql("select state from job where kind = 'remove-old-lifecycle-previews' order by id");
    expect(await upkeep()).toEqual([{ state: "waiting" }]);
    await stage.open();
    await expect.poll(rowsLeft).toEqual([0, 0]);
  });

  it("who has as many that are not done as may be is told so, and others are not", async () => {
    const first = await start();
    const [by, id] = [permit.by.principal, await stage.idOf(name)];
    const rows = Array.from(
      { length: 198 },
      (_, n) => `(${first + 1000 + n}, ${id + 1}, 'x', 'waiting', '${by}', 1, ${Date.now() + 600_000}, 0, 0, 0)`,
    );
    await stage.database.sql(
      `insert into lifecycle_preview (id, repository_id, repository, state, created_by, created_at, expires_at, expired, kept, bytes) values ${rows.join()}`,
    );
    const last = await start();
    const refused = `${by} has 200 lifecycle previews that are not done, and may have 200: there is no room for one more`;
    await expect(start()).rejects.toMatchObject({
      code: "CONFLICT",
      message: expect.stringContaining(refused) as string,
    });
    await stage.database.sql(`update lifecycle_preview set created_by = 'user:other' where id = ${last}`);
    expect(await start(), "one is another's").toBeGreaterThan(last);
  });

  it("of what somebody's previews come to the oldest goes, the latest never", async () => {
    await stage.open();
    const previews: number[] = [];
    for (const images of [900_000, 200_000, 2_000_000]) {
      const preview = await start();
      await ended(preview);
      previews.push(preview);
      await stage.database.sql(`update lifecycle_preview set kept = ${images} where id = ${preview}`);
    }
    const [oldest, middle, large] = previews;
    await expect(look(oldest!), "900,000, 200,000 and a few").rejects.toMatchObject({ code: "NOT_FOUND" });
    expect((await look(middle!)).state).toBe("done");
    const latest = await start();
    await ended(latest);
    for (const gone of [middle, large]) await expect(look(gone!)).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect((await look(latest)).state).toBe("done");
    const told = await stage.database.sql(
      "select principal, target from audit where action = 'cancel-preview' order by id",
    );
    expect(told.map(({ principal, target }) => `${String(principal)} ${String(target)}`)).toEqual(
      [oldest, large, middle].map((one) => `system:lifecycle preview ${one}`),
    );
  });
});
