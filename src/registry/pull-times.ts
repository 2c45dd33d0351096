import type { Registry } from "./registry.ts";
import type { Pull } from "./writes/pull-times.ts";

/** A manifest that is served, by what it was asked for; one object for as long as its answer is kept. */
export interface PullMark {
  readonly repository: number;
  readonly manifest: number;
  readonly digest: string;
  /** Null when it was asked for by digest. */
  readonly tag: string | null;
  /** The latest pull, in milliseconds since 1970. */
  at: number;
  /** It waits to be written already. */
  waiting: boolean;
}

const gathered = new WeakMap<Registry, Map<string, PullMark>>();
/** Marks that wait at most: those of more pulls within an interval are lost. */
const waitingLimit = 100_000;
/** Marks in one transaction. */
const batch = 200;

/** Remembers that a manifest was pulled now. Nothing is written. */
export function notePull(registry: Registry, mark: PullMark): void {
  mark.at = Date.now();
  if (!mark.waiting) wait(registry, mark);
}

function wait(registry: Registry, mark: PullMark): void {
  let waiting = gathered.get(registry);
  if (waiting === undefined) gathered.set(registry, (waiting = new Map()));
  const key = `${mark.manifest} ${mark.tag ?? ""}`;
  if (waiting.size >= waitingLimit && !waiting.has(key)) return;
  const other = waiting.get(key);
  // The same manifest, read from its rows again.
  if (other !== undefined) other.waiting = false;
  mark.waiting = true;
  waiting.set(key, mark);
}

/** Writes the times of pulls from time to time. */
export interface PullTimes {
  /** Writes what waits and ends. Does not throw: what cannot be written is told to the registry's alarm. */
  stop(): Promise<void>;
}

/**
 * Writes down when manifests and tags were pulled, every `interval` milliseconds and at the end. What cannot be written waits
 * for the next time.
 */
export function keepPullTimes(registry: Registry, interval: number): PullTimes {
  let last: Promise<void> = Promise.resolve();
  const flushInTurn = () => (last = last.then(() => flush(registry)).catch(() => undefined));
  const timer = setInterval(() => void flushInTurn(), interval);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      await last;
      await flush(registry).catch((error: unknown) => {
        registry.alarm("the times of the latest pulls are lost", { reason: String(error) });
      });
    },
  };
}

async function flush(registry: Registry): Promise<void> {
  const waiting = gathered.get(registry);
  if (waiting === undefined || waiting.size === 0) return;
  const marks = [...waiting.values()];
  waiting.clear();
  const pulls = marks.map(({ repository, manifest, digest, tag, at }): Pull => ({
    repository,
    manifest,
    digest,
    tag,
    at,
  }));
  // From here on another pull is one for the next time.
  for (const mark of marks) mark.waiting = false;
  for (let start = 0; start < pulls.length; start += batch) {
    try {
      await registry.metadata.write("recordPulls", { pulls: pulls.slice(start, start + batch) });
    } catch (error) {
      for (const mark of marks.slice(start)) if (!mark.waiting) wait(registry, mark);
      throw error;
    }
  }
}
