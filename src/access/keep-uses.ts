import type { Access } from "./access.ts";
import { findTokenNumber } from "./credential.ts";
import type { Principal } from "./principal.ts";

/** Credentials remembered between two writes at most; the use of more is not shown. */
const limit = 20_000;

const uses = new WeakMap<Access, Map<Principal, number>>();

/** Remembers that the principal's credential was used just now: one entry in memory, for each request. */
export function noteUse(access: Access, principal: Principal): Principal {
  const { kind, credential } = principal;
  if (kind !== "robot" && (kind !== "account" || findTokenNumber(credential) === undefined)) return principal;
  let noted = uses.get(access);
  if (noted === undefined) uses.set(access, (noted = new Map()));
  if (noted.size < limit || noted.has(principal)) noted.set(principal, Date.now());
  return principal;
}

/** Writes down which tokens and robots were used, now and then. */
export interface UseKeeper {
  /** Writes down what is left. */
  stop(): Promise<void>;
}

/**
 * Begins to write down when tokens and robots were last used, so that no request waits for it.
 * @param schedule `interval` in milliseconds; `alarm` is told when the rows cannot be written: the uses of that time are not shown
 */
export function keepUses(
  access: Access,
  schedule: { readonly interval: number; readonly alarm: (what: string, facts: object) => void },
): UseKeeper {
  let writing = Promise.resolve();
  const write = () => {
    writing = writing
      .then(() => writeUses(access))
      .catch((error: unknown) =>
        schedule.alarm("when tokens were last used could not be written down", { reason: String(error) }),
      );
    return writing;
  };
  const timer = setInterval(() => void write(), schedule.interval);
  timer.unref();
  return {
    stop() {
      clearInterval(timer);
      return write();
    },
  };
}

async function writeUses(access: Access): Promise<void> {
  const noted = uses.get(access);
  if (noted === undefined || noted.size === 0) return;
  uses.delete(access);
  const tokens = new Map<number, number>();
  const robots = new Map<number, number>();
  for (const [{ kind, id, credential }, at] of noted) {
    const [of, number] = kind === "robot" ? [robots, id] : [tokens, findTokenNumber(credential)!];
    of.set(number, Math.max(at, of.get(number) ?? 0));
  }
  await access.metadata.write("noteUses", { tokens: [...tokens], robots: [...robots] });
}
