import type { TrailEntry, TrailFilter, TrailPage, VerifiedTrail, VerifyOptions } from "../access/index.ts";
import type { Config } from "../config.ts";
import type { Address, Log } from "../lib/index.ts";
import type { ShownCollection } from "./gc-lines.ts";
import type { Adopted, Collected, Explained, FsckOptions, FsckResult, PreviewedCollection } from "../registry/index.ts";

/** What `fsck` found, and what SQLite itself says is wrong with its file. */
export interface Checked {
  readonly found: FsckResult;
  readonly integrity: readonly string[];
  /** Blobs that wait for a push to heal them since now. */
  readonly marked: number;
  /** Rows that collection looks at since now. */
  readonly queued: number;
}

/** What `backup` is to do. */
export interface BackupOptions {
  /** Of all backups. */
  readonly directory: string;
  /** Copy objects, or only list them where their store keeps what was removed. */
  readonly objects: "copy" | "list";
  readonly progress: (step: "rows" | "objects", done: number) => void;
}

/** What `backup` did. */
export interface BackedUp {
  /** Of this backup. */
  readonly directory: string;
  /** When its rows were copied, RFC 3339. */
  readonly made: string;
  /** Objects that rows name, and their bytes. */
  readonly count: number;
  readonly bytes: number;
  /** Objects that were copied now, and by earlier backups. */
  readonly copied: number;
  readonly there: number;
  /** Digests whose objects the store has not, or not as they were pushed. */
  readonly broken: readonly string[];
  /** Why collection is off, if it is. */
  readonly off: string | null;
}

/** What `recover owner` is to do. */
export interface RecoverOptions {
  /** Name. */
  readonly user: string;
  readonly endCredentials: boolean;
}

/** What `recover owner` did. */
export interface Recovered {
  readonly user: string;
  readonly password: string;
  readonly made: boolean;
  readonly wasDisabled: boolean;
  readonly wasOwner: boolean;
  /** Tokens. */
  readonly revoked: number;
}

/** What `adopt distribution` is to do. */
export interface AdoptFlags {
  /** Directory, or `s3://` URL. */
  readonly place: string;
  readonly dryRun: boolean;
  readonly link: boolean;
  readonly progress: (done: number) => void;
}

/** What `restore` is to do. */
export interface RestoreOptions {
  /** Of one backup. */
  readonly directory: string;
  readonly progress: (step: "rows" | "objects", done: number) => void;
}

/** What `restore` did. */
export interface Restored {
  /** When the backup's rows were copied, RFC 3339, and by which version. */
  readonly made: string;
  readonly berth: string;
  /** Objects that the store had, and those that were put back. */
  readonly there: number;
  readonly copied: number;
  /** Digests whose objects are nowhere: they are not served until they are pushed again. */
  readonly lost: readonly string[];
  /** `off` until the restore is acknowledged. */
  readonly collection: "on" | "off";
}

/** Audit rows that can be read until `close`. */
export interface ReadTrail {
  /** Rows that fit, the latest first. */
  latest(filter: TrailFilter): AsyncIterable<TrailEntry>;
  /** Sealed rows after a cursor, in the order of the chain; an empty cursor is the beginning. */
  page(after: string): Promise<TrailPage>;
  close(): Promise<void>;
}

/** The same of the installation on this machine. */
export interface OpenTrail extends ReadTrail {
  /** Walks along the chain of seals. */
  verify(options: VerifyOptions): Promise<VerifiedTrail>;
}

/** What the commands need of the layer above them; loaded when asked for. */
export interface Composition {
  /** Of this program. */
  readonly version: string;
  /** Rejects when the settings do not allow it, or what it needs cannot be had. */
  startServer(
    config: Config,
    log: Log,
  ): Promise<{
    readonly address: Address;
    /** The first owner's, when this start made it up. */
    readonly initialPassword: { readonly user: string; readonly password: string; readonly file: string } | undefined;
    close(): Promise<void>;
  }>;
  /** Brings the schema up to date; resolves with the names of the steps that were run. */
  migrate(config: Config): Promise<readonly string[]>;
  /** One pass of collection, here or by the server that has the data directory. */
  collectNow(config: Config, log: Log): Promise<Collected>;
  /** What that pass would do. */
  previewNow(config: Config, log: Log): Promise<PreviewedCollection>;
  /** Tells of each manifest, blob and object why it is there still; waits for `report`. */
  explainNow(config: Config, log: Log, report: (one: Explained) => Promise<void>): Promise<void>;
  /** How collection is, and what the stores hold, counted now. */
  inspectCollectionNow(config: Config, log: Log): Promise<ShownCollection>;
  /** Database and blob store belong together as they are now. */
  acknowledgeNow(config: Config, log: Log): Promise<void>;
  /** Copies rows, and objects, beside servers that go on. */
  backupNow(config: Config, log: Log, options: BackupOptions): Promise<BackedUp>;
  /** Puts a backup where nothing is overwritten. */
  restoreNow(config: Config, options: RestoreOptions): Promise<Restored>;
  /** Makes somebody an owner with a new password, asking nobody. */
  recoverOwnerNow(config: Config, options: RecoverOptions): Promise<Recovered>;
  /** Takes over the images of a CNCF Distribution from its storage. */
  adoptNow(config: Config, log: Log, options: AdoptFlags): Promise<Adopted>;
  /** Opens the audit rows for reading, beside a server that may be running. */
  openTrail(config: Config): Promise<OpenTrail>;
  /** Compares rows and bytes; `repair` marks and queues, here or by the server. */
  checkNow(
    config: Config,
    log: Log,
    options: Omit<FsckOptions, "grace"> & { readonly repair: boolean },
  ): Promise<Checked>;
}
