import { spawnSync } from "node:child_process";

const { status } = spawnSync("tsc", ["--noEmit", "-p", "."], { stdio: "inherit" });
process.exit(status ?? 1);
