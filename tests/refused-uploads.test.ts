import { randomBytes } from "node:crypto";
import { afterAll, describe, expect, test } from "vitest";
import { parseRepositoryName } from "../src/oci/index.ts";
import {
  appendUpload,
  cancelUpload,
  finishUpload,
  inspectUpload,
  listRepositories,
  pushBlob,
  startUpload,
} from "../src/registry/index.ts";
import type { Body, Registry } from "../src/registry/index.ts";
import { openPostgresWorld, openSqliteWorld } from "./support/actors.ts";
import { caller, check, digestOf, permit } from "./support/open-registry.ts";
import { startPostgres } from "./support/postgres.ts";

/*
 * An object whose naming is refused is given up there and then: it does not wait for the sweep, which looks at what a
 * crash left.
 */
const name = parseRepositoryName("team/app");
const whole = randomBytes(100_000);
const other = randomBytes(100_000);
const bodyOf =
  (bytes: Uint8Array): Body =>
  async (take) =>
    void (await take(Uint8Array.from(bytes)));
const empty = bodyOf(Buffer.alloc(0));

const postgres = await startPostgres();
afterAll(() => postgres?.stop(), 60_000);

/** Bytes that come in two halves; `between` runs when the first is taken. */
const inHalves =
  (bytes: Uint8Array, between: () => Promise<unknown>): Body =>
  async (take) => {
    await take(Uint8Array.from(bytes.subarray(0, bytes.length / 2)));
    await between();
    await take(Uint8Array.from(bytes.subarray(bytes.length / 2)));
  };

const worlds = [
  { kind: "sqlite", open: openSqliteWorld, missing: false },
  { kind: "postgres", open: () => openPostgresWorld(postgres!), missing: postgres === undefined },
] as const;

describe.each(worlds)("on $kind", ({ open, missing }) => {
  const at = (title: string, run: (registry: Registry) => Promise<void>) =>
    test.skipIf(missing)(title, async () => {
      const world = await open();
      const { registry } = await world.actor();
      await run(registry);
      expect(await check(registry)).toEqual({ numbers: [0, 0, 0, 0], problems: [] });
      await world.close();
    });

  const cancel = (registry: Registry, id: string) => cancelUpload(registry, caller, name, id);
  const unknown = { code: "BLOB_UPLOAD_UNKNOWN" };

  at("a chunk whose upload is cancelled while it arrives leaves no object (end-14 beside end-5)", async (registry) => {
    const id = await startUpload(registry, caller, name, "sha256");
    const body = inHalves(whole, () => cancel(registry, id));
    await expect(appendUpload(registry, caller, name, id, undefined, body)).rejects.toMatchObject(unknown);
  });

  at("an upload that is cancelled before a byte came leaves no repository (end-14)", async (registry) => {
    const id = await startUpload(registry, caller, name, "sha256");
    await cancel(registry, id);
    await expect(inspectUpload(registry, caller, name, id)).rejects.toMatchObject(unknown);
    await expect(cancel(registry, id)).rejects.toMatchObject(unknown);
    expect((await listRepositories(registry, caller, "", 10)).items).toEqual([]);
  });

  at("a second chunk whose upload is cancelled while it arrives leaves no object", async (registry) => {
    const id = await startUpload(registry, caller, name, "sha256");
    await appendUpload(registry, caller, name, id, undefined, bodyOf(whole));
    const body = inHalves(whole, () => cancel(registry, id));
    await expect(appendUpload(registry, caller, name, id, undefined, body)).rejects.toMatchObject(unknown);
  });

  at(
    "an upload that is cancelled while its closing PUT arrives leaves no object (end-14 beside end-6)",
    async (registry) => {
      const id = await startUpload(registry, caller, name, "sha256");
      await appendUpload(registry, caller, name, id, undefined, bodyOf(Buffer.from("small")));
      const all = Buffer.concat([Buffer.from("small"), whole]);
      const body = inHalves(whole, () => cancel(registry, id));
      const finish = finishUpload(registry, caller, name, id, digestOf(all), undefined, body);
      await expect(finish).rejects.toMatchObject(unknown);
    },
  );

  at("a closing PUT of other bytes than its digest says, cancelled meanwhile, leaves no object", async (registry) => {
    const id = await startUpload(registry, caller, name, "sha256");
    await appendUpload(registry, caller, name, id, undefined, bodyOf(Buffer.from("small")));
    const body = inHalves(whole, () => cancel(registry, id));
    const finish = finishUpload(registry, caller, name, id, digestOf(other), undefined, body);
    await expect(finish).rejects.toMatchObject({ code: "DIGEST_INVALID" });
  });

  at("a blob that may not be named leaves no object, and the upload's earlier bytes stay", async (registry) => {
    const fixed = {
      ...registry,
      metadata: {
        ...registry.metadata,
        write: ((write: string, input: object) =>
          registry.metadata.write(
            write as "commitBlob",
            (write === "commitBlob" ? { ...input, permit: { ...permit, repository: 4_000 } } : input) as never,
          )) as Registry["metadata"]["write"],
      },
    } as Registry;
    await pushBlob(registry, caller, name, digestOf(other), bodyOf(other));
    const push = pushBlob(fixed, caller, name, digestOf(whole), bodyOf(whole));
    await expect(push).rejects.toMatchObject({ code: "NAME_UNKNOWN" });
    const id = await startUpload(fixed, caller, name, "sha256");
    await appendUpload(fixed, caller, name, id, undefined, bodyOf(Buffer.from("small")));
    const all = Buffer.concat([Buffer.from("small"), whole]);
    const finish = finishUpload(fixed, caller, name, id, digestOf(all), undefined, bodyOf(whole));
    await expect(finish).rejects.toMatchObject({ code: "NAME_UNKNOWN" });
    const { metadata } = registry;
    expect(await appendUpload({ ...fixed, metadata }, caller, name, id, undefined, empty)).toBe(5);
  });

  at("an object that another request goes on with is not given up with the one that lost it", async (registry) => {
    const id = await startUpload(registry, caller, name, "sha256");
    await appendUpload(registry, caller, name, id, undefined, bodyOf(whole));
    const context = { repository: name, id, permit, pin: 0, idle: 60_000 };
    const lose = async () => {
      // As another node does once the lease has run out.
      await registry.metadata.write("releaseLeases", {});
      await registry.metadata.write("claimUpload", { ...context, node: null });
    };
    const body = inHalves(whole, lose);
    await expect(appendUpload(registry, caller, name, id, undefined, body)).rejects.toMatchObject(unknown);
    await registry.metadata.write("releaseLeases", {});
    const rest = appendUpload(registry, caller, name, id, undefined, empty);
    expect(await rest).toBe(whole.length);
  });
});
