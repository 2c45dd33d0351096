import { raiseVersion } from "../../access/index.ts";
import {
  deleteEcrSetting as deleteRow,
  insertEcrSetting,
  putEcrSetting as putRow,
  recordChange,
  replaceEcrSetting as replaceRow,
} from "../../metadata/index.ts";
import type { Attribution, Transaction } from "../../metadata/index.ts";

export interface PutEcrSettingInput {
  /** Twelve digits. */
  readonly account: string;
  readonly name: string;
  readonly value: string;
  /** What the audit row shows; the value where nothing is said. */
  readonly shown?: object;
  readonly by: Attribution;
}

/** Sets what only ECR's clients set of an account. */
export async function putEcrSetting(tx: Transaction, input: PutEcrSettingInput): Promise<void> {
  const { account, name, value } = input;
  await tx.run(putRow, { account, name, value, now: tx.now });
  await recordSetting(tx, input);
}

export interface ReplaceEcrSettingInput extends PutEcrSettingInput {
  /** Undefined for nothing. */
  readonly before: string | undefined;
}

/** Sets it when it is what it was, `before`. */
export async function replaceEcrSetting(
  tx: Transaction,
  input: ReplaceEcrSettingInput,
): Promise<{ readonly replaced: boolean }> {
  const { account, name, value, before } = input;
  const row = { account, name, value, now: tx.now };
  const found =
    before === undefined ? await tx.first(insertEcrSetting, row) : await tx.first(replaceRow, { ...row, before });
  if (found === undefined) return { replaced: false };
  await recordSetting(tx, input);
  return { replaced: true };
}

/** Does that with a setting which all nodes look at anew with whatever they know of rights. */
export async function changePullExclusions(
  tx: Transaction,
  input: ReplaceEcrSettingInput,
): Promise<{ readonly replaced: boolean }> {
  const { replaced } = await replaceEcrSetting(tx, input);
  if (replaced) await raiseVersion(tx);
  return { replaced };
}

/** Takes a setting away, and tells what it was; undefined when it is not there. */
export async function deleteEcrSetting(
  tx: Transaction,
  { account, name, by }: Pick<PutEcrSettingInput, "account" | "name" | "by">,
): Promise<{ readonly value: string | undefined }> {
  const row = await tx.first(deleteRow, { account, name });
  if (row === undefined) return { value: undefined };
  const target = `ECR account ${account}`;
  await recordChange(tx, by, { action: "change-settings", repository: "", target, facts: { unset: [name] } });
  return row;
}

async function recordSetting(tx: Transaction, { account, name, value, shown, by }: PutEcrSettingInput): Promise<void> {
  const target = `ECR account ${account}`;
  const facts = { set: { [name]: shown ?? value } };
  await recordChange(tx, by, { action: "change-settings", repository: "", target, facts });
}
