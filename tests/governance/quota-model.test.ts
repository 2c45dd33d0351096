import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import type { Metadata } from "../../src/metadata/index.ts";
import { parseRepositoryName, parseTag, RegistryError } from "../../src/oci/index.ts";
import {
  deleteBlob,
  deleteManifest,
  deleteRepository,
  deleteTag,
  mountBlob,
  recountQuotas,
  renameRepository,
} from "../../src/registry/index.ts";
import type { Registry } from "../../src/registry/index.ts";
import { settleAll } from "../../src/registry/quotas/keep-quotas.ts";
import { writes } from "../../src/writes.ts";
import type { AllWrites } from "../../src/writes.ts";
import { openPostgresWorld, openSqliteWorld } from "../support/actors.ts";
import {
  caller,
  collectOnce,
  descriptorOf,
  digestOf,
  imageOf,
  indexOf,
  putBlob,
  putManifest,
} from "../support/open-registry.ts";
import { startPostgres } from "../support/postgres.ts";
import { countedUsageOf, makeNamespace, plainUsageOf, setQuota } from "../support/quota-world.ts";

// Any operations, several at once and on several nodes: afterwards what was counted is what is there.

const server = await startPostgres();
afterAll(() => server?.stop());

const namespaces = ["", "team", "team/web", "other"];
const repositories = ["team/a", "team/b", "team/web/a", "other/a", "alone"];
const layers = ["small", "a layer that does not fit into its row ".repeat(4), "another that does not fit ".repeat(5)];
const images = [imageOf([layers[0]!]), imageOf([layers[1]!, layers[0]!]), imageOf([layers[2]!])];
const indexes = [indexOf([images[0]!, images[1]!]), indexOf([images[1]!, images[2]!])];
const referrer = imageOf([layers[0]!], { subject: descriptorOf(images[1]!) });
const documents = [...images, ...indexes, referrer];
const limits: readonly object[] = [
  { quotaStorage: 1_000_000 },
  { quotaImages: 1_000, quotaRepositories: 100 },
  { quotaStorage: 2_500, quotaImages: 3 },
  { quotaStorage: null, quotaImages: null, quotaRepositories: null },
];

const repository = fc.constantFrom(...repositories);
const layer = fc.constantFrom(...layers);
const text = fc.constantFrom(...documents);
const tag = fc.constantFrom("one", "two");
const operation = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("push blob" as const), repository, layer }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("mount" as const), repository, layer, from: repository }) },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant("push image" as const), repository, text, tag: fc.option(tag) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("delete tag" as const), repository, tag }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("delete manifest" as const), repository, text }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("delete blob" as const), repository, layer }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("delete repository" as const), repository }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("rename" as const), repository, to: repository }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("collect" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("add up" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("set" as const),
      namespace: fc.constantFrom(...namespaces),
      set: fc.constantFrom(...limits),
    }),
  },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

const digestOfText = (content: string) => digestOf(Buffer.from(content));

function begin(registry: Registry, step: Operation): Promise<unknown> {
  if (step.do === "collect") return collectOnce(registry);
  if (step.do === "add up") return settleAll(registry);
  if (step.do === "set") return setQuota(registry, step.namespace, step.set);
  const name = parseRepositoryName(step.repository);
  switch (step.do) {
    case "push blob":
      return putBlob(registry, step.repository, step.layer);
    case "mount":
      return mountBlob(registry, caller, name, digestOfText(step.layer), parseRepositoryName(step.from));
    case "push image":
      return putManifest(registry, step.repository, step.text, step.tag ?? undefined);
    case "delete tag":
      return deleteTag(registry, caller, name, parseTag(step.tag));
    case "delete manifest":
      return deleteManifest(registry, caller, name, digestOfText(step.text));
    case "delete blob":
      return deleteBlob(registry, caller, name, digestOfText(step.layer));
    case "delete repository":
      return deleteRepository(registry, caller, name, undefined);
    case "rename":
      return renameRepository(registry, caller, name, parseRepositoryName(step.to), undefined);
  }
}

/** A refusal that the interface knows is no failure. */
async function run(registry: Registry, step: Operation): Promise<void> {
  await begin(registry, step).catch((error: unknown) => {
    if (error instanceof RegistryError && error.code !== "INTERNAL" && error.code !== "UNAVAILABLE") return;
    throw error;
  });
}

const worlds = [
  { name: "SQLite", runs: 60, open: () => openSqliteWorld(writes) },
  ...(server === undefined ? [] : [{ name: "PostgreSQL", runs: 12, open: () => openPostgresWorld(server, writes) }]),
];

describe.each(worlds)("on $name", ({ open, runs }) => {
  test(
    "after any pushes, mounts, deletes, moves, collections and changes of quotas, the count is what is there",
    { timeout: 300_000 },
    async () => {
      let counted = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(operation, { minLength: 1, maxLength: 4 }), { maxLength: 25, size: "max" }),
          async (rounds) => {
            const world = await open();
            try {
              const { registry } = await world.actor();
              const actors: readonly Registry[] = [registry, (await world.actor()).registry];
              const metadata = registry.metadata as unknown as Metadata<AllWrites>;
              const by = { principal: "system:test", credential: null, address: null, request: null, reason: null };
              await metadata.write("createNamespace", { by, path: "", public: false }).catch(() => undefined);
              for (const path of namespaces.slice(1)) await makeNamespace(metadata, path);
              await setQuota(registry, "team", { quotaStorage: 1_000_000 });
              for (const steps of rounds) {
                await Promise.all(steps.map((step, index) => run(actors[index % 2]!, step)));
              }
              for (const path of namespaces) {
                const usage = await countedUsageOf(registry, path);
                if (usage === undefined) continue;
                counted++;
                expect({ path, ...usage }).toEqual({ path, ...(await plainUsageOf(registry, path)) });
              }
              const recounted = await recountQuotas(registry, caller, "");
              expect(recounted.filter((one) => one.corrected)).toEqual([]);
            } finally {
              await world.close();
            }
          },
        ),
        { numRuns: runs },
      );
      expect(counted).toBeGreaterThan(runs / 2);
    },
  );
});
