import type { Config } from "../config.ts";
import { formatAddress } from "../lib/index.ts";
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
export function explainFailure(error: unknown, config?: Config): Explained {
  if (error instanceof SettingsError) return { lines: error.problems, exitCode: exitCodes.usage };
  if (error instanceof MetadataError || error instanceof StorageError) {
    const exitCode = error.reason === "failed" ? exitCodes.failed : exitCodes.unavailable;
    return { lines: [error.message], exitCode };
  }
  const sentence = explainListen(error as NodeJS.ErrnoException, config);
  if (sentence !== undefined) return { lines: [sentence], exitCode: exitCodes.unavailable };
  const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { lines: [`this is a defect, please report it: ${what}`], exitCode: exitCodes.failed };
}

function explainListen(error: NodeJS.ErrnoException & { port?: number }, config?: Config): string | undefined {
  if (error.syscall !== "listen" && error.syscall !== "getaddrinfo" && error.syscall !== "bind") return undefined;
  const isOps = config?.ops !== undefined && config.ops.port === error.port && config.listen.port !== error.port;
  const name = isOps ? "ops" : "listen";
  const address =
    config === undefined ? "the address" : formatAddress((isOps ? config.ops : config.listen) ?? config.listen);
  const cure = `choose another with --${name} host:port (BERTH_${name.toUpperCase()})`;
  switch (error.code) {
    case "EADDRINUSE":
      return `${address} is taken by another program: stop that one, or ${cure}`;
    case "EACCES":
      return `${address} may not be used by this user (ports below 1024 are the system's): ${cure}`;
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `${address} is not an address of this machine (${error.code}): ${cure}`;
    default:
      return `cannot listen on ${address} (${error.code}): ${cure}`;
  }
}
