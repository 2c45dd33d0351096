import { sql } from "kysely";
import { RegistryError } from "../../oci/index.ts";
import {
  claimUpload,
  findInstallation,
  findUpload,
  insertManifest,
  insertManifestContent,
  insertInstallation,
  insertRepository,
  insertUpload,
  lockUpload,
  putInstallation,
} from "../index.ts";
import type { Transaction, Writes } from "../index.ts";
import { statement } from "../statement.ts";

/** Fails where the name is there. */
const insertOnce = statement(
  "testInsertOnce",
  (_db, p: { name: string; value: string }) => sql<never>`
    insert into installation (name, value) values (${p.name}, ${p.value})`,
);

/** Writes that show what a transaction promises; the kit's writer thread runs this same table. */
export const kitWrites = {
  /** Adds a repository; then does as told. */
  async addRepository(
    tx: Transaction,
    input: { readonly name: string; readonly then?: "refuse" | "break" | undefined },
  ): Promise<{ readonly id: number } | undefined> {
    const row = await tx.first(insertRepository, { name: input.name, public: 0, visibility: null, now: tx.now });
    tx.touch(input.name);
    if (input.then === "refuse") {
      throw new RegistryError("DENIED", `${input.name} is refused`, { detail: { name: input.name } });
    }
    if (input.then === "break") throw new Error(`${input.name} is broken`);
    return row;
  },

  /** An upload's row, to be claimed. */
  async addUpload(tx: Transaction, input: { readonly id: string; readonly repository: number }): Promise<void> {
    await tx.run(insertUpload, {
      ...input,
      key: null,
      leaseUntil: 0,
      holder: null,
      cancelled: 0,
      now: tx.now,
      expiresAt: 0,
    });
  },

  /** Sends two changes, of which the second fails where it was made before; then does as told. */
  async sendTwo(
    tx: Transaction,
    input: { readonly name: string; readonly value: string; readonly then?: "ask" | "refuse" },
  ): Promise<string | undefined> {
    const { name, value, then } = input;
    await tx.send(putInstallation, { name, value });
    await tx.send(insertOnce, { name: `${name} once`, value });
    if (then === "refuse") throw new RegistryError("DENIED", `${name} is refused`);
    return then === "ask" ? (await tx.first(findInstallation, { name }))?.value : undefined;
  },

  /** Reads, thinks, and writes: two that do so at once must not both see the same. */
  async claim(tx: Transaction, input: { readonly id: string }): Promise<number> {
    const row = await tx.first(lockUpload, input);
    await tx.run(claimUpload, { id: input.id, leaseUntil: 0, holder: null });
    return row!.fence + 1;
  },

  /** Claims two rows in the order given. */
  async claimBoth(tx: Transaction, input: { readonly ids: readonly string[] }): Promise<void> {
    for (const id of input.ids) {
      await tx.first(lockUpload, { id });
      await tx.run(claimUpload, { id, leaseUntil: 0, holder: null });
    }
  },

  async put(tx: Transaction, input: { readonly name: string; readonly value: string }): Promise<void> {
    await tx.run(putInstallation, input);
  },

  /** The value that is there, or else this one. */
  async ensure(tx: Transaction, input: { readonly name: string; readonly value: string }): Promise<string> {
    const added = await tx.run(insertInstallation, input);
    const found = await tx.first(findInstallation, { name: input.name });
    if (added !== (found?.value === input.value ? 1 : 0)) throw new Error("the number of changed rows is wrong");
    return found!.value;
  },

  /** What a transaction sees of its own. */
  async readBack(tx: Transaction, input: { readonly id: string }): Promise<number | undefined> {
    const before = await tx.all(findUpload, input);
    await tx.run(claimUpload, { id: input.id, leaseUntil: 0, holder: null });
    const after = await tx.first(findUpload, input);
    return after === undefined ? undefined : after.fence - before[0]!.fence;
  },

  /** Stores a manifest of any size. */
  async putBig(
    tx: Transaction,
    input: { readonly bytes: Uint8Array; readonly digest: string; readonly size: number; readonly labels: string },
  ): Promise<void> {
    const repository = (await tx.first(insertRepository, {
      name: "kit/big",
      public: 0,
      visibility: null,
      now: tx.now,
    }))!.id;
    const row = await tx.first(insertManifest, {
      repository,
      digest: input.digest,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      size: input.size,
      kind: "image",
      artifactType: null,
      subject: null,
      contentSize: input.size,
      os: null,
      architecture: null,
      variant: null,
      imageCreated: null,
      labels: input.labels,
      annotations: null,
      pinUntil: 0,
      now: tx.now,
    });
    await tx.run(insertManifestContent, { manifest: row!.id, bytes: input.bytes });
  },
} satisfies Writes;

export type KitWrites = typeof kitWrites;
