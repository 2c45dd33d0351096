import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestContext } from "vitest";
import { RegistryError } from "../../oci/index.ts";
import {
  findInstallation,
  findManifestByDigest,
  findRepository,
  findUpload,
  listRepositories,
  MetadataError,
} from "../index.ts";
import type { Metadata } from "../index.ts";
import { kitWrites } from "./kit-writes.ts";
import type { KitWrites } from "./kit-writes.ts";

/** A database that the kit is run on. */
export interface KitDatabase {
  /** Skips the test where the database is not there. */
  need(context: TestContext): void;
  readonly there: boolean;
  /** Opens the same rows each time. */
  open(writes: KitWrites): Promise<Metadata<KitWrites>>;
}

/** What every database promises; `metadata.ts` says it in words. */
export function checkMetadata(name: string, database: KitDatabase): void {
  describe(name, () => {
    let metadata: Metadata<KitWrites>;
    const kit = (sentence: string, holds: () => Promise<void>) =>
      test(sentence, async (context) => {
        database.need(context);
        await holds();
      });
    const rowOf = async (repository: string) => metadata.read.first(findRepository, { name: repository });
    const settle = async (work: Promise<unknown>) => (await Promise.allSettled([work]))[0]!;

    beforeAll(async () => {
      if (database.there) metadata = await database.open(kitWrites);
    });
    afterAll(async () => metadata?.close());

    kit("a write's rows are there for every reader once it is answered", async () => {
      const written = await metadata.write("addRepository", { name: "kit/answered" });
      expect(await rowOf("kit/answered")).toMatchObject(written!);
      if (metadata.alone) return;
      const other = await database.open(kitWrites);
      expect(await other.read.first(findRepository, { name: "kit/answered" })).toMatchObject(written!);
      await other.close();
    });

    kit("a change whose answer is not waited for is made in its turn, with the write or not at all", async () => {
      const valueOf = async (name: string) => (await metadata.read.first(findInstallation, { name }))?.value;
      const send = (name: string, value: string, then?: "ask" | "refuse") =>
        metadata.write("sendTwo", { name, value, ...(then === undefined ? {} : { then }) });
      expect(await send("kit-sent", "first", "ask")).toBe("first");
      expect(await send("kit-other", "first")).toBeUndefined();
      expect([await valueOf("kit-other"), await valueOf("kit-other once")]).toEqual(["first", "first"]);
      // The fault itself is told, not what came of it, whether something was asked after it or nothing but the commit.
      for (const then of ["ask", undefined] as const) {
        const failed = await settle(send("kit-sent", "second", then));
        const error = failed.status === "rejected" ? (failed.reason as Error) : undefined;
        expect(error).toMatchObject({ name: "MetadataError", reason: "failed" });
        expect(error?.message.toLowerCase()).toMatch(/unique/);
        expect(await valueOf("kit-sent")).toBe("first");
      }
      expect(await settle(send("kit-third", "first", "refuse"))).toMatchObject({ reason: { code: "DENIED" } });
      expect(await valueOf("kit-third")).toBeUndefined();
    });

    kit("a refusal undoes the write and reaches the caller with code, message and detail", async () => {
      const refused = await settle(metadata.write("addRepository", { name: "kit/refused", then: "refuse" }));
      const error = refused.status === "rejected" ? (refused.reason as RegistryError) : undefined;
      expect(error).toBeInstanceOf(RegistryError);
      expect([error?.code, error?.message, error?.detail]).toEqual([
        "DENIED",
        "kit/refused is refused",
        { name: "kit/refused" },
      ]);
      expect(await rowOf("kit/refused")).toBeUndefined();
    });

    kit("a write that breaks is undone and reported as failed", async () => {
      const broken = await settle(metadata.write("addRepository", { name: "kit/broken", then: "break" }));
      const error = broken.status === "rejected" ? (broken.reason as MetadataError) : undefined;
      expect(error).toBeInstanceOf(MetadataError);
      expect(error?.reason).toBe("failed");
      expect(error?.message).toContain("kit/broken is broken");
      expect(await rowOf("kit/broken")).toBeUndefined();
    });

    kit("of many writes at once each stands or falls by itself", async () => {
      const then = (index: number) => (index % 5 === 1 ? "refuse" : index % 5 === 3 ? "break" : undefined);
      const names = Array.from({ length: 60 }, (_, index) => `kit/many-${index}`);
      const results = await Promise.allSettled(
        names.map((one, index) => metadata.write("addRepository", { name: one, then: then(index) })),
      );
      for (const [index, one] of names.entries()) {
        expect(results[index]!.status, one).toBe(then(index) === undefined ? "fulfilled" : "rejected");
        expect((await rowOf(one)) !== undefined, one).toBe(then(index) === undefined);
      }
    });

    kit("of those who add the same row one does, and all are told the same", async () => {
      const added = await Promise.all(
        Array.from({ length: 20 }, () => metadata.write("addRepository", { name: "kit/same" })),
      );
      expect(added.filter((row) => row !== undefined)).toHaveLength(1);
      const values = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          metadata.write("ensure", { name: "kit/first", value: `proposal ${index}` }),
        ),
      );
      expect(new Set(values).size).toBe(1);
      expect((await metadata.read.first(findInstallation, { name: "kit/first" }))?.value).toBe(values[0]);
    });

    kit("no change is lost between a locked read and the write that follows", async () => {
      const repository = (await metadata.write("addRepository", { name: "kit/claims" }))!.id;
      await metadata.write("addUpload", { id: "kit-claims", repository });
      const fences = await Promise.all(Array.from({ length: 50 }, () => metadata.write("claim", { id: "kit-claims" })));
      expect(fences.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, index) => index + 2));
    });

    kit("writes that lock rows in opposite orders all come through", async () => {
      const repository = (await metadata.write("addRepository", { name: "kit/crossed" }))!.id;
      const ids = ["kit-left", "kit-right"];
      for (const id of ids) await metadata.write("addUpload", { id, repository });
      await Promise.all(
        Array.from({ length: 4 }, (_, index) =>
          metadata.write("claimBoth", { ids: index % 2 === 0 ? ids : ids.toReversed() }),
        ),
      );
      for (const id of ids) expect((await metadata.read.first(findUpload, { id }))?.fence).toBe(5);
    });

    kit("a transaction sees its own changes", async () => {
      const repository = (await metadata.write("addRepository", { name: "kit/own" }))!.id;
      await metadata.write("addUpload", { id: "kit-own", repository });
      expect(await metadata.write("readBack", { id: "kit-own" })).toBe(1);
    });

    kit("lists are in the order of bytes, whatever the language, and pages join without gap or overlap", async () => {
      const names = ["-", "A", "Z", "_", "a", "a-", "a/", "a0", "aa", "b", "z", "~", "é", "ß", "ﬀ", "\u{1F433}"];
      const wanted = names.map((one) => `order/${one}`);
      await Promise.all(wanted.map((one) => metadata.write("addRepository", { name: one })));
      const sorted = wanted.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      for (const limit of [1, 3, 100]) {
        const seen: string[] = [];
        for (let after = "order/"; ; after = seen.at(-1)!) {
          const page = await metadata.read.first(listRepositories, { after, before: "{", limit });
          const inside = (page?.names?.split(",") ?? []).filter((one) => one.startsWith("order/"));
          seen.push(...inside);
          if (inside.length < limit) break;
        }
        expect(seen).toEqual(sorted);
      }
    });

    kit("a manifest of 4 MiB, large numbers and any text come back as they were", async () => {
      const bytes = Buffer.alloc(4 * 1024 * 1024, "\u{1F433}é");
      const digest = `sha256:${"b".repeat(64)}`;
      const labels = JSON.stringify({ quote: "'\"\\", control: "\u0001\n", whale: "\u{1F433}" });
      await metadata.write("putBig", { bytes, digest, size: Number.MAX_SAFE_INTEGER, labels });
      const found = await metadata.read.first(findManifestByDigest, { repository: "kit/big", digest });
      expect(Buffer.compare(found!.bytes, bytes)).toBe(0);
      expect(found!.size).toBe(Number.MAX_SAFE_INTEGER);
      await metadata.write("put", { name: "kit/text", value: labels });
      expect((await metadata.read.first(findInstallation, { name: "kit/text" }))?.value).toBe(labels);
    });

    kit("a write that is not there is reported as failed", async () => {
      const asked = settle(metadata.write("nothing" as "put", { name: "", value: "" }));
      expect(await asked).toMatchObject({ status: "rejected", reason: { name: "MetadataError", reason: "failed" } });
    });

    kit("the generation moves before a change of this process is answered, and not by another's change", async () => {
      const at = () => metadata.generation("kit/generation");
      const before = at();
      await metadata.write("addRepository", { name: "kit/generation" });
      expect(at()).toBeGreaterThan(before);
      const after = at();
      await metadata.write("put", { name: "kit/other", value: "1" });
      expect(at()).toBe(after);
    });

    kit("it answers a ping, and counts writes and commits", async () => {
      await metadata.ping();
      const { writes, commits, waiting } = metadata.stats();
      expect(writes).toBeGreaterThan(50);
      expect(commits).toBeGreaterThan(0);
      expect(waiting).toBe(0);
    });

    kit("closing lets writes that were asked for finish, and refuses those that come later", async () => {
      const last = metadata.write("put", { name: "kit/last", value: "written" });
      await Promise.all([last, metadata.close()]);
      const late = await settle(metadata.write("put", { name: "kit/late", value: "" }));
      expect(late).toMatchObject({ status: "rejected", reason: { name: "MetadataError" } });
      metadata = await database.open(kitWrites);
      expect((await metadata.read.first(findInstallation, { name: "kit/last" }))?.value).toBe("written");
    });
  });
}
