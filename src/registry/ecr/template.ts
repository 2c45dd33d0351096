import type { GivenPolicy } from "../../access/index.ts";
import { listEcrTemplatesAt } from "../../metadata/index.ts";
import type { EcrTemplateRow, Reader } from "../../metadata/index.ts";
import { ruleOfMutability } from "../../policy/index.ts";
import type { TagMutability, TemplateFact, TemplateSettings } from "../../policy/index.ts";
import type { EcrFacts } from "./facts.ts";

/** When a template of ECR is to be used. Only pushes make repositories here, as yet. */
export type EcrTemplateUse = "REPLICATION" | "PULL_THROUGH_CACHE" | "CREATE_ON_PUSH";

/** What a client of ECR says of new repositories below a prefix. */
export interface EcrTemplate {
  /** As the client wrote it; see {@link prefixKey}. */
  readonly prefix: string;
  readonly description: string;
  readonly appliedFor: readonly EcrTemplateUse[];
  /** Null where nothing is said. */
  readonly mutability: TagMutability | null;
  /** Text of a policy in ECR's grammar; empty for none. */
  readonly lifecyclePolicy: string;
  /** Null for none. */
  readonly repositoryPolicy: GivenPolicy | null;
  /** `named`: the client named the key. Null where nothing is said. */
  readonly encryption: (EcrFacts["encryption"] & { readonly named: boolean }) | null;
  readonly tags: EcrFacts["tags"];
  /** Kept and shown; empty for none. */
  readonly customRoleArn: string;
}

/** A template that is kept. Times are milliseconds since 1970. */
export interface KeptEcrTemplate extends EcrTemplate {
  readonly createdAt: number;
  readonly changedAt: number;
}

type KeptDocument = Omit<EcrTemplate, "repositoryPolicy"> & Partial<Pick<EcrTemplate, "repositoryPolicy">>;

/** What tells templates of a namespace apart: a slash at the end is implied, whether it is written or not. */
export function prefixKey(prefix: string): string {
  return prefix.replace(/\/$/, "");
}

export function readTemplate({
  document,
  created_at: createdAt,
  changed_at: changedAt,
}: EcrTemplateRow): KeptEcrTemplate {
  // What was kept before templates had policies says nothing of them.
  const { repositoryPolicy = null, ...said } = JSON.parse(document) as KeptDocument;
  return { ...said, repositoryPolicy, createdAt, changedAt };
}

/** What a template says of settings that Berth has. */
export function settingsOfTemplate({ mutability, lifecyclePolicy }: EcrTemplate): TemplateSettings {
  const lifecycle = lifecyclePolicy === "" ? undefined : (JSON.parse(lifecyclePolicy) as TemplateSettings["lifecycle"]);
  return {
    ...(mutability === null ? {} : { tagOverwrite: ruleOfMutability(mutability) }),
    ...(lifecycle === undefined ? {} : { lifecycle }),
  };
}

/** What only ECR's clients set, of a repository that begins with a template. */
export function factsOfTemplate({ encryption, tags }: EcrTemplate): EcrFacts {
  const { type, key } = encryption ?? { type: "AES256", key: null };
  return { scanOnPush: false, encryption: { type, key }, tags };
}

/** A template beside those of Berth, as one of which it is chosen. */
export interface PushTemplate extends TemplateFact {
  readonly id: number;
  readonly ecr: EcrTemplate;
}

/** Templates of the namespaces of these paths by which a push makes repositories. */
export async function listPushTemplates(read: Reader, paths: readonly string[]): Promise<PushTemplate[]> {
  const rows = await read.all(listEcrTemplatesAt, { paths });
  return rows.flatMap(({ path, ...row }) => {
    const ecr = readTemplate(row);
    if (!ecr.appliedFor.includes("CREATE_ON_PUSH")) return [];
    const pattern = row.prefix === "ROOT" ? "*" : `${row.prefix}/*`;
    // Without a name it goes before one of Berth that weighs as much: it is about pushes alone.
    return [{ id: 0, namespace: path, name: "", pattern, settings: settingsOfTemplate(ecr), ecr }];
  });
}
