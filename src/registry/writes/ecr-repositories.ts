import type { Permit } from "../../access/index.ts";
import {
  listEcrRepositories,
  putRepositorySetting,
  recordChange,
  shareSettings,
  takeRepository,
} from "../../metadata/index.ts";
import type { Transaction } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { findStricter, isAsStrictAs, looserThan, resolveSetting } from "../../policy/index.ts";
import type { SettingFact, TagRule } from "../../policy/index.ts";
import { readSettingFacts } from "../read-settings.ts";
import { factsOf, tagsThatMove } from "../ecr/facts.ts";
import type { EcrFacts, ResourceTag } from "../ecr/facts.ts";
import { checkRepository, goneRepository, makeRepository, record } from "./context.ts";
import { keepEcrFacts } from "./keep-ecr-facts.ts";
import { takenName } from "./repositories.ts";

export interface CreateEcrRepositoryInput {
  /** Name. */
  readonly repository: string;
  readonly permit: Permit;
  /** What it says of `tagOverwrite`; undefined where the client says nothing. */
  readonly overwrite: TagRule | undefined;
  /** The caller may loosen what namespaces say. */
  readonly mayLoosen: boolean;
  readonly facts: EcrFacts;
}

/**
 * Makes an empty repository with what a client of ECR sets of it. Where the client says nothing of tags, what a namespace or a
 * template says of them holds, and else, as with ECR, that they move.
 * @throws RegistryError CONFLICT when it is there; DENIED for what is looser than a namespace enforces, or than holds there
 * when the caller may not manage settings
 */
export async function createEcrRepository(tx: Transaction, input: CreateEcrRepositoryInput): Promise<void> {
  const { repository: name, permit, facts, mayLoosen } = input;
  await tx.run(shareSettings, {});
  const repository = await makeRepository(tx, { name, permit, visibility: undefined });
  if (repository === undefined) throw takenName(name);
  const above = await readSettingFacts(tx, { repository: name, id: repository, visibility: null });
  const said = above.some(({ key }) => key === "tagOverwrite");
  const overwrite = input.overwrite ?? (!said && mayLoosen ? tagsThatMove : undefined);
  if (overwrite !== undefined) {
    refuseLooser(name, overwrite, above, mayLoosen);
    const value = JSON.stringify(overwrite);
    await tx.run(putRepositorySetting, { repository, key: "tagOverwrite", value, now: tx.now });
  }
  await keepEcrFacts(tx, repository, facts);
  const set = { ...(overwrite === undefined ? {} : { tagOverwrite: overwrite }), ecr: facts };
  const target = `repository ${name}`;
  await recordChange(tx, permit.by, { action: "change-settings", repository: name, target, facts: { set } });
}

function refuseLooser(name: string, rule: TagRule, above: readonly SettingFact[], mayLoosen: boolean): void {
  const stricter = findStricter("tagOverwrite", rule, above);
  if (stricter !== undefined) {
    throw new RegistryError("DENIED", looserThan("tagOverwrite", stricter), { detail: { setting: "tagOverwrite" } });
  }
  const { value, also } = resolveSetting("tagOverwrite", above);
  const asStrict = [value, ...also.map((one) => one.value)].every((one) => isAsStrictAs("tagOverwrite", rule, one));
  if (mayLoosen || asStrict) return;
  throw new RegistryError("DENIED", `to let tags of ${name} move that stay otherwise takes manage-settings`, {
    detail: { name, action: "manage-settings" },
  });
}

/** What is to be changed of what only ECR's clients set; what is not named stays. */
export interface EcrFactsChange {
  readonly scanOnPush?: boolean;
  /** Tags of the same keys get these values. */
  readonly setTags?: readonly ResourceTag[];
  /** Keys. */
  readonly removeTags?: readonly string[];
}

export interface ChangeEcrFactsInput extends EcrFactsChange {
  /** Name. */
  readonly repository: string;
  readonly permit: Permit;
}

/** Tags of a repository at most. */
const tagLimit = 50;

/** Changes them. @throws RegistryError NAME_UNKNOWN, REQUEST_INVALID for too many tags */
export async function changeEcrFacts(tx: Transaction, input: ChangeEcrFactsInput): Promise<EcrFacts> {
  const { repository: name, permit, setTags = [], removeTags = [] } = input;
  const row = await tx.first(takeRepository, { name });
  if (row === undefined) throw goneRepository(name);
  checkRepository(row.id, name, permit);
  const [kept] = await tx.all(listEcrRepositories, { repositories: [row.id] });
  const before = factsOf(kept);
  const tags = new Map(before.tags.map((tag) => [tag.key, tag]));
  for (const key of removeTags) tags.delete(key);
  for (const tag of setTags) tags.set(tag.key, tag);
  if (tags.size > tagLimit) {
    const message = `a repository has at most ${tagLimit} tags, and ${name} would have ${tags.size}: remove some first`;
    throw new RegistryError("REQUEST_INVALID", message);
  }
  const sorted = [...tags.values()].toSorted((a, b) => (a.key < b.key ? -1 : 1));
  const after: EcrFacts = { ...before, scanOnPush: input.scanOnPush ?? before.scanOnPush, tags: sorted };
  if (JSON.stringify(after) === JSON.stringify(before)) return before;
  await keepEcrFacts(tx, row.id, after);
  const { scanOnPush, tags: shown } = after;
  const facts = { set: { ecr: { scanOnPush, tags: shown } } };
  await record(tx, input, { action: "change-settings", target: `repository ${name}`, facts });
  return after;
}
