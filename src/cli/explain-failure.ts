import { SettingsError } from "../lib/settings/index.ts";
import type { MetadataError } from "../metadata/index.ts";
import type { StorageError } from "../storage/index.ts";
import { CommandError } from "./command-error.ts";
import { exitCodes } from "./exit-codes.ts";

/** What to print, a sentence a line, and what to end with. */
export interface Explained {
  readonly lines: readonly string[];
  readonly exitCode: number;
}

/** Says what happened, why, and what to do. */
export function explainFailure(error: unknown): Explained {
  if (error instanceof SettingsError) return { lines: error.problems, exitCode: exitCodes.usage };
  if (error instanceof CommandError) return { lines: [error.message], exitCode: error.exitCode };
  if (isStoreError(error)) {
    const exitCode = error.reason === "failed" ? exitCodes.failed : exitCodes.unavailable;
    return { lines: [error.message], exitCode };
  }
  if (error instanceof Error && isListenError(error.cause)) {
    return { lines: [error.message], exitCode: exitCodes.unavailable };
  }
  const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { lines: [`this is a defect, please report it: ${what}`], exitCode: exitCodes.failed };
}

/** By name: loading the stores to say that a setting is wrong takes longer than all the rest. */
function isStoreError(error: unknown): error is MetadataError | StorageError {
  return error instanceof Error && (error.name === "MetadataError" || error.name === "StorageError");
}

function isListenError(cause: unknown): boolean {
  const { syscall } = (cause ?? {}) as NodeJS.ErrnoException;
  return syscall === "listen" || syscall === "bind" || syscall === "getaddrinfo";
}
