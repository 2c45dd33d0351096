import { makePreview } from "../registry/index.ts";
import type { Registry } from "../registry/index.ts";
import type { JobKinds } from "./open-jobs.ts";
import { previewKind, previewUpkeep as upkeep } from "./writes/lifecycle-previews.ts";
import type { Schedule } from "./writes/schedules.ts";

/** For how long the result of a preview is there, in milliseconds. */
export const previewsAreKept = 24 * 3_600_000;

/** Pages that one write removes. */
const removeAtOnce = 20;

/** The jobs that work out previews of lifecycle policies, and remove old ones. */
export function previewJobs(registry: Registry): {
  readonly kinds: JobKinds;
  readonly schedules: readonly Schedule[];
  /** Kinds of which there may be very many: ten for each repository. */
  readonly many: readonly string[];
} {
  const kinds: JobKinds = {
    async [previewKind]({ job, fence, signal, report }) {
      const row = await makePreview(registry, { preview: job, fence, signal, report, keep: previewsAreKept });
      if (row === undefined) return { state: "cancelled" };
      const { state, outcome, expired, kept, bytes } = row;
      return { state, outcome, expired, kept, bytes };
    },
    async [upkeep]({ signal }) {
      while (!signal.aborted) {
        if (!(await registry.metadata.write("expireLifecyclePreviews", { limit: removeAtOnce })).more) break;
      }
      return {};
    },
  };
  const often = { cron: "23 * * * *", zone: "UTC", jitter: 600_000, window: null };
  const about = "lifecycle previews that have expired";
  return { kinds, schedules: [{ name: upkeep, kind: upkeep, about, input: {}, ...often }], many: [previewKind] };
}
