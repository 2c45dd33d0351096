import { mkdir, symlink } from "node:fs/promises";
import { join, resolve } from "node:path";

/** Puts `berth` and `docker-credential-berth` into `bin` of a folder, as an installation does. Resolves to its path. */
export async function installBerth(folder: string): Promise<string> {
  const bin = join(folder, "bin");
  await mkdir(bin, { recursive: true });
  for (const name of ["berth", "docker-credential-berth"]) {
    await symlink(resolve(import.meta.dirname, `../../bin/${name}.mjs`), join(bin, name));
  }
  // The launcher asks for `node`.
  await symlink(process.execPath, join(bin, "node"));
  return bin;
}
