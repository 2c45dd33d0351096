import { parseLinearPattern } from "../lib/patterns/index.ts";
import type { LinearPattern } from "../lib/patterns/index.ts";
import { listTagNames } from "../metadata/index.ts";
import type { Transaction } from "../metadata/index.ts";
import { RegistryError } from "../oci/index.ts";
import { mayRefuse, refuseTag } from "../policy/index.ts";
import type { RolesHeld, TagAct, TagSettings } from "../policy/index.ts";
import { settingsWithin } from "./read-settings.ts";

/** A repository whose settings decide. */
interface Of {
  readonly id: number;
  readonly name: string;
}

/**
 * @param strict tags of attachments are as others where tags are overwritten
 * @throws RegistryError DENIED where the settings refuse it, with the one that does and where it is from
 */
export function requireTag(settings: TagSettings, act: TagAct, tag: string, held: RolesHeld, strict?: boolean): void {
  const refusal = refuseTag(settings, act, tag, { held, matches, strict });
  if (refusal === undefined) return;
  const { sentence, setting, from } = refusal;
  throw new RegistryError("DENIED", sentence, { detail: { tag, act, setting, from } });
}

/** The same for several tags of a repository that this transaction has locked. @throws RegistryError DENIED */
export async function requireTags(
  tx: Transaction,
  of: Of,
  act: TagAct,
  tags: readonly string[],
  held: RolesHeld,
): Promise<void> {
  if (tags.length === 0) return;
  const settings = await settingsWithin(tx, of);
  for (const tag of tags) requireTag(settings, act, tag, held);
}

/** Tags that are looked at in one turn. */
const page = 1_000;

/** The same for all tags of a repository that this transaction has locked; they are looked at only where the settings may refuse one. @throws RegistryError DENIED */
export async function requireAllTags(tx: Transaction, of: Of, act: TagAct, held: RolesHeld): Promise<void> {
  const settings = await settingsWithin(tx, of);
  if (!mayRefuse(settings, act)) return;
  for (let after = ""; ;) {
    const rows = await tx.all(listTagNames, { repository: of.id, after, limit: page });
    for (const { name } of rows) requireTag(settings, act, name, held);
    if (rows.length < page) return;
    after = rows.at(-1)!.name;
  }
}

const compiled = new Map<string, LinearPattern>();
/** Expressions kept; all are dropped when there are more. */
const compiledLimit = 1_000;

function matches(expression: string, tag: string): boolean {
  let pattern = compiled.get(expression);
  if (pattern === undefined) {
    pattern = parseLinearPattern(expression);
    if (compiled.size >= compiledLimit) compiled.clear();
    compiled.set(expression, pattern);
  }
  return pattern.matches(tag);
}

/** @param field of the body that they are in @throws RegistryError REQUEST_INVALID for an expression that is none */
export function checkExpressions(expressions: readonly string[], field = "set.tagFormat.regex"): void {
  for (const expression of expressions) {
    try {
      matches(expression, "");
    } catch (error) {
      const { message } = error as Error;
      throw new RegistryError("REQUEST_INVALID", `the body field ${field}: ${message}`, {
        detail: { fields: [{ field, message }] },
      });
    }
  }
}
