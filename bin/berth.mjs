#!/usr/bin/env node
// Plain JavaScript, so that an older Node can read it and start the one that came with the packages.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

// A clone runs its sources; the package has none, it carries what was built from them.
const main = ["../src/main.ts", "../dist/main.js"].map((path) => new URL(path, import.meta.url)).find(existsSync);
const isNew = Number(process.versions.node.split(".")[0]) >= 24;

if (main === undefined) {
  fail("this copy is not complete: install the package again, or run `npm run build` in the clone");
} else if (isNew) {
  await import(main.href).catch((error) => {
    if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
    fail(`its packages are not installed (${error.message.split("\n")[0]}): run \`npm ci\``);
  });
} else {
  const bundled = findBundled();
  if (bundled === undefined) {
    const old = `Node ${process.versions.node} is too old and the Node 24 that comes with Berth is not there`;
    fail(
      `${old}: run \`npm ci\`, or \`npm rebuild node\` if npm was told to run no install scripts, or install Node 24`,
    );
  } else {
    start(bundled);
  }
}

function fail(sentence) {
  console.error(`berth: ${sentence}`);
  process.exitCode = 1;
}

/** The package `node` may lie beside this one or in any folder above. */
function findBundled() {
  try {
    const manifest = createRequire(import.meta.url).resolve("node/package.json");
    const path = join(dirname(manifest), "bin", process.platform === "win32" ? "node.exe" : "node");
    return existsSync(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

/** Runs this file on another Node; signals go down, the way it ended comes up. */
function start(node) {
  // The channel tells the child when this process dies without a word.
  const stdio = ["inherit", "inherit", "inherit", "ipc"];
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => fail(`${node} cannot be started (${error.code}): install Node 24`));
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
