import { findUnsettled } from "../../metadata/index.ts";
import type { Registry } from "../registry.ts";

/** Adds up what namespaces use, and tells of thresholds, from time to time. */
export interface QuotaKeeper {
  stop(): Promise<void>;
}

/** After so long without a word another process adds up, in milliseconds. */
const lease = 15_000;

/** @param interval between two looks, in milliseconds */
export function keepQuotas(registry: Registry, interval: number): QuotaKeeper {
  let last: Promise<void> = Promise.resolve();
  let failing = false;
  let busy = false;
  const look = async () => {
    if (busy) return;
    busy = true;
    try {
      await settleAll(registry);
      failing = false;
    } catch (error) {
      if (!failing)
        registry.alarm("what quotas count cannot be added up, it is tried again", { reason: String(error) });
      failing = true;
    } finally {
      busy = false;
    }
  };
  const timer = setInterval(() => void (last = look()), interval);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      await last;
    },
  };
}

/** One round over the namespaces that changed. @throws MetadataError */
export async function settleAll({ metadata, node }: Registry): Promise<void> {
  for (let after = 0; ;) {
    const found = await metadata.read.first(findUnsettled, { after });
    if (found === undefined || found.namespace === null) return;
    const { namespace } = await metadata.write("settleUsage", { node, lease, after });
    if (namespace === null) return;
    after = namespace;
  }
}
