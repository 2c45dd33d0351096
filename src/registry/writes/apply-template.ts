import { pathsAbove, parentOf } from "../../access/index.ts";
import type { GivenPolicy } from "../../access/index.ts";
import { listSettings, listTemplatesAt, putRepositorySetting, renewSettings } from "../../metadata/index.ts";
import type { RepositoryRow, Transaction } from "../../metadata/index.ts";
import { chooseTemplate, describePlace, fitTemplate } from "../../policy/index.ts";
import type { FittedTemplate, SettingFact, TemplateFact, TemplateSettings } from "../../policy/index.ts";
import { tagsThatMove } from "../ecr/facts.ts";
import type { EcrFacts } from "../ecr/facts.ts";
import { factsOfTemplate, listPushTemplates, settingsOfTemplate } from "../ecr/template.ts";
import type { EcrTemplate } from "../ecr/template.ts";
import { readSettingFacts } from "../read-settings.ts";

/** A template that decides about a name, and what it comes to there. */
export interface ChosenTemplate extends FittedTemplate {
  readonly id: number;
  /** What only clients of ECR set, where it is a template of theirs. */
  readonly ecr?: EcrFacts;
  /** The policy in IAM's form that it says, and what it is called in audit rows. */
  readonly policy?: GivenPolicy & { readonly from: string };
  /** For the audit row: the template, what it gave, and what somebody above enforces more strictly. */
  readonly facts: object;
}

const nothing: ChosenTemplate = { id: 0, given: {}, left: [], facts: {} };

/**
 * What a repository of this name begins with. Asked after `shareSettings`: templates stay as they are until the transaction
 * ends.
 * @param own keys that it sets itself, which stay
 * @param pushed a push makes it, for which there are templates of ECR, too
 */
export async function findTemplateFor(
  tx: Transaction,
  name: string,
  own: readonly string[] = [],
  pushed = false,
): Promise<ChosenTemplate> {
  const paths = pathsAbove(name);
  const rows = await tx.all(listTemplatesAt, { paths });
  const all: (TemplateFact & { readonly id: number; readonly ecr?: EcrTemplate })[] = rows.map(
    ({ path, settings, ...row }) => ({ ...row, namespace: path, settings: JSON.parse(settings) as TemplateSettings }),
  );
  if (pushed) all.push(...(await listPushTemplates(tx, paths)));
  const chosen = chooseTemplate(name, all);
  if (chosen === undefined) return nothing;
  const above = await readSettingFacts(tx, { namespace: parentOf(name) });
  const { ecr } = chosen;
  const { given, left } = fitTemplate(ecr === undefined ? chosen.settings : beginAsEcr(ecr, above), above, own);
  const called = `${ecr === undefined ? chosen.name : `ECR's ${ecr.prefix}`} of ${describePlace({ namespace: chosen.namespace })}`;
  const facts = {
    template: called,
    settings: given,
    ...(ecr === undefined ? {} : { ecr: factsOfTemplate(ecr) }),
    ...(left.length === 0 ? {} : { left: left.map(({ key, from }) => ({ key, from: describePlace(from) })) }),
  };
  if (ecr === undefined) return { id: chosen.id, given, left, facts };
  const policy = ecr.repositoryPolicy && { ...ecr.repositoryPolicy, from: called };
  return { id: chosen.id, given, left, facts, ecr: factsOfTemplate(ecr), ...(policy === null ? {} : { policy }) };
}

/** Where neither the template nor a namespace says anything of tags, they move, as with ECR. */
function beginAsEcr(template: EcrTemplate, above: readonly SettingFact[]): TemplateSettings {
  const said = above.some(({ key }) => key === "tagOverwrite");
  return { ...(said ? {} : { tagOverwrite: tagsThatMove }), ...settingsOfTemplate(template) };
}

/**
 * What a repository gets under another name: the template's values for what it does not say itself, where another template
 * decides about that name. They are given here, but for its visibility.
 */
export async function moveToTemplate(
  tx: Transaction,
  { id, name, visibility }: Pick<RepositoryRow, "id" | "name" | "visibility">,
  to: string,
): Promise<ChosenTemplate> {
  const rows = await tx.all(listSettings, { namespaces: [], repository: id });
  const own = [...rows.map(({ key }) => key), ...(visibility === null ? [] : ["visibility"])];
  const template = await findTemplateFor(tx, to, own);
  if (template.id === (await findTemplateFor(tx, name)).id) return nothing;
  await giveSettings(tx, id, template.given);
  // Other processes may remember what held when it had this name before.
  await renewSettings(tx);
  return template;
}

/** Gives a repository what a template says, but its visibility, which is in its row. */
export async function giveSettings(tx: Transaction, repository: number, given: TemplateSettings): Promise<void> {
  for (const [key, value] of Object.entries(given)) {
    if (key === "visibility") continue;
    await tx.run(putRepositorySetting, { repository, key, value: JSON.stringify(value), now: tx.now });
  }
}
