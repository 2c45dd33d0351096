// Types, lint and format.
import { spawnSync } from "node:child_process";

const run = (command, ...args) => (spawnSync(command, args, { stdio: "inherit" }).status ?? 1) === 0;
const passed = [
  run("tsc", "--noEmit", "-p", "."),
  run("oxlint", "--type-aware", "--quiet"),
  run("oxfmt", "--check", "."),
];
process.exit(passed.every(Boolean) ? 0 : 1);
