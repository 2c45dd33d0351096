import type { FileHandle } from "node:fs/promises";
import { link, mkdir, open, readFile, readdir, stat, statfs, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ensureDirectory, syncDirectory } from "../../lib/index.ts";
import { StorageError, noStore } from "../driver.ts";
import type {
  BlobDriver,
  ObjectEntry,
  ObjectKey,
  ObjectReader,
  ObjectWriter,
  StorageErrorReason,
  WriterState,
} from "../driver.ts";
import { isObjectKey, shards } from "../object-key.ts";
import { removeReplacements, replaceFile } from "./replace-file.ts";

/*
 *   <root>/store.json           {"format":1}: proves that this is the store and not an empty mount point
 *   <root>/mark.json            what ties the store to its database; replaced whole, by a rename
 *   <root>/o/<2 hex>/<ULID>     objects; an upload is written where it will stay
 *
 * Objects are not renamed: no row names a file before it is whole and synced, so a file that a crash left half written
 * is seen by nobody and swept later.
 */

const marker = "store.json";
const markFile = "mark.json";
/** Written bytes are handed to the disk this often, so that the last sync of a large object is short. */
const syncEvery = 32 * 1024 * 1024;

/** Objects as files below a directory. @param root absolute path */
export function filesystemDriver(root: string): BlobDriver {
  const pathOf = (key: ObjectKey) => join(root, key);

  /** Tells "the object is not there" from "the store is not there". */
  const translate = async (cause: unknown, doing: string): Promise<StorageError> => {
    const error = toStorageError(cause, doing);
    if (error.reason !== "missing" || (await exists(join(root, marker)))) return error;
    return new StorageError("unavailable", `${doing}: ${root} is not a store at the moment (is it mounted?)`, {
      cause,
    });
  };

  const driver: BlobDriver = {
    name: "filesystem",
    remote: false,
    async open(mayMake) {
      try {
        await prepare(root, mayMake);
      } catch (cause) {
        throw cause instanceof StorageError
          ? cause
          : toStorageError(cause, `cannot use ${root} as blob store`, "unavailable");
      }
    },
    async create(key) {
      try {
        return new FileWriter(key, pathOf(key), await open(pathOf(key), "wx", 0o600), 0);
      } catch (cause) {
        throw await translate(cause, `cannot create ${key}`);
      }
    },
    async resume(key, state) {
      try {
        const file = await open(pathOf(key), "r+");
        try {
          const { size } = await file.stat();
          if (size > state.size) await file.truncate(state.size);
          return new FileWriter(key, pathOf(key), file, Math.min(size, state.size));
        } catch (error) {
          await file.close();
          throw error;
        }
      } catch (cause) {
        throw await translate(cause, `cannot go on with ${key}`);
      }
    },
    async read(key) {
      try {
        const file = await open(pathOf(key), "r");
        return fileReader(key, file, (await file.stat()).size);
      } catch (cause) {
        throw await translate(cause, `cannot open ${key}`);
      }
    },
    async linkFile(key, path) {
      try {
        const file = await open(path, "r");
        await file.sync().finally(() => file.close());
        await link(path, pathOf(key));
        await syncDirectory(dirname(pathOf(key)));
      } catch (cause) {
        const error = toStorageError(cause, `cannot give ${path} a second name in the store`);
        const elsewhere = (cause as NodeJS.ErrnoException).code === "EXDEV";
        throw elsewhere ? new StorageError("failed", `${error.message}: copy instead`, { cause }) : error;
      }
    },
    async findSize(key) {
      try {
        return (await stat(pathOf(key))).size;
      } catch (cause) {
        const error = await translate(cause, `cannot look at ${key}`);
        if (error.reason === "missing") return undefined;
        throw error;
      }
    },
    async remove(keys) {
      for (const key of keys) {
        try {
          await unlink(pathOf(key));
        } catch (cause) {
          const error = await translate(cause, `cannot remove ${key}`);
          if (error.reason !== "missing") throw error;
        }
      }
    },
    discard: (key) => driver.remove([key]),
    list: () => listObjects(root),
    async sweepUnfinished(before) {
      try {
        return await removeReplacements(root, before);
      } catch (cause) {
        throw await translate(cause, "cannot look for what was left behind");
      }
    },
    async findMark() {
      try {
        return await readFile(join(root, markFile), "utf8");
      } catch (cause) {
        const error = await translate(cause, "cannot read the store's mark");
        if (error.reason === "missing") return undefined;
        throw error;
      }
    },
    async putMark(mark) {
      try {
        await replaceFile(root, markFile, mark);
      } catch (cause) {
        throw await translate(cause, "cannot write the store's mark");
      }
    },
    async findSpace() {
      try {
        const { bavail, blocks, bsize } = await statfs(root);
        return { free: bavail * bsize, total: blocks * bsize };
      } catch (cause) {
        throw toStorageError(cause, "cannot ask for free space", "unavailable");
      }
    },
    findRedirect: () => Promise.resolve(undefined),
    close: () => Promise.resolve(),
  };
  return driver;
}

class FileWriter implements ObjectWriter {
  readonly key: ObjectKey;
  size: number;
  readonly #path: string;
  readonly #file: FileHandle;
  #unsynced = 0;
  #syncing: Promise<void> = Promise.resolve();
  #failed: StorageError | undefined;
  /** After a failed sync the kernel may call lost pages clean: a later sync would succeed and lie. */
  #untrusted = false;

  constructor(key: ObjectKey, path: string, file: FileHandle, size: number) {
    this.key = key;
    this.#path = path;
    this.#file = file;
    this.size = size;
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#failed !== undefined) throw this.#failed;
    try {
      for (let done = 0; done < chunk.length;) {
        const { bytesWritten } = await this.#file.write(chunk, done, chunk.length - done, this.size);
        done += bytesWritten;
        this.size += bytesWritten;
      }
    } catch (cause) {
      throw (this.#failed = toStorageError(cause, `cannot write ${this.key}`));
    }
    this.#unsynced += chunk.length;
    if (this.#unsynced < syncEvery) return;
    this.#unsynced = 0;
    // One at a time: the next waits for the last, so that a slow disk slows the upload instead of piling up syncs.
    await this.#syncing;
    this.#syncing = this.#file.datasync().catch((cause: unknown) => {
      this.#untrusted = true;
      this.#failed = toStorageError(cause, `cannot sync ${this.key}`);
    });
  }

  async suspend(): Promise<WriterState> {
    await this.#syncing;
    await this.#close();
    if (this.#failed !== undefined) throw this.#failed;
    return { size: this.size };
  }

  async finish(): Promise<void> {
    try {
      await this.#syncing;
      if (this.#failed !== undefined) throw this.#failed;
      await this.#file.sync().catch((cause: unknown) => {
        this.#untrusted = true;
        throw cause;
      });
      const { size, nlink } = await this.#file.stat();
      // A row must not name what somebody took away while it was written.
      if (nlink === 0) throw new StorageError("failed", `${this.key} was removed while it was written`);
      if (size !== this.size)
        throw new StorageError("failed", `${this.key} has ${size} bytes, ${this.size} were written`);
    } catch (cause) {
      throw cause instanceof StorageError ? cause : toStorageError(cause, `cannot sync ${this.key}`);
    } finally {
      await this.#close();
    }
    await syncDirectory(dirname(this.#path)).catch((cause: unknown) => {
      throw toStorageError(cause, `cannot sync the directory of ${this.key}`);
    });
  }

  async release(): Promise<void> {
    await this.#syncing;
    await this.#close();
    if (this.#untrusted) await unlink(this.#path).catch(() => undefined);
  }

  async abort(): Promise<void> {
    await this.#syncing;
    await this.#close();
    await unlink(this.#path).catch(() => undefined);
  }

  async #close(): Promise<void> {
    await this.#file.close().catch(() => undefined);
  }
}

function fileReader(key: ObjectKey, file: FileHandle, size: number): ObjectReader {
  return {
    size,
    async read(buffer, position) {
      try {
        let done = 0;
        while (done < buffer.length) {
          const { bytesRead } = await file.read(buffer, done, buffer.length - done, position + done);
          if (bytesRead === 0) break;
          done += bytesRead;
        }
        return done;
      } catch (cause) {
        throw toStorageError(cause, `cannot read ${key}`);
      }
    },
    close: () => file.close(),
  };
}

/** Directories are made and synced before the first object, so that a push syncs only its own. */
async function prepare(root: string, mayMake?: () => Promise<boolean>): Promise<void> {
  const path = join(root, marker);
  if (await exists(path)) {
    const format: unknown = JSON.parse(await readFile(path, "utf8"));
    if ((format as { format?: unknown }).format === 1) {
      // They were made before the marker, but an operator may have begun anew by the marker alone.
      if (!(await exists(join(root, "o", shards.at(-1)!)))) await makeShards(root);
      return;
    }
    throw new StorageError(
      "failed",
      `${path} is of a format that this version does not know: start the version that wrote it`,
    );
  }
  if ((await mayMake?.()) === false) throw noStore(root, marker);
  await makeShards(root);
  await replaceFile(root, marker, '{"format":1}\n');
}

async function makeShards(root: string): Promise<void> {
  await ensureDirectory(join(root, "o"));
  for (const shard of shards) await mkdir(join(root, "o", shard), { recursive: true, mode: 0o700 });
  await syncDirectory(join(root, "o"));
}

async function* listObjects(root: string): AsyncGenerator<ObjectEntry> {
  for (const shard of shards) {
    let names: string[];
    try {
      names = await readdir(join(root, "o", shard));
    } catch (cause) {
      // Shards are never removed, so what is missing is the store.
      const error = toStorageError(cause, `cannot list o/${shard}`, "unavailable");
      throw error.reason === "missing" ? new StorageError("unavailable", error.message, { cause }) : error;
    }
    for (const name of names) {
      const key = `o/${shard}/${name}`;
      const found = isObjectKey(key) ? await stat(join(root, key)).catch(() => undefined) : undefined;
      if (found !== undefined) yield { key, size: found.size, modifiedAt: found.mtimeMs };
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

const reasons: { readonly [code: string]: StorageErrorReason } = {
  ENOENT: "missing",
  EEXIST: "exists",
  ENOSPC: "full",
  EDQUOT: "full",
  EMFILE: "unavailable",
  ENFILE: "unavailable",
  ENOTCONN: "unavailable",
  ESTALE: "unavailable",
};

function toStorageError(cause: unknown, doing: string, otherwise: StorageErrorReason = "failed"): StorageError {
  const { code } = cause as NodeJS.ErrnoException;
  const reason = reasons[code ?? ""] ?? otherwise;
  return new StorageError(reason, `${doing}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
}
