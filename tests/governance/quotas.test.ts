import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { listEvents } from "../../src/metadata/index.ts";
import type { Metadata } from "../../src/metadata/index.ts";
import { parseDigest, parseRepositoryName, RegistryError } from "../../src/oci/index.ts";
import {
  appendUpload,
  createRepository,
  deleteManifest,
  deleteRepository,
  finishUpload,
  inspectQuotas,
  inspectUpload,
  mountBlob,
  pushBlob,
  recountQuotas,
  renameRepository,
  startUpload,
} from "../../src/registry/index.ts";
import type { Body, Registry } from "../../src/registry/index.ts";
import { writes } from "../../src/writes.ts";
import type { AllWrites } from "../../src/writes.ts";
import { openPostgresWorld, openSqliteWorld } from "../support/actors.ts";
import type { Actor, World } from "../support/actors.ts";
import { caller, collectAll, digestOf, imageOf, indexOf, putBlob, putManifest } from "../support/open-registry.ts";
import { startPostgres } from "../support/postgres.ts";
import { countedUsageOf, makeNamespace, plainUsageOf, setQuota } from "../support/quota-world.ts";

/* What namespaces may have: what counts, what is refused, when, and in which words. */

const server = await startPostgres();
afterAll(() => server?.stop());

const worlds = [
  { name: "SQLite", open: () => openSqliteWorld(writes) },
  ...(server === undefined ? [] : [{ name: "PostgreSQL", open: () => openPostgresWorld(server, writes) }]),
];

const big = (letter: string, size = 1_000) => letter.repeat(size);
const nameOf = parseRepositoryName;

async function refusal(work: Promise<unknown>): Promise<RegistryError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof RegistryError)) throw new Error(`not refused: ${String(error)}`);
  return error;
}

describe.each(worlds)("on $name", { timeout: 240_000 }, ({ open }) => {
  let world: World;
  let actor: Actor;
  let registry: Actor["registry"];
  beforeEach(async () => {
    world = await open();
    actor = await world.actor();
    registry = actor.registry;
    const metadata = registry.metadata as unknown as Metadata<AllWrites>;
    await metadata.write("createNamespace", { by: by(), path: "", public: false }).catch(() => undefined);
    for (const path of ["team", "team/web", "other"]) await makeNamespace(metadata, path);
  });
  afterEach(() => world.close());

  const by = () => ({ principal: "system:test", credential: null, address: null, request: null, reason: null });
  const agree = async (...paths: string[]) => {
    for (const path of paths)
      expect(await countedUsageOf(registry, path), path).toEqual(await plainUsageOf(registry, path));
  };
  /** An image of one layer, pushed whole. */
  const pushImage = async (repository: string, layer: string, tag?: string, on: Registry = registry) => {
    await putBlob(on, repository, layer);
    return putManifest(on, repository, imageOf([layer]), tag);
  };

  test("what is there when a quota is set counts, and what comes and goes afterwards", async () => {
    await pushImage("team/web/app", big("a"), "v1");
    await setQuota(registry, "team", { quotaStorage: 1_000_000 });
    await setQuota(registry, "", { quotaImages: 1_000 });
    await agree("team", "");
    // The same layer elsewhere in the namespace is the same bytes; in another it is its own.
    await pushImage("team/api", big("a"), "v1");
    await pushImage("other/api", big("a"), "v1");
    await agree("team", "");
    expect((await countedUsageOf(registry, "team"))!.storage).toBeLessThan(2_000);
    expect(await countedUsageOf(registry, "team/web")).toBeUndefined();
    // The layer goes from one of the repositories, and stays.
    await deleteManifest(registry, caller, nameOf("team/api"), digestOf(Buffer.from(imageOf([big("a")]))));
    await collectAll(registry);
    await agree("team", "");
    expect((await countedUsageOf(registry, "team"))!.storage).toBeGreaterThan(1_000);
    await deleteRepository(registry, caller, nameOf("team/web/app"), undefined);
    await agree("team", "");
    expect((await countedUsageOf(registry, "team"))!.storage).toBe(0);
    await setQuota(registry, "team", { quotaStorage: null });
    expect(await countedUsageOf(registry, "team")).toBeUndefined();
  });

  test("an image counts once, whatever it lists and whatever refers to it", async () => {
    await setQuota(registry, "team", { quotaImages: 2 });
    const platforms = [imageOf([big("a")]), imageOf([big("b")])];
    for (const letter of ["a", "b", "c"]) await putBlob(registry, "team/app", big(letter));
    for (const text of platforms) await putManifest(registry, "team/app", text);
    await putManifest(registry, "team/app", indexOf(platforms), "v1");
    const subject = { subject: JSON.parse(indexOf([indexOf(platforms)])).manifests[0] };
    await putManifest(registry, "team/app", imageOf([big("c")], subject));
    expect((await countedUsageOf(registry, "team"))!.images).toBe(1);
    await agree("team");
    // Another index over the same children changes nothing for them; without both they are images.
    const again = indexOf(platforms, { annotations: { again: "1" } });
    await putManifest(registry, "team/app", again, "v2");
    expect((await countedUsageOf(registry, "team"))!.images).toBe(2);
    const third = await refusal(pushImage("team/app", big("c"), "v3"));
    expect(third.message).toContain("the quota of namespace team is 2 images (quotaImages), 2 are used");
    await deleteManifest(registry, caller, nameOf("team/app"), digestOf(Buffer.from(again)));
    expect((await countedUsageOf(registry, "team"))!.images).toBe(1);
    await deleteManifest(registry, caller, nameOf("team/app"), digestOf(Buffer.from(indexOf(platforms))));
    expect((await countedUsageOf(registry, "team"))!.images).toBe(2);
    await agree("team");
    await collectAll(registry);
    await agree("team");
    expect((await countedUsageOf(registry, "team"))!.images).toBe(0);
  });

  test("a push that does not fit is refused with whose quota, how much is used and what to do", async () => {
    await setQuota(registry, "", { quotaStorage: 3_000 });
    await setQuota(registry, "team", { quotaStorage: 2_500 });
    await pushImage("team/app", big("a", 2_000), "v1");
    const error = await refusal(putBlob(registry, "team/app", big("b")));
    expect(error).toMatchObject({ code: "DENIED", detail: { quota: "quotaStorage", namespace: "team", limit: 2_500 } });
    expect(error.message).toMatch(
      /^the quota of namespace team is 2\.44 KiB \(quotaStorage\), 2\.\d+ KiB is used, and this would add 1000 bytes: delete what is not needed there, or ask an owner of the root namespace for a larger quota$/,
    );
    // The root counts what is below it.
    const other = await refusal(putBlob(registry, "other/app", big("b")));
    expect(other.message).toContain("the quota of the root namespace is 2.93 KiB");
    // What counts already needs no room: the same layer in another repository, the same manifest under another tag.
    await putBlob(registry, "team/web/app", big("a", 2_000));
    await putManifest(registry, "team/app", imageOf([big("a", 2_000)]), "v2");
    await agree("team", "");
    expect(await inspectQuotas(registry, caller, "team/web")).toMatchObject([
      { quota: "quotaStorage", from: "the root namespace", limit: 3_000 },
      { quota: "quotaPending", from: "the root namespace", limit: 3_000 },
      { quota: "quotaStorage", from: "namespace team", limit: 2_500 },
      { quota: "quotaPending", from: "namespace team", limit: 2_500 },
    ]);
  });

  test("what counts no longer makes room at once", async () => {
    await setQuota(registry, "team", { quotaStorage: 2_500, quotaRepositories: 1 });
    await pushImage("team/app", big("a", 1_500), "v1");
    await refusal(putBlob(registry, "team/app", big("b", 1_500)));
    await deleteRepository(registry, caller, nameOf("team/app"), undefined);
    await pushImage("team/app", big("b", 1_500), "v1");
    await agree("team");
  });

  test("a mount, a new repository and a move are refused, too", async () => {
    await setQuota(registry, "team", { quotaStorage: 500, quotaRepositories: 1 });
    await putBlob(registry, "other/app", big("a"));
    await putBlob(registry, "team/app", "small");
    const digest = digestOf(Buffer.from(big("a")));
    const mount = mountBlob(registry, caller, nameOf("team/app"), digest, nameOf("other/app"));
    expect((await refusal(mount)).message).toContain("quotaStorage");
    const made = await refusal(createRepository(registry, caller, nameOf("team/two"), "inherit"));
    expect(made.message).toContain("the quota of namespace team is 1 repositories (quotaRepositories), 1 is used");
    expect((await refusal(putBlob(registry, "team/two", "small"))).message).toContain("quotaRepositories");
    const move = renameRepository(registry, caller, nameOf("other/app"), nameOf("team/two"), undefined);
    expect((await refusal(move)).code).toBe("DENIED");
    // Within the namespace, and out of it, it may go.
    await renameRepository(registry, caller, nameOf("team/app"), nameOf("team/web/app"), undefined);
    await agree("team");
    await renameRepository(registry, caller, nameOf("team/web/app"), nameOf("other/web"), undefined);
    await agree("team");
    expect(await countedUsageOf(registry, "team")).toEqual({ storage: 0, images: 0, repositories: 0 });
  });

  test("bytes are refused before they are taken, unless they may be what is there already", async () => {
    await setQuota(registry, "team", { quotaStorage: 3_000_000 });
    await putBlob(registry, "team/app", big("a", 2_000_000));
    const app = nameOf("team/app");
    const forgotten = () => new Promise((resolve) => setTimeout(resolve, 1_050));
    await forgotten();
    let taken = 0;
    const bodyOf = (text: string, stated?: number): Body =>
      Object.assign(
        async (take: (chunk: Uint8Array) => Promise<void> | undefined) => {
          for (let at = 0; at < text.length; at += 100_000) {
            taken += 100_000;
            await take(Buffer.from(text.slice(at, at + 100_000)));
          }
        },
        { stated },
      );
    const large = big("b", 5_000_000);
    const whole = pushBlob(registry, caller, app, digestOf(Buffer.from(large)), bodyOf(large, large.length));
    expect((await refusal(whole)).code).toBe("DENIED");
    expect(taken).toBe(0);
    const id = await startUpload(registry, caller, app, "sha256");
    // No blob of the namespace has more than 2,000,000 bytes, so at the next one it cannot be one of them.
    expect((await refusal(appendUpload(registry, caller, app, id, undefined, bodyOf(large)))).code).toBe("DENIED");
    expect(taken).toBe(2_100_000);
    expect((await refusal(inspectUpload(registry, caller, app, id))).code).toBe("BLOB_UPLOAD_UNKNOWN");
    // What may be there already is taken, and the commit decides.
    const same = await startUpload(registry, caller, nameOf("team/two"), "sha256");
    await appendUpload(registry, caller, nameOf("team/two"), same, undefined, bodyOf(big("a", 2_000_000)));
    const digest = parseDigest(digestOf(Buffer.from(big("a", 2_000_000))));
    await finishUpload(registry, caller, nameOf("team/two"), same, digest, undefined, bodyOf(""));
    const fresh = await startUpload(registry, caller, app, "sha256");
    await appendUpload(registry, caller, app, fresh, undefined, bodyOf(big("c", 1_500_000)));
    const other = parseDigest(digestOf(Buffer.from(big("c", 1_500_000))));
    const finished = finishUpload(registry, caller, app, fresh, other, undefined, bodyOf(""));
    expect((await refusal(finished)).code).toBe("DENIED");
    // Where more is used than may be, nothing is begun.
    await setQuota(registry, "team", { quotaStorage: 10 });
    await forgotten();
    expect((await refusal(startUpload(registry, caller, app, "sha256"))).message).toContain(
      "10 bytes (quotaStorage), 1.91 MiB is used: delete",
    );
    await agree("team");
    await collectAll(registry);
    await agree("team");
  });

  test("others are told once of each threshold that is crossed, and again when it is crossed again", async () => {
    await setQuota(registry, "team", { quotaStorage: 10_000, quotaWarnings: [50, 80] });
    const told = async () => {
      await countedUsageOf(registry, "team");
      const events = await registry.metadata.read.all(listEvents, { limit: 500 } as never);
      return events
        .filter(({ type }) => type === "quota.warned")
        .map(({ payload, ...event }) => {
          const { quota, threshold, limit } = JSON.parse(payload) as Record<string, unknown>;
          return { namespace: (event as { namespace?: string | null }).namespace, quota, threshold, limit };
        });
    };
    await putBlob(registry, "team/app", big("a", 4_000));
    expect(await told()).toEqual([]);
    await putBlob(registry, "team/app", big("b", 2_000));
    const half = { namespace: "team", quota: "storage", threshold: 50, limit: 10_000 };
    expect(await told()).toEqual([half]);
    await putBlob(registry, "team/app", big("c", 100));
    expect(await told()).toEqual([half]);
    await putBlob(registry, "team/app", big("d", 3_000));
    expect(await told()).toEqual([half, { ...half, threshold: 80 }]);
    await collectAll(registry);
    expect(await told()).toHaveLength(2);
    await putBlob(registry, "team/app", big("e", 9_000));
    expect(await told()).toEqual([half, { ...half, threshold: 80 }, { ...half, threshold: 80 }]);
  });

  test("a recount says what is there, namespace by namespace", async () => {
    await setQuota(registry, "", { quotaStorage: 1_000_000 });
    await setQuota(registry, "team", { quotaStorage: 1_000_000 });
    await pushImage("team/app", big("a"), "v1");
    const right = await recountQuotas(registry, caller, "");
    expect(right.map(({ namespace, corrected }) => [namespace, corrected])).toEqual([
      ["the root namespace", false],
      ["namespace team", false],
    ]);
    expect(right[1]!.found).toEqual(await plainUsageOf(registry, "team"));
  });

  test("many pushes at once come exactly to the limit", async () => {
    await setQuota(registry, "team", { quotaStorage: 20_000 });
    const actors = [registry, (await world.actor()).registry, (await world.actor()).registry];
    const pushes = Array.from({ length: 60 }, (_, index) =>
      putBlob(actors[index % 3]!, `team/app-${index % 5}`, big("x", 990) + String(index).padStart(10, "0")),
    );
    const results = await Promise.allSettled(pushes);
    const failed = results.flatMap((result) => (result.status === "rejected" ? [result.reason as unknown] : []));
    expect(failed.filter((error) => !(error instanceof RegistryError && error.code === "DENIED"))).toEqual([]);
    expect(results.length - failed.length).toBe(20);
    await agree("team");
    expect((await countedUsageOf(registry, "team"))!.storage).toBe(20_000);
  });
});
