import type { Caller } from "../../access/index.ts";
import { readTime } from "../../metadata/index.ts";
import type { RepositoryName } from "../../oci/index.ts";
import type { ImageDecision, LifecyclePolicy, PlanDifference } from "../../policy/index.ts";
import { findPermitted } from "../inspect-repository.ts";
import type { Registry } from "../registry.ts";
import { checkPolicy } from "./check-policy.ts";
import type { LifecycleDocument } from "./compile-policy.ts";
import { noPolicy, readPolicy } from "./read-policy.ts";
import { planApart, readPlan } from "./plan-apart.ts";
import type { MadePlan } from "./plan-apart.ts";

/** What a preview is asked for. */
export interface PreviewQuestion {
  /** Another policy than the one that holds. */
  readonly document: LifecycleDocument | undefined;
  /** Milliseconds since 1970; undefined for now. */
  readonly at: number | undefined;
  /** Where the page begins. */
  readonly after: number;
  readonly limit: number;
}

/** A page of what a policy would do to a repository. */
export interface LifecyclePreview {
  readonly grammar: LifecyclePolicy["grammar"];
  /** Where the policy comes from, in words. */
  readonly from: string;
  readonly at: number;
  readonly expired: number;
  readonly kept: number;
  readonly bytes: number;
  readonly confirm: string | null;
  readonly difference: PlanDifference | null;
  readonly images: readonly ImageDecision[];
  /** Where the next page begins; null on the last. */
  readonly next: number | null;
}

/**
 * What a lifecycle policy would do to a repository, and why; nothing is changed. Pages of one preview are pages of one plan
 * where they are asked of one process within a minute.
 * @throws RegistryError NAME_UNKNOWN, NOT_FOUND without a policy, REQUEST_INVALID, and as `authorize` does
 */
export async function previewLifecycle(
  registry: Registry,
  caller: Caller,
  repository: RepositoryName,
  { document: given, at, after, limit }: PreviewQuestion,
): Promise<LifecyclePreview> {
  const { id } = await findPermitted(registry, caller, "manage-settings", repository);
  const { read } = registry.metadata;
  const { stored, settings, document, grammar } = await requirePolicy(registry, { repository, id }, given);
  const now = at ?? (await read.first(readTime, {}))!.now;
  const current = given === undefined ? null : (stored?.document ?? null);
  const input = { id, repository, document, current, now, settings, watch: false };
  const plan = await planOnce(registry, JSON.stringify(input), () => planApart(read, input));
  const images = readPlan(plan, after, limit).map(({ change: _, ...image }) => image);
  return {
    ...{
      grammar,
      from: given === undefined ? stored!.from : "the request",
      at: now,
      difference: plan.difference,
      images,
    },
    ...{ expired: plan.expired, kept: plan.kept, bytes: plan.bytes, confirm: plan.confirm },
    next: after + limit < plan.expired + plan.kept ? after + limit : null,
  };
}

/** What a preview goes by. @throws RegistryError NOT_FOUND without a policy, REQUEST_INVALID for one that cannot be taken */
export async function requirePolicy(
  { metadata }: Registry,
  of: { readonly repository: string; readonly id: number },
  given: LifecycleDocument | undefined,
) {
  const { policy: stored, settings } = await readPolicy(metadata.read, of);
  const document = given ?? stored?.document;
  if (document === undefined) throw noPolicy(of.repository);
  return { stored, settings, document, grammar: checkPolicy(document).grammar };
}

/** The latest plan, for whoever asks for its next page; forgotten a minute after it was made. */
const latest = new WeakMap<Registry, { readonly key: string; readonly made: Promise<MadePlan> }>();
const keptFor = 60_000;

function planOnce(registry: Registry, key: string, make: () => Promise<MadePlan>): Promise<MadePlan> {
  const known = latest.get(registry);
  if (known?.key === key) return known.made;
  const entry = { key, made: make() };
  latest.set(registry, entry);
  const forget = () => {
    if (latest.get(registry) === entry) latest.delete(registry);
  };
  entry.made.then(
    () => setTimeout(forget, keptFor).unref(),
    () => forget(),
  );
  return entry.made;
}
