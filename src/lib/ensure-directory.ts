import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";

/** Makes a directory and those above it that are missing, readable by their owner only, so that a power cut forgets none. */
export async function ensureDirectory(path: string): Promise<void> {
  const highest = await mkdir(path, { recursive: true, mode: 0o700 });
  // Also when it was there: the process that made it may have been killed before it came to this.
  await syncDirectory(dirname(path));
  if (highest === undefined) return;
  for (let made = path; made !== highest; made = dirname(made)) await syncDirectory(dirname(dirname(made)));
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
