import { parentPort, workerData } from "node:worker_threads";
import { serveWrites } from "./metadata/index.ts";
import type { WriterStart } from "./metadata/index.ts";
import { addingWrites } from "./registry/index.ts";
import { writes } from "./writes.ts";

/** SQLite's writer thread. */
serveWrites(parentPort!, workerData as WriterStart, writes, addingWrites);
