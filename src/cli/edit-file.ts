import { readFileSync, renameSync, statSync } from "node:fs";
import { open, readFile, realpath, stat, unlink } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout } from "node:timers/promises";
import { ensureDirectory, syncDirectory } from "../lib/index.ts";
import { CommandError } from "./command-error.ts";

/** How long an edit takes at most, in milliseconds; what is older was left by a process that was killed. */
const longest = 10_000;

/**
 * Replaces a file of the user's by an edited one: whole or not at all, also when the power goes. Edits at the same time
 * follow one another, those of programs that know nothing of this one are seen and edited again. A link stays one; the
 * file keeps its mode, a new one is its owner's alone.
 * @param edit from the text, undefined where there is no file, to the new one; undefined leaves all as it is. May be
 * called several times. Its errors are passed on
 * @throws CommandError when the file cannot be read or written
 */
export async function editFile(path: string, edit: (text: string | undefined) => string | undefined): Promise<void> {
  try {
    const target = await realpath(path).catch(() => path);
    await ensureDirectory(dirname(target));
    while (!(await editOnce(target, edit)));
  } catch (error) {
    if (error instanceof CommandError) throw error;
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new CommandError(`${path} cannot be written (${reason}): make it yours, or make room`, { cause: error });
  }
}

/** False when another program changed the file in the meantime. */
async function editOnce(target: string, edit: (text: string | undefined) => string | undefined): Promise<boolean> {
  // The new file is the lock: only one can make it, and putting it in place gives it back.
  const next = `${target}.berth-new`;
  const file = await openAlone(next);
  const isOurs = async () => (await inodeOf(next)) === (await file.stat()).ino;
  let placed = false;
  try {
    const before = await readText(target);
    const text = edit(before);
    if (text === undefined || text === before) return true;
    await file.writeFile(text);
    await file.chmod(await modeOf(target));
    await file.sync();
    placed = putInPlace(next, (await file.stat()).ino, target, before);
    if (!placed) return false;
    await syncDirectory(dirname(target));
    return true;
  } finally {
    if (!placed && (await isOurs())) await unlink(next);
    await file.close();
  }
}

/** The last look and the rename at one go, so that the time in which another program's edit gets lost is the shortest. */
function putInPlace(next: string, inode: number, target: string, before: string | undefined): boolean {
  if (statSync(next, { throwIfNoEntry: false })?.ino !== inode) return false;
  if (readNow(target) !== before) return false;
  renameSync(next, target);
  return true;
}

function readNow(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    return absent(error);
  }
}

async function modeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ mode }) => mode & 0o777,
    () => 0o600,
  );
}

async function inodeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ ino }) => ino,
    () => undefined,
  );
}

async function openAlone(path: string): Promise<FileHandle> {
  for (;;) {
    try {
      return await open(path, "wx", 0o600);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const since = await stat(path).then(
      (found) => found.mtimeMs,
      () => undefined,
    );
    if (since !== undefined && Date.now() - since > longest) await unlink(path).catch(() => undefined);
    else await setTimeout(10 + 40 * Math.random());
  }
}

/** Undefined where there is no file. */
export async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    return absent(error);
  }
}

/** Undefined for a file that is not there. @throws the error for any other */
function absent(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
  throw error;
}
