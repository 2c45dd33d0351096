import { ExcludedPullers } from "./excluded-pullers.ts";
import type { Puller } from "./excluded-pullers.ts";
import type { SettingsOfAccount } from "./ecr/account-settings.ts";
import type { Registry } from "./registry.ts";
import type { Pull } from "./writes/pull-times.ts";

/** A manifest that is served, by what it was asked for; one object for as long as its answer is kept. */
export interface PullMark {
  readonly repository: number;
  readonly manifest: number;
  readonly digest: string;
  /** Null when it was asked for by digest. */
  readonly tag: string | null;
  /** The latest pull that counts as use, in milliseconds since 1970; 0 for none. */
  at: number;
  /** The latest of all. */
  last: number;
  /** Since it was written last. */
  pulls: number;
  /** It waits to be written already. */
  waiting: boolean;
  /** Another tag of the same manifest that waits. */
  next: PullMark | undefined;
}

/** Marks that wait, found by the number of their manifest: cheaper than by a text made for each pull. */
interface Gathered {
  readonly byManifest: Map<number, PullMark>;
  count: number;
}

const gathered = new WeakMap<Registry, Gathered>();
/** Marks that wait at most: those of more pulls within an interval are lost. */
const waitingLimit = 100_000;
/** Marks in one transaction. */
const batch = 200;

/** Whose pulls do not count, where anybody asked for them to be watched. */
const watched = new WeakMap<Registry, ExcludedPullers>();

/**
 * Remembers that a manifest was pulled now. Nothing is written. Events tell of every pull; the pull of somebody whom clients of
 * ECR excluded moves no time.
 */
export function notePull(registry: Registry, puller: Puller, mark: PullMark): void {
  const counts = watched.get(registry)?.counts(puller) ?? true;
  if (typeof counts === "boolean") note(registry, mark, counts);
  else void counts.then((found) => note(registry, mark, found));
}

function note(registry: Registry, mark: PullMark, counts: boolean): void {
  mark.last = Date.now();
  if (counts) mark.at = mark.last;
  mark.pulls++;
  if (!mark.waiting) wait(registry, mark);
}

function wait(registry: Registry, mark: PullMark): void {
  let waiting = gathered.get(registry);
  if (waiting === undefined) gathered.set(registry, (waiting = { byManifest: new Map(), count: 0 }));
  const first = waiting.byManifest.get(mark.manifest);
  let before: PullMark | undefined;
  let other = first;
  while (other !== undefined && other.tag !== mark.tag) [before, other] = [other, other.next];
  if (other === undefined) {
    if (waiting.count >= waitingLimit) return;
    waiting.count++;
    mark.next = first;
    before = undefined;
  } else {
    // The same manifest, read from its rows again.
    other.waiting = false;
    mark.pulls += other.pulls;
    mark.at = Math.max(mark.at, other.at);
    other.pulls = 0;
    mark.next = other.next;
    other.next = undefined;
  }
  mark.waiting = true;
  if (before === undefined) waiting.byManifest.set(mark.manifest, mark);
  else before.next = mark;
}

/** Writes the times of pulls from time to time. */
export interface PullTimes {
  /** Writes what waits and ends. Does not throw: what cannot be written is told to the registry's alarm. */
  stop(): Promise<void>;
}

/**
 * Writes down when manifests and tags were pulled, every `interval` milliseconds and at the end. What cannot be written waits
 * for the next time.
 * @param accounts of ECR, whose exclusions hold for what is in their namespaces
 */
export function keepPullTimes(
  registry: Registry,
  interval: number,
  accounts: readonly SettingsOfAccount[] = [],
): PullTimes {
  if (accounts.length > 0) watched.set(registry, new ExcludedPullers(registry, accounts));
  let last: Promise<void> = Promise.resolve();
  const flushInTurn = () => (last = last.then(() => writePulls(registry)).catch(() => undefined));
  const timer = setInterval(() => void flushInTurn(), interval);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      await last;
      await writePulls(registry).catch((error: unknown) => {
        registry.alarm("the times of the latest pulls are lost", { reason: String(error) });
      });
    },
  };
}

const turns = new WeakMap<Registry, Promise<void>>();

/** Writes down what this process knows of pulls until now. @throws MetadataError: what could not be written waits on */
export function writePulls(registry: Registry): Promise<void> {
  // What another call is writing is written when this one resolves.
  const before = turns.get(registry)?.catch(() => undefined) ?? Promise.resolve();
  const turn = before.then(() => flush(registry));
  turns.set(registry, turn);
  return turn;
}

async function flush(registry: Registry): Promise<void> {
  const waiting = gathered.get(registry);
  if (waiting === undefined || waiting.count === 0) return;
  const marks: PullMark[] = [];
  for (const first of waiting.byManifest.values()) {
    for (let mark: PullMark | undefined = first; mark !== undefined; mark = mark.next) marks.push(mark);
  }
  gathered.delete(registry);
  const pulls = marks.map(({ repository, manifest, digest, tag, at, last, pulls: count }): Pull => ({
    ...{ repository, manifest, digest, tag, at, last, count },
  }));
  // From here on another pull is one for the next time.
  for (const mark of marks) {
    mark.waiting = false;
    mark.next = undefined;
    mark.pulls = 0;
    mark.at = 0;
  }
  for (let start = 0; start < pulls.length; start += batch) {
    try {
      await registry.metadata.write("recordPulls", { pulls: pulls.slice(start, start + batch) });
    } catch (error) {
      for (const [index, mark] of marks.entries()) {
        if (index < start) continue;
        mark.pulls += pulls[index]!.count;
        mark.at = Math.max(mark.at, pulls[index]!.at);
        if (!mark.waiting) wait(registry, mark);
      }
      throw error;
    }
  }
}
