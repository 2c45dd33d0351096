import { tagsOfEvent } from "../policy/index.ts";

/** What decides when a delivery's turn is. */
export interface Queued {
  readonly id: number;
  readonly type: string;
  readonly repository: string;
  /** JSON of the event. */
  readonly payload: string;
  /** That failed. */
  readonly attempts: number;
  /** Milliseconds since 1970. */
  readonly due_at: number;
}

/** How much one message tells. */
export interface MessageBounds {
  readonly events: number;
  /** Of the payloads together; the first of a message may have more. */
  readonly characters: number;
}

/** Everything of a repository. */
const whole = "*";

/**
 * What to send next, by messages: of each tag and digest in one message at a time, and the earlier before the later, so that a
 * receiver sees the changes of a tag in their order; a failed one that is put off holds back what comes after it, and nothing
 * else. Events about a repository itself wait for all before them, and all after them for those. In one message they may
 * follow each other. What failed before goes alone: if it is why its message was refused, the others get through.
 * @param waiting in their order, whole from the first that waits
 * @param underWay ids of those that are being sent
 * @param room how many more messages may be sent
 */
export function chooseDeliveries<T extends Queued>(
  waiting: readonly T[],
  now: number,
  underWay: ReadonlySet<number>,
  room: number,
  bounds: MessageBounds,
): T[][] {
  const messages: T[][] = [];
  /** By repository and key the message that tells of it; undefined where it waits. */
  const held = new Map<string, Map<string, T[] | undefined>>();
  let open: { readonly message: T[]; characters: number } | undefined;
  for (const one of waiting) {
    let keys = held.get(one.repository);
    if (keys === undefined) held.set(one.repository, (keys = new Map()));
    const own = keysOf(one);
    const before = own.includes(whole) ? [...keys.keys()] : [...own, whole].filter((key) => keys.has(key));
    const length = one.payload.length;
    let message: T[] | undefined;
    if (one.due_at <= now && !underWay.has(one.id)) {
      const fits = one.attempts === 0 && open !== undefined && isWithin(open, length, bounds);
      if (fits && before.every((key) => keys.get(key) === open!.message)) {
        ({ message } = open!);
        open!.characters += length;
        message.push(one);
      } else if (before.length === 0) {
        if (messages.length >= room) break;
        message = [one];
        messages.push(message);
        if (one.attempts === 0) open = { message, characters: length };
      }
    }
    for (const key of own) keys.set(key, message);
  }
  return messages;
}

function isWithin(
  open: { readonly message: readonly Queued[]; readonly characters: number },
  more: number,
  { events, characters }: MessageBounds,
): boolean {
  return open.message.length < events && open.characters + more <= characters;
}

function keysOf({ type, payload }: Queued): string[] {
  const facts = JSON.parse(payload) as Record<string, unknown>;
  const tags = tagsOfEvent(type, facts).map((tag) => `tag ${tag}`);
  if (type.startsWith("tag.")) return tags;
  if (!type.startsWith("image.")) return [whole];
  return [...tags, `digest ${String(facts["target"])}`];
}
