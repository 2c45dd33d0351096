import type { BlobDriver, ObjectKey, WriterState } from "../driver.ts";

/** An empty store of its own. */
export interface TestedStore {
  readonly driver: BlobDriver;
  /** Another node's driver over the same objects; it is closed with the store. */
  another(): Promise<BlobDriver>;
  /** Takes away the last bytes of a suspended upload, as a power loss may, and says how many are left. */
  readonly shorten?: (key: ObjectKey, state: WriterState) => Promise<number>;
  /** Makes the store unreachable until the returned function is called. */
  readonly sever?: () => Promise<() => Promise<void>>;
  /** Removes what keeps the objects, so that there is no store at its place; the returned function brings it back. */
  readonly lose?: () => Promise<() => Promise<void>>;
  close(): Promise<void>;
}

export interface TestedDriver {
  readonly name: string;
  open(): Promise<TestedStore>;
  /** Names of tests that mean nothing for the driver, each with the reason. */
  readonly skips?: { readonly [test: string]: string };
}

/** Names a sentence of the contract and says how it is tested. */
export type Check = (title: string, run: (tested: TestedStore) => Promise<void>) => void;
