import { tagsOfEvent } from "../policy/index.ts";

/** What decides when a delivery's turn is. */
export interface Queued {
  readonly id: number;
  readonly type: string;
  readonly repository: string;
  /** JSON of the event. */
  readonly payload: string;
  /** Milliseconds since 1970. */
  readonly due_at: number;
}

/** Everything of a repository. */
const whole = "*";

/**
 * What to send next: of each tag and digest one event at a time, and the earlier before the later, so that a receiver sees the
 * changes of a tag in their order; a failed one that is put off holds back what comes after it, and nothing else. Events
 * about a repository itself wait for all before them, and all after them for those.
 * @param waiting in their order, whole from the first that waits
 * @param underWay ids of those that are being sent
 * @param room how many more may be sent
 */
export function chooseDeliveries<T extends Queued>(
  waiting: readonly T[],
  now: number,
  underWay: ReadonlySet<number>,
  room: number,
): T[] {
  const chosen: T[] = [];
  const held = new Map<string, Set<string>>();
  for (const one of waiting) {
    if (chosen.length >= room) break;
    let keys = held.get(one.repository);
    if (keys === undefined) held.set(one.repository, (keys = new Set()));
    const own = keysOf(one);
    const free = own.includes(whole) ? keys.size === 0 : !keys.has(whole) && own.every((key) => !keys.has(key));
    if (free && one.due_at <= now && !underWay.has(one.id)) chosen.push(one);
    for (const key of own) keys.add(key);
  }
  return chosen;
}

function keysOf({ type, payload }: Queued): string[] {
  const facts = JSON.parse(payload) as Record<string, unknown>;
  const tags = tagsOfEvent(type, facts).map((tag) => `tag ${tag}`);
  if (type.startsWith("tag.")) return tags;
  if (!type.startsWith("image.")) return [whole];
  return [...tags, `digest ${String(facts["target"])}`];
}
