import { SettingsError } from "../lib/settings/index.ts";
import { MetadataError } from "../metadata/index.ts";
import { StorageError } from "../storage/index.ts";
import { exitCodes } from "./exit-codes.ts";

/** What to print, a sentence a line, and what to end with. */
export interface Explained {
  readonly lines: readonly string[];
  readonly exitCode: number;
}

/** Says what happened, why, and what to do. */
export function explainFailure(error: unknown): Explained {
  if (error instanceof SettingsError) return { lines: error.problems, exitCode: exitCodes.usage };
  if (error instanceof MetadataError || error instanceof StorageError) {
    const exitCode = error.reason === "failed" ? exitCodes.failed : exitCodes.unavailable;
    return { lines: [error.message], exitCode };
  }
  if (error instanceof Error && isListenError(error.cause)) {
    return { lines: [error.message], exitCode: exitCodes.unavailable };
  }
  const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { lines: [`this is a defect, please report it: ${what}`], exitCode: exitCodes.failed };
}

function isListenError(cause: unknown): boolean {
  const { syscall } = (cause ?? {}) as NodeJS.ErrnoException;
  return syscall === "listen" || syscall === "bind" || syscall === "getaddrinfo";
}
