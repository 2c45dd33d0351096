import { authorize } from "../../access/index.ts";
import type { Caller } from "../../access/index.ts";
import { findRepositoryRow } from "../../metadata/index.ts";
import type { Attribution } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import type { RepositoryName } from "../../oci/index.ts";
import { resolveSetting } from "../../policy/index.ts";
import type { Action } from "../../policy/index.ts";
import { changeSettings } from "../change-settings.ts";
import { isOther } from "../is-other.ts";
import { grammarOf } from "../lifecycle/compile-policy.ts";
import type { LifecycleDocument } from "../lifecycle/compile-policy.ts";
import { listPreviews } from "../lifecycle/inspect-previews.ts";
import type { InspectedPreview } from "../lifecycle/inspect-previews.ts";
import { listRuns } from "../lifecycle/inspect-runs.ts";
import { readSettingFacts } from "../read-settings.ts";
import type { Registry } from "../registry.ts";
import { goneRepository } from "../writes/context.ts";

/** A lifecycle policy as ECR's clients see it. */
export interface EcrLifecyclePolicy {
  /** JSON, without the spaces that it was given with. */
  readonly text: string;
  /** Set at the repository itself, not at a namespace or by a template. */
  readonly own: boolean;
  /** When a run by it, or by one before it, ended last; 0 for never. Milliseconds since 1970. */
  readonly evaluatedAt: number;
}

/** The repository on which the caller may do this. @throws RegistryError NAME_UNKNOWN, and as `authorize` does */
export async function findEcrTarget(
  registry: Registry,
  caller: Caller,
  action: Action,
  name: RepositoryName,
): Promise<{ readonly id: number; readonly name: RepositoryName; readonly by: Attribution }> {
  const permit = await authorize(registry.access, caller, action, name);
  const row = await registry.metadata.read.first(findRepositoryRow, { name });
  if (row === undefined || isOther(permit, row.id)) throw goneRepository(name);
  return { id: row.id, name, by: permit.by };
}

/**
 * The policy that holds for a repository, wherever it was set.
 * @returns undefined for none, and for one in a grammar that ECR does not have
 * @throws RegistryError as {@link findEcrTarget} does for a pull
 */
export async function findEcrLifecycle(
  registry: Registry,
  caller: Caller,
  name: RepositoryName,
): Promise<EcrLifecyclePolicy | undefined> {
  const { id } = await findEcrTarget(registry, caller, "pull", name);
  const facts = await readSettingFacts(registry.metadata.read, { repository: name, id, visibility: null });
  const { value, at } = resolveSetting("lifecycle", facts);
  if (value === null || grammarOf(value) !== "ecr") return undefined;
  const runs = await listRuns(registry, { repository: id, before: Number.MAX_SAFE_INTEGER, limit: recentRuns });
  const evaluatedAt = runs.find(({ row }) => row.ended_at !== null)?.row.ended_at ?? 0;
  return { text: JSON.stringify(value), own: at !== undefined && "repository" in at, evaluatedAt };
}

/** The last one may not have ended yet. */
const recentRuns = 3;

/**
 * Takes the repository's own policy away; one that a namespace has holds from then on.
 * @throws RegistryError NOT_FOUND when it has none of its own, and as `changeSettings` does
 */
export async function deleteEcrLifecycle(
  registry: Registry,
  caller: Caller,
  name: RepositoryName,
): Promise<EcrLifecyclePolicy> {
  const held = await findEcrLifecycle(registry, caller, name);
  if (held?.own !== true) {
    throw new RegistryError("NOT_FOUND", `${name} has no lifecycle policy of its own`, { detail: { name } });
  }
  const change = { set: {}, unset: ["lifecycle"], enforce: [], relax: [] } as const;
  await changeSettings(registry, caller, { repository: name }, change, undefined);
  return held;
}

/** Previews of a repository that were given a policy of ECR, the latest first. */
export async function listEcrPreviews(registry: Registry, repository: number): Promise<InspectedPreview[]> {
  const all = await listPreviews(registry, { repository, before: Number.MAX_SAFE_INTEGER, limit: previewLimit });
  return all.filter(({ row: { policy } }) => {
    return policy !== null && grammarOf(JSON.parse(policy) as LifecycleDocument) === "ecr";
  });
}

/** No repository has more. */
const previewLimit = 100;
