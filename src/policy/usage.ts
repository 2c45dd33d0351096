import { describePlace } from "./settings.ts";
import type { EffectiveSetting } from "./settings.ts";

/** That something runs, and who says so. */
export interface UseFact {
  readonly digest: string;
  /** Who runs it, as its source names it: `prod/deployment/web`. */
  readonly workload: string;
  /** Of the report. */
  readonly source: string;
  /** Milliseconds since 1970. */
  readonly reportedAt: number;
  readonly expiresAt: number;
}

/** What may be done about something that runs. */
export type UseVerdict =
  | { readonly kind: "refused"; readonly sentence: string }
  /** It is done all the same; the sentence goes to who does it. */
  | { readonly kind: "warned"; readonly sentence: string };

/**
 * Whether something that runs may be taken away.
 * @param what as a sentence begins: `the manifest sha256:… may not be deleted`
 * @param forced whoever may change the setting says so
 */
export function judgeUse(
  setting: EffectiveSetting<"refuse" | "warn">,
  what: string,
  use: UseFact,
  forced: boolean,
): UseVerdict {
  const { workload, source, digest, reportedAt, expiresAt } = use;
  const runs = `${workload} runs ${digest} (reported by ${source} at ${minuteOf(reportedAt)}, good until ${minuteOf(expiresAt)})`;
  if (forced || setting.value === "warn") return { kind: "warned", sentence: `${runs}, and it was taken away` };
  const from = setting.at === undefined ? "the default of inUse" : `inUse of ${describePlace(setting.at)}`;
  return {
    kind: "refused",
    sentence: `${what}: ${runs}, and ${from} refuses that. Stop it first, or let a maintainer do it by force (berth … --force)`,
  };
}

function minuteOf(time: number): string {
  return `${new Date(time).toISOString().slice(0, 16)}Z`;
}
