import { parentPort, workerData } from "node:worker_threads";
import { serveWrites } from "../index.ts";
import type { WriterStart } from "../index.ts";
import { kitWrites } from "./kit-writes.ts";

serveWrites(parentPort!, workerData as WriterStart, kitWrites);
