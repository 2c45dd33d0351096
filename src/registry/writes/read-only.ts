import { findInstallation, putInstallation, recordChange } from "../../metadata/index.ts";
import type { Attribution, Reader, Transaction } from "../../metadata/index.ts";

/** Row of the installation that says why nothing may be changed; empty when all may. */
const name = "read-only";

/** The scope that changes of it touch; no repository has such a name. */
export const readOnlyScope = "~read-only";

/** Since when nothing is changed, who said so, and why. */
export interface ReadOnly {
  readonly reason: string;
  /** `user:alice`; null when this process was started so. */
  readonly by: string | null;
  /** Milliseconds since 1970; null when this process was started so. */
  readonly since: number | null;
}

/** Says that nothing may be changed any more, and why, or that all may again. The same once more is no change. */
export async function setReadOnly(
  tx: Transaction,
  { by, reason }: { readonly by: Attribution; readonly reason: string | null },
): Promise<void> {
  const before = await findStoredReadOnly(tx);
  if ((before?.reason ?? null) === reason) return;
  const value = reason === null ? "" : JSON.stringify({ reason, by: by.principal, since: tx.now } satisfies ReadOnly);
  await tx.run(putInstallation, { name, value });
  tx.touch(readOnlyScope);
  await recordChange(tx, by, {
    action: reason === null ? "read-only-off" : "read-only-on",
    repository: "",
    target: reason ?? "",
  });
}

/** What the row says. */
export async function findStoredReadOnly(read: Reader): Promise<ReadOnly | undefined> {
  const value = (await read.first(findInstallation, { name }))?.value ?? "";
  return value === "" ? undefined : (JSON.parse(value) as ReadOnly);
}
