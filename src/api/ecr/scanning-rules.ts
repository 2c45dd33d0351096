import { matchesPattern } from "../../policy/index.ts";
import type { InputOf } from "./model/inputs.ts";

type Rules = NonNullable<InputOf<"PutRegistryScanningConfiguration">["rules"]>;
type ScanFilter = Rules[number]["repositoryFilters"][number];

/** When a registry's images are to be scanned. */
export interface ScanningConfiguration {
  readonly scanType: "BASIC" | "ENHANCED";
  readonly rules: Rules;
}

/** As ECR has it where nobody has set anything. */
export const standardScanning: ScanningConfiguration = { scanType: "BASIC", rules: [] };

/** What of it is meant for one repository. */
export interface AppliedScanning {
  readonly scanOnPush: boolean;
  readonly scanFrequency: Rules[number]["scanFrequency"];
  /** That match its name, of all rules in their order. */
  readonly appliedScanFilters: readonly ScanFilter[];
}

/**
 * What rules say of a repository: continuous scans go before those of pushes. A filter without `*` matches every name that
 * contains it. In a registry that scans BASIC the repository's own `scanOnPush` counts, too.
 */
export function applyScanning(
  { scanType, rules }: ScanningConfiguration,
  name: string,
  ownScanOnPush: boolean,
): AppliedScanning {
  const matching = rules.map(({ scanFrequency, repositoryFilters }) => ({
    scanFrequency,
    filters: repositoryFilters.filter(({ filter }) =>
      matchesPattern(filter.includes("*") ? filter : `*${filter}*`, name),
    ),
  }));
  const said = new Set(matching.flatMap(({ scanFrequency, filters }) => (filters.length === 0 ? [] : scanFrequency)));
  if (ownScanOnPush && scanType === "BASIC") said.add("SCAN_ON_PUSH");
  const scanFrequency = (["CONTINUOUS_SCAN", "SCAN_ON_PUSH"] as const).find((one) => said.has(one)) ?? "MANUAL";
  const appliedScanFilters = matching.flatMap(({ filters }) => filters);
  return { scanOnPush: scanFrequency !== "MANUAL", scanFrequency, appliedScanFilters };
}

/** What is wrong with rules that have the right form; undefined for nothing. */
export function findScanningFault({ scanType, rules }: ScanningConfiguration): string | undefined {
  const frequencies = rules.map(({ scanFrequency }) => scanFrequency);
  if (new Set(frequencies).size < frequencies.length) return "must have at most one rule for each scanFrequency";
  const allowed = scanType === "BASIC" ? ["SCAN_ON_PUSH", "MANUAL"] : ["SCAN_ON_PUSH", "CONTINUOUS_SCAN"];
  const other = frequencies.find((one) => !allowed.includes(one));
  if (other === undefined) return undefined;
  return `must have rules of ${allowed.join(" or ")} where scanType is ${scanType}, and not of ${other}`;
}
