import {
  findInstallation,
  lockInstallation,
  insertInstallation,
  putInstallation,
  recordChange,
} from "../../metadata/index.ts";
import type { Reader, Transaction } from "../../metadata/index.ts";

/** Row of the installation that says for whom objects are kept, as `<id> <until>`; empty when for nobody. */
const name = "objects-held";

/** Somebody who needs the objects that rows named a while ago. */
export interface Hold {
  /** Made at random. */
  readonly id: string;
  /** From now on, in milliseconds. */
  readonly time: number;
}

/**
 * Keeps all objects where they are for a while, so that what a copy of the rows names can be copied after it: rows may go
 * meanwhile, their objects follow later. False while somebody else does.
 */
export async function holdObjects(tx: Transaction, { id, time }: Hold): Promise<{ readonly held: boolean }> {
  await tx.run(insertInstallation, { name, value: "" });
  const held = parse((await tx.first(lockInstallation, { name }))?.value);
  if (held !== undefined && held.id !== id && held.until > tx.now) return { held: false };
  await tx.run(putInstallation, { name, value: `${id} ${tx.now + time}` });
  const by = { principal: "system:backup", credential: null, address: null, request: null, reason: null };
  await recordChange(tx, by, { action: "backup", repository: "", target: id });
  return { held: true };
}

/** The same for longer. False when it ended in between: then objects may be gone. */
export async function keepHolding(tx: Transaction, { id, time }: Hold): Promise<{ readonly held: boolean }> {
  const held = parse((await tx.first(lockInstallation, { name }))?.value);
  if (held === undefined || held.id !== id || held.until <= tx.now) return { held: false };
  await tx.run(putInstallation, { name, value: `${id} ${tx.now + time}` });
  return { held: true };
}

/** Objects may go again. */
export async function releaseObjects(tx: Transaction, { id }: Pick<Hold, "id">): Promise<void> {
  const held = parse((await tx.first(lockInstallation, { name }))?.value);
  if (held?.id === id) await tx.run(putInstallation, { name, value: "" });
}

/** Whether objects must stay. */
export async function areObjectsHeld(tx: Reader & { readonly now: number }): Promise<boolean> {
  const held = parse((await tx.first(findInstallation, { name }))?.value);
  return held !== undefined && held.until > tx.now;
}

/** After a restore nobody copies what is there. */
export async function forgetHold(tx: Transaction): Promise<void> {
  if (await areObjectsHeld(tx)) await tx.run(putInstallation, { name, value: "" });
}

function parse(value: string | undefined): { readonly id: string; readonly until: number } | undefined {
  const [id, until] = (value ?? "").split(" ");
  return id === undefined || until === undefined ? undefined : { id, until: Number(until) };
}
