import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readSync, rmSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "vitest";
import { needPeers } from "../support/peers.ts";

/** Kinds of calls in the order of `enum kind` in `preload/faults.c`. */
const kinds = ["open", "create", "write", "sync", "truncate", "rename", "unlink", "mkdir", "read", "close"] as const;
export type CallKind = (typeof kinds)[number];

/** Calls that change what a later process finds. */
export const changes: readonly CallKind[] = ["create", "write", "sync", "truncate", "rename", "unlink", "mkdir"];

/** In the order of `enum mode`. `kill-inside`: a write is half done, anything else is done. */
const modes = ["count", "kill-before", "kill-inside", "fail-once", "fail-from", "fail-from-torn"] as const;
const errors = { EIO: 5, ENOSPC: 28 } as const;

/** What is to happen at which call. */
export interface FaultPlan {
  readonly mode: (typeof modes)[number];
  /** The call that is struck, from 1. */
  readonly at?: number;
  readonly error?: keyof typeof errors;
  /** What counts. */
  readonly kinds: readonly CallKind[];
}

/** A counted call. */
export interface Call {
  readonly kind: CallKind;
  /** Below the data directory; the end of it when it is long. */
  readonly path: string;
  /** Bytes of a write. */
  readonly size: number;
}

const headSize = 48;
const entrySize = 128;
const slots = 8192;

/** Compiles the library. @returns its path */
function buildLibrary(folder: string): string {
  const library = join(folder, "faults.so");
  const source = join(import.meta.dirname, "preload/faults.c");
  execFileSync("gcc", ["-O2", "-Wall", "-shared", "-fPIC", "-o", library, source, "-ldl"], { stdio: "inherit" });
  return library;
}

/**
 * The fault library in front of one process at a time: a plan takes effect while the process runs. One thread does the
 * file work, so that the same work makes the same calls in the same order.
 */
export class Faults {
  readonly #folder = mkdtempSync(join(tmpdir(), "berth-preload-"));
  readonly #library: string;
  readonly #path = join(this.#folder, "control");
  readonly #file: number;

  /** Builds the library. The test is skipped where there is no compiler, and fails under CI. */
  constructor(context: TestContext) {
    needPeers(context, "gcc");
    this.#library = buildLibrary(this.#folder);
    writeFileSync(this.#path, "");
    truncateSync(this.#path, headSize + slots * entrySize);
    this.#file = openSync(this.#path, "r+");
  }

  /** Environment of the process. @param root the directory whose files count, absolute */
  env(root: string): Record<string, string> {
    return {
      LD_PRELOAD: this.#library,
      FAULTS_ROOT: root,
      FAULTS_CONTROL: this.#path,
      UV_THREADPOOL_SIZE: "1",
      UV_USE_IO_URING: "0",
    };
  }

  /** Sets the counter to 0 and the plan to work. */
  arm(plan: FaultPlan): void {
    const head = Buffer.alloc(headSize);
    head.writeUInt32LE(modes.indexOf(plan.mode), 4);
    head.writeBigUInt64LE(BigInt(plan.at ?? 0), 8);
    head.writeUInt32LE(errors[plan.error ?? "EIO"], 16);
    head.writeUInt32LE(
      plan.kinds.reduce((mask, kind) => mask | (1 << kinds.indexOf(kind)), 0),
      20,
    );
    writeSync(this.#file, head, 0, headSize, 0);
    head.writeUInt32LE(1, 0);
    writeSync(this.#file, head, 0, 4, 0);
  }

  /** Lets all calls pass from now on. */
  disarm(): void {
    writeSync(this.#file, Buffer.alloc(4), 0, 4, 0);
  }

  /** Calls since the plan was set. */
  get count(): number {
    return this.#number(24);
  }

  /** Calls that were failed since then. */
  get struck(): number {
    return this.#number(32);
  }

  /** Syncs of an open file whose last sync failed. Each is a lie waiting to happen. */
  get resynced(): number {
    return this.#number(40);
  }

  /** The calls since the plan was set, in order. */
  get calls(): Call[] {
    const count = Math.min(this.count, slots);
    const bytes = Buffer.alloc(count * entrySize);
    readSync(this.#file, bytes, 0, bytes.length, headSize);
    return Array.from({ length: count }, (_, index) => {
      const entry = bytes.subarray(index * entrySize, (index + 1) * entrySize);
      const path = entry.toString("latin1", 8, entry.indexOf(0, 8));
      return { kind: kinds[entry.readUInt32LE(0)]!, size: entry.readUInt32LE(4), path };
    });
  }

  close(): void {
    closeSync(this.#file);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #number(offset: number): number {
    const bytes = Buffer.alloc(8);
    readSync(this.#file, bytes, 0, 8, offset);
    return Number(bytes.readBigUInt64LE());
  }
}
