import { open, rm } from "node:fs/promises";
import { readConfig } from "../config.ts";
import { CommandError, usageError } from "./command-error.ts";
import type { Composition } from "./composition.ts";
import { exitCodes } from "./exit-codes.ts";
import type { GivenFlags } from "./flags.ts";
import { printResult } from "./print-result.ts";
import type { Output } from "./print-result.ts";

/** As the management API takes it. */
const userName = /^[a-z0-9]+(?:[._-][a-z0-9]+)*$/;

/** `berth recover owner` */
export async function recoverOwner(
  composition: Composition,
  flags: GivenFlags,
  output: Output,
  user = "admin",
  { endCredentials = false, passwordTo }: { readonly endCredentials?: boolean; readonly passwordTo?: string },
): Promise<number> {
  if (!userName.test(user) || user.length > 64 || user === "oidc" || user === "token") {
    throw usageError(`${user} is no user name: lower-case letters, digits and single . _ - between them, 64 at most`);
  }
  const { config } = await readConfig(flags, process.env);
  // Before anything is changed: a password that nobody gets to see would be lost.
  const file = passwordTo === undefined ? undefined : await openNew(passwordTo);
  try {
    const { password, ...done } = await composition.recoverOwnerNow(config, { user, endCredentials });
    await file?.writeFile(`${password}\n`);
    await file?.sync();
    await printResult(output, {
      value: { ...done, ...(file === undefined ? { password } : { passwordFile: passwordTo }) },
      rows: [
        ["user", `${user}, ${done.made ? "made now" : done.wasDisabled ? "enabled again" : "was there"}`],
        ["owner", done.wasOwner ? "was one" : "since now"],
        ["tokens revoked", String(done.revoked)],
        ...(file === undefined ? [["password", password]] : [["password in", passwordTo!]]),
        ["", "It is not shown again. Log in and change it: berth user password"],
      ],
    });
    return exitCodes.done;
  } catch (error) {
    if (passwordTo !== undefined) await rm(passwordTo, { force: true });
    throw error;
  } finally {
    await file?.close();
  }
}

async function openNew(path: string) {
  try {
    return await open(path, "wx", 0o600);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const cure = code === "EEXIST" ? "it is there already, and nothing is overwritten" : `it cannot be made (${code})`;
    throw new CommandError(`${path}: ${cure}; name another file`, { cause });
  }
}
