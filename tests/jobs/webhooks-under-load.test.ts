import { setTimeout } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { parseRepositoryName } from "../../src/oci/index.ts";
import type { Metadata } from "../../src/metadata/index.ts";
import type { AllWrites } from "../../src/writes.ts";
import { HookStage } from "../support/hook-stage.ts";
import { startPostgres } from "../support/postgres.ts";

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

describe.each(["SQLite", "PostgreSQL"] as const)("%s", (kind) => {
  const there = kind === "SQLite" || postgres !== undefined;
  const it = test.skipIf(!there);
  let stage: HookStage;
  beforeAll(async () => {
    if (there) stage = await HookStage.open(kind === "SQLite" ? undefined : postgres);
  });
  afterEach(() => (there ? stage.clear() : undefined));
  afterAll(() => (there ? stage.close() : undefined));

  it("two nodes under load, one of which dies again and again: nothing lost, nothing out of order for its tag", async () => {
    const id = await stage.hook({ events: ["tag.moved"] });
    let answers = 0;
    stage.receiver.react = async () => {
      await setTimeout(Math.random() * 10);
      return answers++ % 7 === 0 ? 500 : 204;
    };
    const other = kind === "SQLite" ? undefined : await stage.database.openNode();
    const steady = { lease: 300, attempts: 100, threshold: 1000 };
    if (other !== undefined) await stage.open(steady, other);
    const tags = ["a", "b", "c", "d", "e", "f"];
    const moves = new Map<string, string[]>(tags.map((tag) => [tag, []]));
    let pushing = true;
    const pushes = Promise.all(
      tags.map(async (tag) => {
        for (let n = 0; n < 12; n++)
          moves.get(tag)!.push(await stage.push(`load-${tag}`, `${tag}${n}`, parseRepositoryName("team/load")));
      }),
    ).finally(() => (pushing = false));
    while (pushing) {
      const dying = await stage.open(steady);
      await setTimeout(60);
      // What is on its way is cut off, as when the process is killed; the webhook's lease stays.
      await dying.stop();
      stage.opened.splice(stage.opened.indexOf(dying), 1);
    }
    await pushes;
    await stage.open(steady);
    await stage.until(async () => (await stage.deliveries(id, "delivered")).length === 72);
    for (const tag of tags) {
      const seen = new Map<string, string>();
      for (const { id: event, subject, data } of stage.told()) {
        if (subject === `team/load:load-${tag}` && !seen.has(event)) seen.set(event, data.digest);
      }
      expect([...seen.values()]).toEqual(moves.get(tag));
    }
  });
  /** The rows as a process sees them that dies at its n-th write: before it, or after it was done and before it hears so. */
  class DyingNode {
    writes = 0;
    dead = false;
    readonly #death = Promise.withResolvers<void>();
    readonly death = this.#death.promise;
    readonly metadata: Metadata<AllWrites>;
    constructor(whole: Metadata<AllWrites>, dieAt: number, when: "before" | "after") {
      const write = async (name: never, input: never) => {
        // Looks that find nothing are no steps.
        if (this.dead) return new Promise<never>(() => undefined);
        const step = ++this.writes;
        if (step === dieAt && when === "before") this.#die();
        if (this.dead) return new Promise<never>(() => undefined);
        const answer = await whole.write(name, input);
        if (step === dieAt) this.#die();
        return this.dead ? new Promise<never>(() => undefined) : answer;
      };
      this.metadata = { ...whole, read: whole.read, alone: false, write: write as never };
    }

    #die() {
      this.dead = true;
      this.#death.resolve();
    }
  }

  it("a process that dies at any step of a delivery: another tells all, under the same ids and in order", async () => {
    const steps: string[] = [];
    for (let at = 1; at < 40; at++) {
      for (const when of ["before", "after"] as const) {
        const id = await stage.hook({ events: ["tag.moved"] });
        const name = parseRepositoryName(`team/kill-${at}-${when}`);
        const digests = [await stage.push("v1", "one", name), await stage.push("v1", "two", name)];
        const node = new DyingNode(stage.metadata, at, when);
        const lease = 150;
        const dying = await stage.open({ lease }, node.metadata);
        const isDone = async () => (await stage.deliveries(id, "delivered")).length === 2;
        await stage.until(async () => node.dead || ((await isDone()) && (await stage.row(id)).lease_until === 0));
        stage.opened.splice(0);
        // It can die of its last write after the rows say that all is told.
        await Promise.race([dying.stop(), node.death]);
        const finished = !node.dead;
        await stage.open({ lease });
        await stage.until(isDone, `step ${at} ${when}`);
        const seen = new Map(stage.told().map((event) => [event.id, event.data.digest]));
        expect([...seen.values()], `step ${at} ${when}`).toEqual(digests);
        steps.push(`${at} ${when}: ${stage.receiver.got.length}`);
        await stage.clear();
        if (finished && when === "after") return expect(steps.length).toBeGreaterThan(8);
      }
    }
  });
});
