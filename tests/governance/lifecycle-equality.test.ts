import fc from "fast-check";
import { afterEach, expect } from "vitest";
import type { ImageFacts, RepositoryFacts } from "../../src/policy/index.ts";
import { arbitraryRepository } from "../../src/policy/lifecycle/testing/arbitrary.ts";
import { describeEachDatabase } from "../support/each-database.ts";
import { LifecycleStage } from "../support/lifecycle-stage.ts";
import { check, collectAll, imageOf, putBlob, putManifest, imageType, digestOf } from "../support/open-registry.ts";

/* What a preview lists as expired is what a run deletes, and nothing else: random policies on random repositories. */

/** Repositories on each database; more by command. */
const count = Number(process.env["BERTH_LIFECYCLE_RUNS"] ?? 12);
const day = 86_400_000;

const glob = fc.constantFrom("v*", "dev*", "prod", "*");
const selection = fc.oneof(
  fc.record({ tags: fc.constantFrom("tagged", "untagged", "any") }),
  fc.record({ glob: fc.uniqueArray(glob, { minLength: 1, maxLength: 2 }) }),
);
const by = fc.constantFrom("pushed", "pulled");
const expire = fc.record(
  {
    action: fc.constant("expire"),
    select: selection,
    exceptNewest: fc.record({ count: fc.nat({ max: 4 }), by }),
    olderThan: fc.record({ days: fc.constantFrom(0, 1, 3, 5), by }),
  },
  { requiredKeys: ["action"] },
);
const keep = fc.record(
  { action: fc.constant("keep"), select: selection, newest: fc.record({ count: fc.nat({ max: 3 }) }) },
  { requiredKeys: ["action", "newest"] },
);
const berth = fc.record({
  order: fc.constantFrom("independent", "first"),
  floor: fc.record({ images: fc.nat({ max: 3 }), percent: fc.constantFrom(0, 50, 100, 100) }),
  rules: fc
    .array(fc.oneof({ weight: 3, arbitrary: expire }, keep), { minLength: 1, maxLength: 3 })
    .map((rules) => rules.map((rule, at) => ({ ...rule, name: `rule ${at}` }))),
});
const ecr = fc
  .array(
    fc.record({
      tagStatus: fc.constantFrom("untagged", "tagged"),
      countNumber: fc.integer({ min: 1, max: 5 }),
      age: fc.boolean(),
    }),
    { minLength: 1, maxLength: 2 },
  )
  .filter((rules) => rules.filter(({ tagStatus }) => tagStatus === "untagged").length < 2)
  .map((rules) => ({
    rules: rules.map(({ tagStatus, countNumber, age }, at) => ({
      rulePriority: at + 1,
      description: "one of the rules of a policy of Amazon ECR",
      selection: {
        tagStatus,
        ...(tagStatus === "tagged" ? { tagPrefixList: [at === 0 ? "v" : "dev"] } : {}),
        ...(age ? { countType: "sinceImagePushed", countUnit: "days" } : { countType: "imageCountMoreThan" }),
        countNumber,
      },
      action: { type: "expire" },
    })),
  }));
const harbor = fc
  .record({ pattern: fc.constantFrom("v*", "{dev,prod}*", "**"), latest: fc.integer({ min: 1, max: 3 }) })
  .map(({ pattern, latest }) => {
    const selector = { kind: "doublestar", decoration: "matches", pattern, extras: '{"untagged":true}' };
    const params = { latestPushedK: latest };
    return {
      algorithm: "or",
      rules: [{ action: "retain", template: "latestPushedK", params, tag_selectors: [selector] }],
    };
  });
const sample = fc.record({
  facts: arbitraryRepository,
  policy: fc.oneof({ weight: 3, arbitrary: berth }, ecr, harbor),
  fixed: fc.option(fc.constantFrom("v1", "dev*"), { freq: 3 }),
});

await describeEachDatabase((it, prepare) => {
  let stage: LifecycleStage;
  prepare(({ database }) => {
    stage = new LifecycleStage(database, 0);
  });
  afterEach(() => stage.close());

  /** Pushes images as they are in the facts, and makes them as old. */
  async function push(name: string, { images }: RepositoryFacts): Promise<void> {
    const texts = new Map<string, string>();
    const now = Date.now();
    const ages: string[] = [];
    for (const image of images) {
      texts.set(image.digest, await pushOne(name, image, texts));
      const digest = digestOf(Buffer.from(texts.get(image.digest)!));
      const at = (time: number | null) => (time === null ? "null" : String(now - Math.round(ageOf(time) * day)));
      const of = `(select id from repository where name = '${name}')`;
      ages.push(
        `update manifest set created_at = ${at(image.pushedAt)}, pulled_at = ${at(image.pulledAt)} where repository_id = ${of} and digest = '${digest}'`,
        ...image.tags.map(
          (tag) =>
            `update tag set updated_at = ${at(tag.pushedAt)}, pulled_at = ${at(tag.pulledAt)} where repository_id = ${of} and name = '${tag.name.replace("/", "-")}'`,
        ),
      );
    }
    for (const text of ages) await stage.database.sql(text);
  }
  const ageOf = (time: number) => (Date.UTC(2026, 5, 1) - time) / day;

  async function pushOne(name: string, image: ImageFacts, texts: ReadonlyMap<string, string>): Promise<string> {
    const describe = (digest: string) => {
      const text = texts.get(digest)!;
      return { mediaType: imageType, digest: digestOf(Buffer.from(text)), size: text.length };
    };
    const note = { annotations: { note: image.digest } };
    const missing = { mediaType: imageType, digest: `sha256:${"e".repeat(64)}`, size: 9 };
    const subjects = image.subject === null ? [] : [texts.has(image.subject) ? describe(image.subject) : missing];
    const subject = subjects.length === 0 ? {} : { subject: subjects[0], artifactType: "application/x.note" };
    let text: string;
    if (image.kind === "index") {
      const manifests = image.children.filter((digest) => texts.has(digest)).map(describe);
      const mediaType = "application/vnd.oci.image.index.v1+json";
      text = JSON.stringify({ schemaVersion: 2, mediaType, manifests, ...note });
    } else {
      const layers = ["config", ...image.blobs.map((blob) => `blob ${blob}`)];
      for (const layer of layers) await putBlob(stage.registry, name, layer);
      text = imageOf(layers, { ...note, ...subject });
    }
    await putManifest(stage.registry, name, text);
    for (const tag of image.tags) await putManifest(stage.registry, name, text, tag.name.replace("/", "-"));
    return text;
  }

  it(
    "what the preview lists as expired is exactly what is gone after the run",
    { timeout: 240_000 + count * 20_000 },
    async () => {
      await stage.open({ look: 5 });
      let gone = 0;
      const full = fc
        .sample(sample, { numRuns: 10 * count, seed: count * 2 })
        .filter(({ facts }) => facts.images.length > 4);
      for (const [at, { facts, policy, fixed }] of full.slice(0, count).entries()) {
        const name = `random/app-${at}`;
        const why = `${name} ${JSON.stringify(policy)}`;
        // So that there is a repository, and what others have frees nothing.
        await putBlob(stage.registry, name, "blob 7");
        await putBlob(stage.registry, "random/other", "blob 7");
        await push(name, facts);
        await stage.set({ repository: name }, { lifecycle: policy });
        if (fixed !== null)
          await stage.set({ repository: name }, { tagDelete: { rule: "allow", except: [fixed], by: null } });
        const before = await stage.digests(name);
        const { images, expired, bytes, confirm } = await stage.preview(name);
        const leaving = images.filter(({ outcome }) => outcome === "expired");
        let row = await stage.run(name);
        if (confirm !== null) {
          expect([row.state, await stage.digests(name)], why).toEqual(["unconfirmed", before]);
          row = await stage.run(name, row.id);
        }
        expect(row, why).toMatchObject({ state: "done", expired, deleted: expired, saved: 0, bytes, freed: bytes });
        const lost = new Set(leaving.flatMap(({ digest, along }) => [digest, ...along]));
        expect(await stage.digests(name), why).toEqual(before.filter((digest) => !lost.has(digest)));
        expect(
          (await stage.imagesOf(row.id)).map(({ digest }) => digest),
          why,
        ).toEqual(leaving.map(({ digest }) => digest));
        gone += lost.size;
      }
      expect(gone).toBeGreaterThan(count);
      await collectAll(stage.registry);
      expect(await check(stage.registry)).toEqual({ numbers: [0, 0, 0, 0], problems: [] });
      expect(stage.registry.alarms).toEqual([]);
    },
  );
});
