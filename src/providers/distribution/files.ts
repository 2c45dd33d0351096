import { createReadStream } from "node:fs";
import { readFile, readdir, stat } from "node:fs/promises";
import { join } from "node:path";

/** Where another registry keeps its files; paths have slashes between their parts and none at their ends. */
export interface StoredFiles {
  /** Names below a folder, in any order; none where it is not there. */
  list(folder: string): AsyncIterable<string>;
  /** A whole small file; undefined when it is not there. @throws Error when it is larger than `limit` bytes */
  read(path: string, limit: number): Promise<Uint8Array | undefined>;
  /** Bytes; undefined when it is not there. */
  findSize(path: string): Promise<number | undefined>;
  /** The file's bytes in their order. */
  stream(path: string): AsyncIterable<Uint8Array>;
  /** Where the file is on this machine; undefined when it is not on one. */
  findPath(path: string): string | undefined;
}

/** Bytes read at once. */
const step = 1024 * 1024;

/** Files below a directory. @param root absolute path */
export function directoryFiles(root: string): StoredFiles {
  const at = (path: string) => join(root, path);
  const unlessMissing = (error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw error;
  };
  return {
    async *list(folder) {
      yield* (await readdir(at(folder)).catch(unlessMissing)) ?? [];
    },
    async read(path, limit) {
      const found = await stat(at(path)).catch(unlessMissing);
      if (found === undefined) return undefined;
      if (found.size > limit) throw new Error(`${path} has ${found.size} bytes, more than ${limit}`);
      return readFile(at(path));
    },
    findSize: async (path) => (await stat(at(path)).catch(unlessMissing))?.size,
    stream: (path) => createReadStream(at(path), { highWaterMark: step }),
    findPath: at,
  };
}
