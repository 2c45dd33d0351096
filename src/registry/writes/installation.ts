import { findInstallation, insertInstallation } from "../../metadata/index.ts";
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
