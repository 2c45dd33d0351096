import type { RepositoryFacts } from "./facts.ts";
import { findFamilies } from "./families.ts";
import type { Families } from "./families.ts";
import type { Candidate, LifecyclePolicy } from "./form.ts";
import { orderRemovals } from "./free-bytes.ts";
import { judgeRules } from "./judge-rules.ts";
import type { Judgement, Shield } from "./judge-rules.ts";

/**
 * Why an image stays, goes, or is archived. `rule`: a rule says so. `unselected`: no rule is for it. `within`: rules select it, none acts
 * on it yet. `shielded`: an earlier rule selects it, and a later one would have acted. `unretained`: no rule of Harbor keeps
 * it. `in-use`, `held`, `needed`, `floor`: a rule would take it, but it runs, is held, belongs to something that stays, or
 * too few would stay.
 */
export type Because =
  | "rule"
  | "unselected"
  | "within"
  | "shielded"
  | "unretained"
  | "in-use"
  | "held"
  | "needed"
  | "floor";

/** What becomes of an image, and why. */
export interface ImageDecision {
  readonly digest: string;
  readonly tags: readonly string[];
  readonly pushedAt: number;
  readonly outcome: "kept" | "expired" | "transitioned";
  readonly because: Because;
  /** The rule that decided, or would have; null where none did. */
  readonly rule: string | null;
  /** What the rules alone say. */
  readonly action: Judgement["action"];
  /** `archive` for what is archived already. */
  readonly storageClass: "standard" | "archive";
  /** The workload, the hold, or the digest that keeps it; null otherwise. */
  readonly keeper: string | null;
  /** Rules that would have acted, and what kept them from it. */
  readonly shields: readonly Shield[];
  /** Digests that go with it: children, signatures, attestations. */
  readonly along: readonly string[];
  /** Bytes freed when it goes after those before it; 0 when it stays. */
  readonly bytes: number;
}

/** What a policy does to a repository. */
export interface LifecyclePlan {
  /** Those that go first, in the order in which they go (the oldest first), then those that are archived, in theirs; then those that stay, the latest first. */
  readonly images: readonly ImageDecision[];
  readonly expired: number;
  /** Those that stay, archived or not. */
  readonly kept: number;
  /** Those of them that are to be archived. */
  readonly transitioned: number;
  /** Bytes freed in all; what several images share is counted once. */
  readonly bytes: number;
  /** A sentence that says why a run must be confirmed; null where it need not. */
  readonly confirm: string | null;
}

interface Standing {
  readonly image: Candidate;
  readonly judgement: Judgement;
  because: Because;
  keeper: string | null;
  leaves: boolean;
  /** It stays, and is archived. */
  moves: boolean;
}

/** Decides on every image of a repository. Same facts, policy and time, same plan. */
export function planLifecycle(facts: RepositoryFacts, policy: LifecyclePolicy, now: number): LifecyclePlan {
  const families = findFamilies(facts, policy);
  const judgements = judgeRules(policy, facts.repository, families.candidates, now);
  const standings: Standing[] = [];
  const byPlace: (Standing | undefined)[] = Array.from({ length: facts.images.length });
  for (const image of families.candidates) {
    const judgement = judgements.get(image.at)!;
    const leaves = judgement.action === "expire";
    const moves = judgement.action === "transition";
    const standing = { image, judgement, because: whyOf(judgement, policy), keeper: null, leaves, moves };
    standings.push(standing);
    byPlace[image.at] = standing;
  }
  protect(facts, families, standings);
  if (standings.some(({ moves }) => moves)) keepListed(facts, standings);
  const alive = new Uint8Array(facts.images.length);
  for (const standing of standings) if (!standing.leaves) spread(standing, families, byPlace, alive, facts);
  holdFloor(policy, standings, (standing) => spread(standing, families, byPlace, alive, facts));
  return describe(facts, families, policy, standings, alive);
}

function whyOf({ action, rule, selected, shields }: Judgement, { resolution }: LifecyclePolicy): Because {
  if (rule !== null) return "rule";
  if (action === "expire") return "unretained";
  if (shields.length > 0 && resolution === "shielding") return "shielded";
  return selected ? "within" : "unselected";
}

/** What an index lists that is served stays served, and so waits until the index is archived. */
function keepListed({ images }: RepositoryFacts, standings: readonly Standing[]): void {
  const lists = new Map<string, string>();
  for (const { digest, children, storageClass } of images) {
    if (storageClass !== "archive") for (const child of children) if (!lists.has(child)) lists.set(child, digest);
  }
  for (const standing of standings) {
    const index = lists.get(standing.image.facts.digest);
    if (!standing.moves || index === undefined) continue;
    standing.moves = false;
    standing.because = "needed";
    standing.keeper = index;
  }
}

/** What runs or is held stays, itself or by what it owns; what is held may be archived. */
function protect({ images }: RepositoryFacts, { members }: Families, standings: readonly Standing[]): void {
  for (const standing of standings) {
    if (!standing.leaves && !standing.moves) continue;
    const seen = new Set([standing.image.at]);
    for (const at of seen) {
      const { inUseBy, held } = images[at]!;
      const workload = inUseBy?.[0];
      if (workload !== undefined || (held !== undefined && standing.leaves)) {
        standing.leaves = false;
        standing.moves = false;
        standing.because = workload !== undefined ? "in-use" : "held";
        standing.keeper = workload ?? held!;
        break;
      }
      for (const member of members.get(at) ?? []) seen.add(member);
    }
  }
}

/** What stays keeps its members, and theirs. */
function spread(
  from: Standing,
  { members }: Families,
  byPlace: readonly (Standing | undefined)[],
  alive: Uint8Array,
  { images }: RepositoryFacts,
): void {
  const going = [from.image.at];
  alive[from.image.at] = 1;
  for (let at = going.pop(); at !== undefined; at = going.pop()) {
    for (const member of members.get(at) ?? []) {
      if (alive[member] === 1) continue;
      alive[member] = 1;
      going.push(member);
      const standing = byPlace[member];
      if (standing?.leaves !== true) continue;
      standing.leaves = false;
      standing.because = "needed";
      standing.keeper = images[at]!.digest;
    }
  }
}

/** Gives back the latest of those that leave until enough stay. */
function holdFloor(
  { floor }: LifecyclePolicy,
  standings: readonly Standing[],
  keep: (standing: Standing) => void,
): void {
  if (floor === undefined) return;
  const count = () => standings.filter(({ leaves }) => !leaves).length;
  let staying = count();
  if (staying >= floor.images) return;
  for (const standing of standings.filter(({ leaves }) => leaves).toSorted((a, b) => byAge(b, a))) {
    if (staying >= floor.images) return;
    if (!standing.leaves) continue;
    standing.leaves = false;
    standing.because = "floor";
    keep(standing);
    staying = count();
  }
}

/** The oldest first; of the same time by digest, the other way round from the order that counts. */
function byAge(a: Standing, b: Standing): number {
  return a.image.pushed - b.image.pushed || (a.image.facts.digest < b.image.facts.digest ? 1 : -1);
}

function describe(
  facts: RepositoryFacts,
  families: Families,
  policy: LifecyclePolicy,
  standings: readonly Standing[],
  alive: Uint8Array,
): LifecyclePlan {
  const ordered = standings.toSorted(byAge);
  const leaving = ordered.filter(({ leaves }) => leaves);
  const removals = orderRemovals(
    facts,
    families,
    leaving.map(({ image }) => image.at),
    (at) => alive[at] === 1,
  );
  const known = new Map(leaving.map((standing) => [standing.image.at, standing]));
  const expired = removals.map(({ at, along, bytes }) =>
    decisionOf(
      known.get(at)!,
      along.map((member) => facts.images[member]!.digest),
      bytes,
    ),
  );
  const kept = ordered.filter(({ leaves }) => !leaves);
  const moved = kept.filter(({ moves }) => moves);
  const rest = moved.length === 0 ? kept : kept.filter(({ moves }) => !moves);
  return {
    images: [...expired, ...[...moved, ...rest.toReversed()].map((standing) => decisionOf(standing, [], 0))],
    expired: expired.length,
    kept: kept.length,
    transitioned: moved.length,
    bytes: expired.reduce((sum, { bytes }) => sum + bytes, 0),
    confirm: confirmOf(policy, expired.length, standings.length),
  };
}

function decisionOf(
  { image, judgement, because, keeper, leaves, moves }: Standing,
  along: readonly string[],
  bytes: number,
): ImageDecision {
  return {
    digest: image.facts.digest,
    tags: image.facts.tags.map(({ name }) => name),
    pushedAt: image.pushed,
    outcome: leaves ? "expired" : moves ? "transitioned" : "kept",
    because,
    rule: judgement.rule,
    action: judgement.action,
    storageClass: image.facts.storageClass ?? "standard",
    keeper,
    shields: judgement.shields,
    along,
    bytes,
  };
}

function confirmOf({ floor }: LifecyclePolicy, expired: number, all: number): string | null {
  if (floor === undefined || expired * 100 <= floor.percent * all) return null;
  const share = Math.round((expired * 100) / all);
  return `${expired} of ${all} images (${share} %) would go, and the policy's floor lets ${floor.percent} % go without confirmation`;
}
