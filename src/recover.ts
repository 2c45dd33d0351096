import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { firstOwner, hashPassword } from "./access/index.ts";
import type { RecoverOwnerInput, RecoveredOwner } from "./access/index.ts";
import { askControl, controlPath } from "./api/control/index.ts";
import type { RecoverOptions, Recovered } from "./cli/index.ts";
import type { Config } from "./config.ts";
import { MetadataError, openPostgres, openSqliteInProcess } from "./metadata/index.ts";
import type { Metadata } from "./metadata/index.ts";
import { initialPasswordFile, lockRows, openReadOnlyRows } from "./open-stores.ts";
import { writes } from "./writes.ts";
import type { AllWrites } from "./writes.ts";

/**
 * Makes somebody an owner of everything who can log in by a new password. Whoever can read and write the rows on this machine
 * could do so anyway; the audit row says that it was done here. The blob store is not needed.
 * @throws MetadataError, also where there is no database
 */
export async function recoverOwnerNow(config: Config, { user, endCredentials }: RecoverOptions): Promise<Recovered> {
  const password = randomBytes(18).toString("base64url");
  const reason = `by ${userInfo().username} on the machine, without a login`;
  const by = { principal: "system:recovery", credential: null, address: null, request: null, reason };
  // Nothing is made where `database` names the wrong place.
  await (await openReadOnlyRows(config.database)).close();
  const input = { by, user, password: await hashPassword(password), endCredentials };
  const done = await write(config, input);
  if (done.outcome === "foreign") {
    const message = `${user} comes from a directory or provider, which keeps its password: choose another name, such as ${firstOwner}`;
    throw new MetadataError("failed", message);
  }
  // Its password is no longer the one in the file.
  if (user === firstOwner) await rm(join(config.data, initialPasswordFile), { force: true });
  return { user, password, made: done.outcome === "made", ...done };
}

async function write(config: Config, input: RecoverOwnerInput): Promise<RecoveredOwner> {
  const { database } = config;
  const through = async (metadata: Metadata<AllWrites>) => {
    try {
      return await metadata.write("recoverOwner", input);
    } finally {
      await metadata.close();
    }
  };
  if (database.kind === "postgres") return through(await openPostgres(database.url, writes));
  let release: () => void;
  try {
    release = await lockRows(config, database.path);
  } catch (error) {
    const answer = await askControl(controlPath(config.data), "recoverOwner", input);
    if (answer === undefined) throw error;
    return answer.done as RecoveredOwner;
  }
  try {
    return await through(openSqliteInProcess(database.path, writes));
  } finally {
    release();
  }
}
