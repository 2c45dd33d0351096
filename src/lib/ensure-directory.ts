import { mkdir, open, stat } from "node:fs/promises";
import { dirname } from "node:path";

/** Makes a directory and those above it that are missing, readable by their owner only, so that a power cut forgets none. */
export async function ensureDirectory(path: string): Promise<void> {
  const highest = await makeWithParents(path);
  // Also when it was there: the process that made it may have been killed before it came to this.
  await syncDirectory(dirname(path));
  if (highest === undefined) return;
  for (let made = path; made !== highest; made = dirname(made)) await syncDirectory(dirname(dirname(made)));
}

/** Node's own recursive `mkdir` never ends where a directory says that it is not there, as those below /proc do. */
async function makeWithParents(path: string): Promise<string | undefined> {
  try {
    await mkdir(path, { mode: 0o700 });
    return path;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" && (await stat(path)).isDirectory()) return undefined;
    if (code !== "ENOENT" || dirname(path) === path) throw error;
  }
  const highest = await makeWithParents(dirname(path));
  // Another process may have been quicker.
  const made = await mkdir(path, { mode: 0o700 }).then(
    () => path,
    async (error: NodeJS.ErrnoException) => {
      if (error.code === "EEXIST" && (await stat(path)).isDirectory()) return undefined;
      throw error;
    },
  );
  return highest ?? made;
}

/** Makes the names in a directory survive power loss. @throws the file system's own error */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
