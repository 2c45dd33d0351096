import { digestOf } from "../support/wire-client.ts";
import { ask } from "./ask.ts";

/** What stands at a path: the digest of its body, or null where nothing is. */
export type Standing = string | null;

interface Entry {
  allowed: Set<Standing>;
}

/** One change that was asked for. Until it is settled the path may show its outcome or what was there before. */
export interface Attempt {
  /** It was acknowledged: the path shows this and nothing else. */
  readonly acknowledge: () => void;
  /** It was refused for good: the path shows what it showed before. */
  readonly refuse: () => void;
}

/**
 * What a registry must show, by path: what it acknowledged last, or the outcome of an attempt that it never answered.
 * A path has one writer at a time.
 */
export class Ledger {
  readonly #entries = new Map<string, Entry>();
  readonly #unproved = new Set<string>();
  readonly #waiting = new Set<() => void>();
  acknowledged = 0;

  /** Notes what is about to be asked. */
  attempt(path: string, wanted: Standing): Attempt {
    const entry = this.#entries.get(path) ?? { allowed: new Set<Standing>([null]) };
    this.#entries.set(path, entry);
    this.#unproved.add(path);
    const before = new Set(entry.allowed);
    entry.allowed.add(wanted);
    return {
      acknowledge: () => {
        this.acknowledged++;
        for (const look of this.#waiting) look();
        entry.allowed = new Set([wanted]);
      },
      refuse: () => void (entry.allowed = before),
    };
  }

  /** Resolves when so many changes were acknowledged, or after `patience` milliseconds. */
  async reach(acknowledged: number, patience: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => (this.acknowledged >= acknowledged ? resolve() : undefined);
    const timer = setTimeout(resolve, patience);
    this.#waiting.add(look);
    await promise;
    this.#waiting.delete(look);
    clearTimeout(timer);
  }

  /** What a path may show, for a writer that goes on from it. */
  allowed(path: string): ReadonlySet<Standing> {
    return this.#entries.get(path)?.allowed ?? new Set([null]);
  }

  /**
   * Asks a running registry for every path that was written since the last proof (or for all of them), and for what the
   * manifests there name. What it shows is the truth from then on.
   * @returns one sentence for each path that shows something else than it must
   */
  async prove(base: string, scope: "touched" | "all" = "touched"): Promise<string[]> {
    const wrong: string[] = [];
    const seen = new Map<string, Standing>();
    const paths = [...(scope === "all" ? this.#entries.keys() : this.#unproved)];
    const workers = Array.from({ length: 8 }, async () => {
      for (let path = paths.pop(); path !== undefined; path = paths.pop()) {
        const entry = this.#entries.get(path)!;
        const shown = await look(base, path, wrong, seen);
        if (!entry.allowed.has(shown))
          wrong.push(
            `${path} shows ${shown}, not ${[...entry.allowed].map((allowed) => allowed ?? "nothing").join(" or ")}`,
          );
        entry.allowed = new Set([shown]);
      }
    });
    await Promise.all(workers);
    this.#unproved.clear();
    return wrong;
  }

  get size(): number {
    return this.#entries.size;
  }
}

/** What stands at a path; for a manifest, all that it names is looked at, too. */
async function look(base: string, path: string, wrong: string[], seen: Map<string, Standing>): Promise<Standing> {
  const known = seen.get(path);
  if (known !== undefined) return known;
  const answer = await ask(base + path, "GET");
  const { body } = answer;
  if (answer.status !== 200 && answer.status !== 404)
    wrong.push(`${path} answers ${answer.status}: ${body.toString()}`);
  const shown = answer.status === 200 ? digestOf(body) : null;
  seen.set(path, shown);
  if (shown === null) return null;
  if (answer.headers.get("docker-content-digest") !== shown) wrong.push(`${path} has a body of another digest`);
  const [, repository, kind] = /^\/v2\/(.+)\/(manifests|blobs)\/[^/]+$/.exec(path)!;
  if (kind !== "manifests") return shown;
  const { config, layers } = JSON.parse(body.toString()) as { config: Named; layers: Named[] };
  for (const { digest } of [config, ...layers]) {
    const found = await look(base, `/v2/${repository}/blobs/${digest}`, wrong, seen);
    if (found !== digest) wrong.push(`${path} names ${digest}, which shows ${found}`);
  }
  return shown;
}

interface Named {
  readonly digest: string;
}
