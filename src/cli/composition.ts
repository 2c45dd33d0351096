import type { TrailEntry, TrailFilter, TrailPage, VerifiedTrail, VerifyOptions } from "../access/index.ts";
import type { Config } from "../config.ts";
import type { Address, Log } from "../lib/index.ts";
import type { Collected, FsckOptions, FsckResult } from "../registry/index.ts";

/** What `fsck` found, and what SQLite itself says is wrong with its file. */
export interface Checked {
  readonly found: FsckResult;
  readonly integrity: readonly string[];
  /** Blobs that wait for a push to heal them since now. */
  readonly marked: number;
  /** Rows that collection looks at since now. */
  readonly queued: number;
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
  previewNow(config: Config, log: Log): Promise<Collected>;
  /** Database and blob store belong together as they are now. */
  acknowledgeNow(config: Config, log: Log): Promise<void>;
  /** Opens the audit rows for reading, beside a server that may be running. */
  openTrail(config: Config): Promise<OpenTrail>;
  /** Compares rows and bytes; `repair` marks and queues, here or by the server. */
  checkNow(
    config: Config,
    log: Log,
    options: Omit<FsckOptions, "grace"> & { readonly repair: boolean },
  ): Promise<Checked>;
}
