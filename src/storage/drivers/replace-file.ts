import { randomBytes } from "node:crypto";
import { readdir, rename, stat, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { syncDirectory } from "../../lib/index.ts";

/** What `replaceFile` writes before it renames it. */
const replacementPattern = /^\w+\.json\.[0-9a-f]{12}\.new$/;

/** Replaces a file as a whole. Several processes may do so at once: each writes a file of its own first. */
export async function replaceFile(folder: string, name: string, text: string): Promise<void> {
  const fresh = join(folder, `${name}.${randomBytes(6).toString("hex")}.new`);
  try {
    await writeFile(fresh, text, { mode: 0o600, flush: true });
    await rename(fresh, join(folder, name));
  } catch (error) {
    await unlink(fresh).catch(() => undefined);
    throw error;
  }
  await syncDirectory(folder);
}

/** Removes files that a process wrote before that moment and did not come to rename. @returns how many */
export async function removeReplacements(folder: string, before: number): Promise<number> {
  let removed = 0;
  for (const name of await readdir(folder)) {
    if (!replacementPattern.test(name)) continue;
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    if (found === undefined || found.mtimeMs >= before) continue;
    removed += await unlink(path).then(
      () => 1,
      () => 0,
    );
  }
  return removed;
}
