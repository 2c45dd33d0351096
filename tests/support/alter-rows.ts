import { sql } from "kysely";
import { raiseVersion } from "../../src/access/writes/raise-version.ts";
import { openSqliteInProcess } from "../../src/metadata/index.ts";
import type { Metadata, Transaction } from "../../src/metadata/index.ts";
import { statement } from "../../src/metadata/statement.ts";
import { writes } from "../../src/writes.ts";
import type { AllWrites } from "../../src/writes.ts";

/** What an operator, or time, may do to the rows behind a login. */
const alterations = {
  disableAccount: statement(
    "testDisableAccount",
    (_db, p: { id: number }) => sql<never>`update account set disabled = 1 where id = ${p.id}`,
  ),
  changePassword: statement(
    "testChangePassword",
    (_db, p: { id: number }) => sql<never>`update account set password = 'scrypt$1$1$1$a$b' where id = ${p.id}`,
  ),
  revokeToken: statement(
    "testRevokeToken",
    (_db, p: { id: number }) => sql<never>`update token set revoked_at = 1 where id = ${p.id}`,
  ),
  ageToken: statement(
    "testAgeToken",
    (_db, p: { id: number }) => sql<never>`update token set created_at = created_at - 3600000 where id = ${p.id}`,
  ),
  deleteRobot: statement(
    "testDeleteRobot",
    (_db, p: { id: number }) => sql<never>`delete from robot where id = ${p.id}`,
  ),
  deleteGrant: statement(
    "testDeleteGrant",
    (_db, p: { id: number }) => sql<never>`delete from access_grant where id = ${p.id}`,
  ),
  deleteRepository: statement(
    "testDeleteRepository",
    (_db, p: { id: number }) =>
      sql<never>`update repository set former_name = name, name = '~' || id, deleted_at = 1 where id = ${p.id}`,
  ),
  passLookTime: statement(
    "testPassLookTime",
    (_db, p: { id: number }) => sql<never>`update device_login set polled_at = ${p.id}`,
  ),
  endDeviceLogins: statement(
    "testEndDeviceLogins",
    (_db, p: { id: number }) => sql<never>`update device_login set expires_at = ${p.id}`,
  ),
  endSigning: statement(
    "testEndSigning",
    (_db, p: { id: number }) => sql<never>`update signing_key set signs_until = ${p.id}`,
  ),
};

export type Alteration = keyof typeof alterations;

async function alter(tx: Transaction, input: { readonly what: Alteration; readonly id: number }): Promise<void> {
  await tx.run(alterations[input.what], { id: input.id });
  await raiseVersion(tx);
  tx.touch("team/app");
}

/** Rows in memory that a test may change as no use-case does. */
export function openAlterable(): {
  readonly metadata: Metadata<AllWrites>;
  readonly alter: (what: Alteration, id: number) => Promise<void>;
} {
  const metadata = openSqliteInProcess<AllWrites & { readonly alter: typeof alter }>(":memory:", { ...writes, alter });
  return {
    metadata: metadata as unknown as Metadata<AllWrites>,
    alter: async (what, id) => void (await metadata.write("alter", { what, id })),
  };
}
