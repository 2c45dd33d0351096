import { parentPort, workerData } from "node:worker_threads";
import { serveWrites } from "./metadata/index.ts";
import type { WriterStart } from "./metadata/index.ts";
import { registryWrites } from "./registry/index.ts";

/** SQLite's writer thread. */
serveWrites(parentPort!, workerData as WriterStart, registryWrites);
