import { findUnsettled } from "../../metadata/index.ts";
import type { Registry } from "../registry.ts";
import type { Keeping } from "../writes/quotas/keep-counts.ts";
import { trimPending } from "./trim-pending.ts";

/** Adds up what namespaces use, tells of thresholds, and gives up what deletes keep beyond their limit, from time to time. */
export interface QuotaKeeper {
  stop(): Promise<void>;
}

/** After so long without a word another process adds up, in milliseconds. */
const lease = 15_000;
/** Between two looks for what was counted long ago, in milliseconds. */
const recallEvery = 600_000;
/** Part of the thread's time that counting what deletes keep may take. */
const share = 0.2;

/** @param interval between two looks, in milliseconds */
export function keepQuotas(registry: Registry, interval: number): QuotaKeeper {
  let last: Promise<void> = Promise.resolve();
  let trimming: Promise<void> | undefined;
  let failing = false;
  let busy = false;
  let recalledAt = performance.now();
  const stopping = new AbortController();
  const failed = (error: unknown) => {
    if (stopping.signal.aborted) return;
    if (!failing) registry.alarm("what quotas count cannot be added up, it is tried again", { reason: String(error) });
    failing = true;
  };
  const look = async () => {
    if (busy) return;
    busy = true;
    try {
      if (performance.now() - recalledAt > recallEvery) {
        recalledAt = performance.now();
        await registry.metadata.write("recallPending", {});
      }
      const keeping = await settleAll(registry);
      // Changes are added up meanwhile: counting may take long.
      if (keeping.length > 0) {
        trimming ??= trimAll(registry, keeping, stopping.signal)
          .catch(failed)
          .finally(() => (trimming = undefined));
      }
      failing = false;
    } catch (error) {
      failed(error);
    } finally {
      busy = false;
    }
  };
  const timer = setInterval(() => void (last = look()), interval);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      stopping.abort();
      await last;
      await trimming;
    },
  };
}

/**
 * One round over the namespaces that changed.
 * @returns those in which what deletes keep must be counted
 * @throws MetadataError
 */
export async function settleAll({ metadata, node }: Registry): Promise<readonly Keeping[]> {
  const found: Keeping[] = [];
  for (let after = 0; ;) {
    const next = await metadata.read.first(findUnsettled, { after });
    if (next === undefined || next.namespace === null) return found;
    const { namespace, keeping } = await metadata.write("settleUsage", { node, lease, after });
    if (keeping !== undefined) found.push(keeping);
    if (namespace === null) return found;
    after = namespace;
  }
}

/** Counts what deletes keep in namespaces, and gives up the oldest of what is too much. @throws MetadataError */
export async function trimAll(registry: Registry, keeping: readonly Keeping[], signal: AbortSignal): Promise<void> {
  for (const one of keeping) await trimPending(registry, one, { signal, share });
}
