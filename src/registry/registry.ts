import type { Access } from "../access/index.ts";
import type { Metadata } from "../metadata/index.ts";
import type { SpaceFloor, UndoBounds } from "../policy/index.ts";
import type { BlobStore } from "../storage/index.ts";
import type { RegistryWrites } from "./writes.ts";

/** Limits and times of the registry; durations are milliseconds, sizes bytes. */
export interface RegistrySettings {
  /** How long what a pusher was told of is held back from collection. */
  readonly pin: number;
  /** An upload without a byte for this long ends. */
  readonly uploadIdle: number;
  /** An upload older than this ends. */
  readonly uploadAge: number;
  /** Untagged manifests: kept, or collected once their pin has run out. */
  readonly untagged: "keep" | "delete";
  /** Deleted objects stay this long for those who read them. */
  readonly objectGrace: number;
  /** An object that no row names is removed when it was seen this long ago, too. */
  readonly orphanGrace: number;
  /** Between the two looks that condemn and remove. */
  readonly lookGap: number;
  /** Rows that collection looks at in a second, on all nodes together; 0 or nothing for any number. */
  readonly rowRate?: number;
  /** The same of objects that it removes. */
  readonly objectRate?: number;
  /** This process changes nothing. */
  readonly readOnly?: boolean;
  /** How long deletes and tag moves can be undone: where no setting says otherwise, and at most. */
  readonly undoWindow: UndoBounds;
  /** While less of the disk is free, the oldest deletes are given up; nothing for never. */
  readonly spaceFloor?: SpaceFloor;
  /** Send readers of large blobs to the store itself, where it can sign URLs. */
  readonly redirect: boolean;
}

/** What the use-cases work with. */
export interface Registry {
  readonly metadata: Metadata<RegistryWrites>;
  readonly store: BlobStore;
  /** Who may do what; each use-case asks it first. */
  readonly access: Access;
  readonly settings: RegistrySettings;
  /** Signs upload ids; the same on all nodes. */
  readonly uploadKey: Uint8Array;
  /** This process among several on one database; null where it is the only one. */
  readonly node: string | null;
  /** Told of what an operator must see: corrupt objects, failing disks. */
  readonly alarm: (what: string, facts: object) => void;
}
