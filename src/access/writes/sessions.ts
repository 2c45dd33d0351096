import { recordChange } from "../../metadata/index.ts";
import type { Attribution, Transaction } from "../../metadata/index.ts";

/** Writes down that a session was made; nothing else is kept of it. */
export async function recordSession(
  tx: Transaction,
  input: {
    readonly by: Attribution;
    /** Empty for a session as oneself. */
    readonly role: string;
    /** As whom it acts. */
    readonly target: string;
    /** Milliseconds since 1970. */
    readonly expiresAt: number;
  },
): Promise<void> {
  const { by, role, target, expiresAt } = input;
  const action = role === "" ? "make-session" : "assume-role";
  await recordChange(tx, by, { action, repository: "", target, facts: { role, expiresAt } });
}
