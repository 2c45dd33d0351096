import { getCompileCacheDir } from "node:module";
import { dirname } from "node:path";
import { Worker } from "node:worker_threads";

/**
 * Starts a thread that reads its program from the compile cache, where this one does: by itself a thread has none and
 * strips and compiles each file again.
 * @param data what the thread finds as `workerData`
 */
export function startThread(program: URL, data?: unknown): Worker {
  const cache = getCompileCacheDir();
  // The folder it gives is the one of this version of Node, in the one that was chosen.
  const env = cache === undefined ? process.env : { ...process.env, NODE_COMPILE_CACHE: dirname(cache) };
  return new Worker(program, { env, workerData: data });
}
