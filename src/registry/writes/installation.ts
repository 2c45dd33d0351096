import { findInstallation, insertInstallation, putInstallation } from "../../metadata/index.ts";
import type { Transaction } from "../../metadata/index.ts";

/** What all nodes of one installation share. */
export interface Installation {
  /** Signs upload ids; 32 bytes in hex. */
  readonly uploadKey: string;
  /** Changes when a backup is restored; hex. */
  readonly epoch: string;
}

/** Keeps what the first node proposed and gives it to every other. */
export async function ensureInstallation(tx: Transaction, proposal: Installation): Promise<Installation> {
  const ensure = async (name: string, value: string) => {
    await tx.run(insertInstallation, { name, value });
    return (await tx.first(findInstallation, { name }))!.value;
  };
  return { uploadKey: await ensure("upload-key", proposal.uploadKey), epoch: await ensure("epoch", proposal.epoch) };
}

/** Keeps a setting that collection must know the former value of, and gives that value. */
export async function changeSetting(
  tx: Transaction,
  input: { readonly name: string; readonly value: string },
): Promise<{ readonly before: string | undefined }> {
  const before = (await tx.first(findInstallation, { name: input.name }))?.value;
  if (before !== input.value) await tx.run(putInstallation, { name: input.name, value: input.value });
  return { before };
}
