import { raiseInstallation } from "../../metadata/index.ts";
import type { Transaction } from "../../metadata/index.ts";
import { accessScope, versionName } from "../version.ts";

/** Every process sees rights anew after this transaction. */
export async function raiseVersion(tx: Transaction): Promise<void> {
  await tx.run(raiseInstallation, { name: versionName });
  tx.touch(accessScope);
}
