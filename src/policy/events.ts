import { matchesPattern } from "./permissions.ts";

/** What happens in a registry and others may be told of. */
export const eventTypes = [
  "image.pushed",
  "image.pulled",
  "image.deleted",
  "image.archived",
  "image.restored",
  "tag.moved",
  "tag.refused",
  "lifecycle.ran",
  "quota.warned",
  "undo.applied",
  "repository.created",
  "repository.deleted",
  "access.changed",
] as const;

export type EventType = (typeof eventTypes)[number];

/** Told only to who asks for it by name: there are many. */
const onDemand: ReadonlySet<string> = new Set<EventType>(["image.pulled"]);

/** What is known of an event. */
export interface EventFacts {
  readonly type: string;
  /** Name of the repository; empty for what concerns none. */
  readonly repository: string;
  /** The repository that had the name; null when none had. */
  readonly repositoryId: number | null;
  /** Path of the namespace that it concerns; null where that is a repository, or the server. */
  readonly namespace: string | null;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Tags that it is about. */
  readonly tags: readonly string[];
}

/** Of what a webhook is told. */
export interface Subscription {
  readonly place:
    | { readonly kind: "namespace"; readonly path: string }
    | { readonly kind: "repository"; readonly id: number; readonly name: string };
  /** Null for all that are not told on demand alone. */
  readonly events: readonly string[] | null;
  /** Patterns of names; null for all. */
  readonly repositories: readonly string[] | null;
  /** Patterns of tags, one of which must match one tag; null for all, and for events about no tag. */
  readonly tags: readonly string[] | null;
  /** Types that its form of message can say; null for all. */
  readonly sayable: readonly string[] | null;
  /** Milliseconds since 1970: what was before is not told. */
  readonly since: number;
}

/** Whether a webhook is told of an event. The empty path is the whole server: it is told what concerns no repository, too. */
export function wantsEvent(wish: Subscription, event: EventFacts): boolean {
  if (event.at < wish.since) return false;
  if (wish.events === null ? onDemand.has(event.type) : !wish.events.includes(event.type)) return false;
  if (wish.sayable !== null && !wish.sayable.includes(event.type)) return false;
  if (!isWithinPlace(wish.place, event)) return false;
  const { repositories, tags } = wish;
  if (repositories !== null && !repositories.some((pattern) => matchesPattern(pattern, event.repository))) return false;
  return tags === null || event.tags.some((tag) => tags.some((pattern) => matchesPattern(pattern, tag)));
}

function isWithinPlace(place: Subscription["place"], { repository, repositoryId, namespace }: EventFacts): boolean {
  if (place.kind === "repository") {
    return namespace === null && (repositoryId === null ? repository === place.name : repositoryId === place.id);
  }
  const { path } = place;
  if (path === "") return true;
  if (namespace !== null) return namespace === path || namespace.startsWith(`${path}/`);
  return repository.startsWith(`${path}/`);
}

/** The tags that an event is about, from its type and payload. */
export function tagsOfEvent(type: string, payload: Readonly<Record<string, unknown>>): readonly string[] {
  const { target, tags, tag } = payload;
  if (type.startsWith("tag.")) return typeof target === "string" ? [target] : [];
  if (typeof tag === "string") return [tag];
  return Array.isArray(tags) ? tags.filter((one) => typeof one === "string") : [];
}
