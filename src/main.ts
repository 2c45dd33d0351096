import { readFileSync } from "node:fs";
import { enableCompileCache } from "node:module";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import type { Composition } from "./cli/index.ts";

// Rows hold keys, and the directory that a user names may be open to others: what is made here is its owner's alone.
process.umask(0o077);
// Before anything else is loaded, so that it is loaded from the cache. What is in it is run, so it lies where only this
// user writes; in the folder for temporary files, the default, anybody may have been first.
const compiled = process.env["NODE_COMPILE_CACHE"] || cacheOfUser();
// Below the folder that somebody happens to be in, anybody may have been first as well.
if (compiled !== undefined && isAbsolute(compiled)) {
  // By the variable its threads use it, too, which would strip and compile each file again.
  process.env["NODE_COMPILE_CACHE"] = compiled;
  enableCompileCache(compiled);
}
const { runCommand } = await import("./cli/index.ts");

// One folder below the package, as a source and as a built file.
const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};

const composition: Composition = {
  version,
  startServer: async (config, log) => (await import("./server.ts")).startServer(config, log),
  migrate: async (config) => (await import("./open-stores.ts")).migrateStores(config),
  collectNow: async (config, log) => (await import("./maintain.ts")).collectNow(config, log),
  previewNow: async (config, log) => (await import("./maintain.ts")).previewNow(config, log),
  explainNow: async (config, log, report) => (await import("./maintain.ts")).explainNow(config, log, report),
  inspectCollectionNow: async (config, log) => (await import("./maintain.ts")).inspectCollectionNow(config, log),
  acknowledgeNow: async (config, log) => (await import("./maintain.ts")).acknowledgeNow(config, log),
  backupNow: async (config, log, options) => (await import("./backup.ts")).backupNow(config, log, version, options),
  restoreNow: async (config, options) => (await import("./restore.ts")).restoreNow(config, options),
  recoverOwnerNow: async (config, options) => (await import("./recover.ts")).recoverOwnerNow(config, options),
  adoptNow: async (config, log, options) => (await import("./adopt.ts")).adoptNow(config, log, options),
  openTrail: async (config) => (await import("./trail.ts")).openTrail(config),
  checkNow: async (config, log, options) => (await import("./maintain.ts")).checkNow(config, log, options),
};

// A reader that has seen enough, such as `head`, is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
process.exitCode = await runCommand(process.argv.slice(2), composition);
// Nothing may be left running after a command; what still is must not keep the process.
if (process.argv[2] === "serve") process.exit();

/** Where this user keeps what can be made again; undefined for one without a home, as containers run under any number. */
function cacheOfUser(): string | undefined {
  try {
    return join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "berth");
  } catch {
    return undefined;
  }
}
