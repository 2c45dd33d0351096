import { sql } from "kysely";
import { statement } from "./statement.ts";

/** What repositories begin with that a push makes, as clients of ECR say it. */
export interface EcrTemplateRow {
  /** Path below the namespace without a slash at its end, or `ROOT`. */
  readonly prefix: string;
  /** JSON. */
  readonly document: string;
  readonly created_at: number;
  readonly changed_at: number;
}

/** Of one namespace, by prefix. */
export const listEcrTemplates = statement(
  "listEcrTemplates",
  (_db, p: { namespace: number }) => sql<EcrTemplateRow>`
    select prefix, document, created_at, changed_at from ecr_template
    where namespace_id = ${p.namespace} order by prefix`,
);

export const findEcrTemplate = statement(
  "findEcrTemplate",
  (_db, p: { namespace: number; prefix: string }) => sql<EcrTemplateRow>`
    select prefix, document, created_at, changed_at from ecr_template
    where namespace_id = ${p.namespace} and prefix = ${p.prefix}`,
);

/** Of the namespaces of these paths, in no order. */
export const listEcrTemplatesAt = statement(
  "listEcrTemplatesAt",
  (_db, p: { paths: readonly string[] }, d) => sql<EcrTemplateRow & { readonly path: string }>`
    select n.path, t.prefix, t.document, t.created_at, t.changed_at
    from namespace n join ecr_template t on t.namespace_id = n.id where ${d.isOneOf(sql`n.path`, p.paths, "text")}`,
);

export const putEcrTemplate = statement(
  "putEcrTemplate",
  (_db, p: { namespace: number; prefix: string; document: string; now: number }) => sql<never>`
    insert into ecr_template (namespace_id, prefix, document, created_at, changed_at)
    values (${p.namespace}, ${p.prefix}, ${p.document}, ${p.now}, ${p.now})
    on conflict (namespace_id, prefix) do update set document = excluded.document, changed_at = excluded.changed_at`,
);

export const deleteEcrTemplate = statement(
  "deleteEcrTemplate",
  (_db, p: { namespace: number; prefix: string }) => sql<never>`
    delete from ecr_template where namespace_id = ${p.namespace} and prefix = ${p.prefix}`,
);
