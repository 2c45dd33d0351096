import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openSqliteInProcess } from "../../src/metadata/index.ts";
import { parseReference, parseRepositoryName, parseTag, RegistryError } from "../../src/oci/index.ts";
import {
  deleteBlob,
  deleteManifest,
  deleteRepository,
  deleteTag,
  findBlob,
  inspectBlob,
  inspectManifest,
  mountBlob,
  pullManifest,
  registryWrites,
  renameRepository,
} from "../../src/registry/index.ts";
import type { Registry } from "../../src/registry/index.ts";
import {
  caller,
  check,
  collectOnce,
  descriptorOf,
  digestOf,
  imageOf,
  indexOf,
  openRegistry,
  putBlob,
  putManifest,
} from "../support/open-registry.ts";

// Any sequence of operations, time and collection, against a plain oracle that knows what was promised: what a tag, an index, a
// subject or a pin holds is there; when all pins have run out, everything else is gone.

const minute = 60_000;
const pin = 20 * minute;
const lookGap = 2 * minute;
const repositories = ["team/a", "team/b"];
const layers = [
  "small",
  "a layer that does not fit into its row ".repeat(4),
  "another that does not fit into its row ".repeat(4),
];
const images = [imageOf([layers[0]!]), imageOf([layers[1]!, layers[0]!]), imageOf([layers[2]!])];
const indexes = [indexOf([images[0]!, images[1]!]), indexOf([images[2]!])];
const referrers = [
  imageOf([layers[0]!], { subject: descriptorOf(images[1]!) }),
  imageOf([layers[2]!], { subject: descriptorOf(indexes[1]!) }),
];
const documents = [...images, ...indexes, ...referrers];

/** What a document names. */
const references = new Map(
  documents.map((text) => {
    const {
      config,
      layers: blobs = [],
      manifests = [],
      subject,
    } = JSON.parse(text) as {
      config?: { digest: string };
      layers?: { digest: string }[];
      manifests?: { digest: string }[];
      subject?: { digest: string };
    };
    const named = [config, ...blobs].flatMap((descriptor) => descriptor?.digest ?? []);
    return [
      digestOf(Buffer.from(text)) as string,
      { blobs: named, children: manifests.map((one) => one.digest), subject: subject?.digest },
    ];
  }),
);

/** One repository as the oracle sees it: only what has been promised. */
interface Promised {
  readonly links: Map<string, number>;
  readonly manifests: Map<string, number>;
  readonly tags: Map<string, string>;
}

class Oracle {
  readonly #repositories = new Map(
    repositories.map((name): [string, Promised] => [name, { links: new Map(), manifests: new Map(), tags: new Map() }]),
  );

  of(repository: string): Promised {
    return this.#repositories.get(repository)!;
  }

  /** All that was promised of it ends. */
  empty(repository: string): void {
    this.#repositories.set(repository, { links: new Map(), manifests: new Map(), tags: new Map() });
  }

  /** All that was promised of one is promised of the other. */
  rename(repository: string, to: string): void {
    this.#repositories.set(to, this.of(repository));
    this.empty(repository);
  }

  /** Something was promised, so that it must be there. */
  isKnown(repository: string): boolean {
    const { manifests, blobs } = this.certain(repository);
    return manifests.size > 0 || blobs.size > 0;
  }

  /** An answer holds for half a pin at least: a younger pin is not renewed. */
  hold(kind: "links" | "manifests", repository: string, digest: string): void {
    const held = this.of(repository)[kind];
    held.set(digest, Math.max(held.get(digest) ?? 0, Date.now() + pin / 2));
  }

  /** What must be there now: everything that is held, and what that holds in turn. */
  certain(repository: string): { readonly manifests: Set<string>; readonly blobs: Set<string> } {
    const { links, manifests, tags } = this.of(repository);
    const now = Date.now();
    const certain = new Set(tags.values());
    for (const [digest, until] of manifests) if (until > now) certain.add(digest);
    for (let grown = true; grown;) {
      grown = false;
      const add = (digest: string) => {
        if (certain.has(digest)) return;
        certain.add(digest);
        grown = true;
      };
      for (const digest of [...certain]) for (const child of references.get(digest)!.children) add(child);
      for (const digest of manifests.keys()) {
        const { subject } = references.get(digest)!;
        if (subject !== undefined && certain.has(subject)) add(digest);
      }
    }
    const blobs = new Set([...links].filter(([, until]) => until > now).map(([digest]) => digest));
    for (const digest of certain) for (const blob of references.get(digest)!.blobs) blobs.add(blob);
    return { manifests: certain, blobs };
  }

  /** Collection may have come: nothing more is known of what nothing holds. */
  forget(): void {
    for (const repository of repositories) {
      const { manifests, blobs } = this.certain(repository);
      const promised = this.of(repository);
      for (const digest of promised.manifests.keys()) if (!manifests.has(digest)) promised.manifests.delete(digest);
      for (const digest of promised.links.keys()) if (!blobs.has(digest)) promised.links.delete(digest);
    }
  }
}

const repository = fc.constantFrom(...repositories);
const layer = fc.constantFrom(...layers);
const text = fc.constantFrom(...documents);
const tag = fc.constantFrom("one", "two");
const operation = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("push blob" as const), repository, layer }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("mount" as const), repository, layer, from: repository }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("head blob" as const), repository, layer }) },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant("push image" as const), repository, text, tag: fc.option(tag) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("head manifest" as const), repository, text }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("delete tag" as const), repository, tag }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("delete manifest" as const), repository, text }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("delete blob" as const), repository, layer }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("delete repository" as const), repository }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("rename repository" as const), repository, to: repository }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("wait" as const), minutes: fc.constantFrom(1, 3, 9, 25) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("collect" as const) }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: new Date("2030-01-01") }));
afterEach(() => void vi.useRealTimers());

/** Whether it succeeded; a refusal that the interface knows is no failure. */
async function succeeds(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (error instanceof RegistryError && error.code !== "INTERNAL" && error.code !== "UNAVAILABLE") return false;
    throw error;
  }
}

const digestOfText = (content: string) => digestOf(Buffer.from(content));

async function run(registry: Registry, oracle: Oracle, step: Operation): Promise<void> {
  if (step.do === "wait") return void vi.setSystemTime(Date.now() + step.minutes * minute);
  if (step.do === "collect") {
    await collectOnce(registry);
    return oracle.forget();
  }
  const name = parseRepositoryName(step.repository);
  const promised = oracle.of(step.repository);
  switch (step.do) {
    case "push blob":
      await putBlob(registry, step.repository, step.layer);
      return oracle.hold("links", step.repository, digestOfText(step.layer));
    case "mount": {
      const digest = digestOfText(step.layer);
      const source = parseRepositoryName(step.from);
      const must = oracle.certain(step.from).blobs.has(digest);
      const mounted = await mountBlob(registry, caller, name, digest, source);
      if (must) expect(mounted, "a mount of what is there").toBe(true);
      if (mounted) oracle.hold("links", step.repository, digest);
      return;
    }
    case "head blob":
      if (await succeeds(inspectBlob(registry, caller, name, digestOfText(step.layer)))) {
        oracle.hold("links", step.repository, digestOfText(step.layer));
      }
      return;
    case "push image": {
      const digest = digestOfText(step.text);
      const { blobs, children } = references.get(digest)!;
      const known = oracle.certain(step.repository);
      const must = blobs.every((one) => known.blobs.has(one)) && children.every((one) => known.manifests.has(one));
      const stored = await succeeds(putManifest(registry, step.repository, step.text, step.tag ?? undefined));
      if (must) expect(stored, "a push of which everything is there").toBe(true);
      if (!stored) return;
      oracle.hold("manifests", step.repository, digest);
      for (const child of children) promised.manifests.set(child, promised.manifests.get(child) ?? 0);
      if (step.tag !== null) promised.tags.set(step.tag, digest);
      return;
    }
    case "head manifest": {
      const digest = digestOfText(step.text);
      if (await succeeds(inspectManifest(registry, caller, name, parseReference(digest)))) {
        oracle.hold("manifests", step.repository, digest);
      }
      return;
    }
    case "delete tag":
      expect(await succeeds(deleteTag(registry, caller, name, parseTag(step.tag)))).toBe(
        promised.tags.delete(step.tag),
      );
      return;
    case "delete manifest": {
      const digest = digestOfText(step.text);
      if (!(await succeeds(deleteManifest(registry, caller, name, digest)))) return;
      promised.manifests.delete(digest);
      for (const [one, target] of promised.tags) if (target === digest) promised.tags.delete(one);
      return;
    }
    case "delete blob":
      if (await succeeds(deleteBlob(registry, caller, name, digestOfText(step.layer)))) {
        promised.links.delete(digestOfText(step.layer));
      }
      return;
    case "delete repository": {
      const deleted = await succeeds(deleteRepository(registry, caller, name, undefined));
      if (oracle.isKnown(step.repository)) expect(deleted, "a deletion of what is there").toBe(true);
      return oracle.empty(step.repository);
    }
    case "rename repository": {
      const to = parseRepositoryName(step.to);
      const renamed = await succeeds(renameRepository(registry, caller, name, to, undefined));
      if (oracle.isKnown(step.to)) expect(renamed, "a name that is taken").toBe(false);
      if (renamed) oracle.rename(step.repository, step.to);
      return;
    }
  }
}

async function expectPromises(registry: Registry, oracle: Oracle, exactly: boolean): Promise<void> {
  for (const repository of repositories) {
    const name = parseRepositoryName(repository);
    const { manifests, blobs } = oracle.certain(repository);
    for (const content of documents) {
      const digest = digestOfText(content);
      const there = await succeeds(inspectWithoutPin(registry, repository, digest));
      if (manifests.has(digest) || exactly)
        expect([repository, content, there]).toEqual([repository, content, manifests.has(digest)]);
    }
    for (const content of layers) {
      const digest = digestOfText(content);
      const there = await succeeds(findBlob(registry, caller, name, digest));
      if (blobs.has(digest) || exactly)
        expect([repository, content, there]).toEqual([repository, content, blobs.has(digest)]);
    }
  }
}

/** A referrer that nothing was promised of any more may have met its subject before collection came: then it stays. */
async function admitReferrers(registry: Registry, oracle: Oracle): Promise<void> {
  for (let grown = true; grown;) {
    grown = false;
    for (const repository of repositories) {
      const { manifests } = oracle.certain(repository);
      for (const [digest, { subject }] of references) {
        if (subject === undefined || !manifests.has(subject) || manifests.has(digest)) continue;
        if (!(await succeeds(inspectWithoutPin(registry, repository, digest)))) continue;
        oracle.of(repository).manifests.set(digest, 0);
        grown = true;
      }
    }
  }
}

async function inspectWithoutPin(registry: Registry, repository: string, digest: string): Promise<void> {
  await pullManifest(registry, caller, parseRepositoryName(repository), parseReference(digest));
}

test(
  "after any operations and any time, what is held or pinned is there, and when the pins have run out, nothing else",
  { timeout: 300_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 5, maxLength: 60, size: "max" }), async (steps) => {
        vi.setSystemTime(new Date("2030-01-01"));
        const metadata = openSqliteInProcess(":memory:", registryWrites);
        await metadata.write("ensureInstallation", { uploadKey: "00", epoch: "e1" });
        const registry = openRegistry(metadata, undefined, { pin, lookGap, objectGrace: minute });
        const oracle = new Oracle();
        for (const step of steps) {
          await run(registry, oracle, step);
          if (step.do === "collect") await expectPromises(registry, oracle, false);
        }
        await expectPromises(registry, oracle, false);
        // Manifests, links, blobs and objects follow one another, each with two looks; a pin runs out but once.
        for (let pass = 0; pass < 26; pass++) {
          vi.setSystemTime(Date.now() + 3 * minute);
          await collectOnce(registry);
        }
        oracle.forget();
        await admitReferrers(registry, oracle);
        await expectPromises(registry, oracle, true);
        expect((await check(registry)).numbers).toEqual([0, 0, 0, 0]);
        await metadata.close();
      }),
      { numRuns: Number(process.env["BERTH_MODEL_RUNS"] ?? 40) },
    );
  },
);
