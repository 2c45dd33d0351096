import { sql } from "kysely";
import type { Metadata } from "../../src/metadata/index.ts";
import { statement } from "../../src/metadata/statement.ts";
import type { Registry } from "../../src/registry/index.ts";
import { makeRoom } from "../../src/registry/make-room.ts";
import { BlobStore, BufferPool } from "../../src/storage/index.ts";
import type { BlobDriver } from "../../src/storage/index.ts";
import type { AllWrites } from "../../src/writes.ts";
import type { World } from "./actors.ts";
import { makeNamespace } from "./quota-world.ts";

/** Bytes of a disk on which nothing but the objects is. */
export const total = 1_000_000;

const day = 86_400_000;
const { signal } = new AbortController();

export interface GivenUpRow {
  readonly principal: string;
  readonly repository: string;
  readonly target: string;
  readonly detail: string;
}

/** Audit rows of what was given up. */
export const listGivenUp = statement(
  "listGivenUp",
  (_db, _p: { readonly [none: string]: never }) => sql<GivenUpRow>`
    select principal, repository, target, detail from audit where action = 'give-up-undo' order by id`,
);

function diskOf(driver: BlobDriver) {
  const used = async () => {
    let bytes = 0;
    for await (const { size } of driver.list()) bytes += size;
    return bytes;
  };
  const disk: BlobDriver = { ...driver, findSpace: async () => ({ total, free: total - (await used()) }) };
  return { used, disk };
}

/** A registry with the namespace `team` on such a disk, in which deletes can be undone for a week. */
export async function openOnDisk(world: World) {
  const actor = (await world.actor({ undoWindow: 7 * day, untagged: "keep" })).registry;
  const metadata = actor.metadata as unknown as Metadata<AllWrites>;
  const by = { principal: "system:test", credential: null, address: null, request: null, reason: null };
  await metadata.write("createNamespace", { by, path: "", public: false }).catch(() => undefined);
  await makeNamespace(metadata, "team").catch(() => undefined);
  const { disk, used } = diskOf(world.driver);
  const store = new BlobStore(disk, { inlineBytes: 64, buffers: new BufferPool(16 * 1024 * 1024) });
  return { registry: { ...actor, store }, used };
}

/** The same registry, of whose disk no more than so many bytes may be in use. */
export function within(bytes: number, on: Registry): Registry {
  return { ...on, settings: { ...on.settings, spaceFloor: { bytes: total - bytes } } };
}

/** Makes room as when somebody asks for it: however long the last count took. */
export function seekRoom(on: Registry): ReturnType<typeof makeRoom> {
  return makeRoom(on, { signal, share: 1, asked: true });
}
