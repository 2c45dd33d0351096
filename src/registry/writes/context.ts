import { insertAudit, insertEvent, findRepository, insertRepository } from "../../metadata/index.ts";
import type { Transaction } from "../../metadata/index.ts";

/** What every write of the registry is told. */
export interface WriteContext {
  /** Name of the repository. */
  readonly repository: string;
  /** Who asks, for the audit row. */
  readonly principal: string;
  /** How long an answer to a pusher holds what it named back from collection, in milliseconds. */
  readonly pin: number;
}

/** Id of the repository, made if it is not there. */
export async function ensureRepository(tx: Transaction, name: string): Promise<number> {
  const found = await tx.first(findRepository, { name });
  if (found !== undefined) return found.id;
  const inserted = await tx.first(insertRepository, { name, now: tx.now });
  if (inserted !== undefined) {
    await tx.run(insertEvent, { type: "repository.created", repository: name, payload: "{}", now: tx.now });
    return inserted.id;
  }
  // Another node was quicker; its row is committed now, since the insert waited for it.
  return (await tx.first(findRepository, { name }))!.id;
}

/** When a pin that begins now runs out, and up to a minute later, so that not all reviews come due at once. */
export function afterPin(now: number, pin: number): number {
  return now + pin + Math.floor(Math.random() * Math.min(60_000, pin / 20));
}

/** Audit row and event of one change. */
export async function record(
  tx: Transaction,
  context: Pick<WriteContext, "repository" | "principal">,
  change: { readonly action: string; readonly target: string; readonly event?: string; readonly facts?: object },
): Promise<void> {
  const detail = change.facts === undefined ? null : JSON.stringify(change.facts);
  const { repository, principal } = context;
  await tx.run(insertAudit, {
    now: tx.now,
    principal,
    action: change.action,
    repository,
    target: change.target,
    detail,
  });
  if (change.event === undefined) return;
  const payload = JSON.stringify({ target: change.target, principal, ...change.facts });
  await tx.run(insertEvent, { type: change.event, repository, payload, now: tx.now });
}
