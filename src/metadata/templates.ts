import { sql } from "kysely";
import { statement } from "./statement.ts";

/** What repositories begin with whose names match. */
export interface TemplateRow {
  readonly id: number;
  readonly name: string;
  /** Of names below the namespace, without its path; `*` stands for any characters. */
  readonly pattern: string;
  /** JSON: values of settings by key. */
  readonly settings: string;
  readonly changed_at: number;
}

/** Templates of one namespace by name. */
export const listTemplates = statement(
  "listTemplates",
  (_db, p: { namespace: number }) => sql<TemplateRow>`
    select id, name, pattern, settings, changed_at from template where namespace_id = ${p.namespace} order by name`,
);

export const findTemplate = statement(
  "findTemplate",
  (_db, p: { namespace: number; name: string }) => sql<TemplateRow>`
    select id, name, pattern, settings, changed_at from template
    where namespace_id = ${p.namespace} and name = ${p.name}`,
);

/** Templates of the namespaces of these paths, in no order. */
export const listTemplatesAt = statement(
  "listTemplatesAt",
  (_db, p: { paths: readonly string[] }, d) => sql<TemplateRow & { readonly path: string }>`
    select n.path, t.id, t.name, t.pattern, t.settings, t.changed_at
    from namespace n join template t on t.namespace_id = n.id where ${d.isOneOf(sql`n.path`, p.paths, "text")}`,
);

export const putTemplate = statement(
  "putTemplate",
  (_db, p: { namespace: number; name: string; pattern: string; settings: string; now: number }) => sql<never>`
    insert into template (namespace_id, name, pattern, settings, changed_at)
    values (${p.namespace}, ${p.name}, ${p.pattern}, ${p.settings}, ${p.now})
    on conflict (namespace_id, name) do update set
      pattern = excluded.pattern, settings = excluded.settings, changed_at = excluded.changed_at`,
);

export const deleteTemplate = statement(
  "deleteTemplate",
  (_db, p: { template: number }) => sql<never>`delete from template where id = ${p.template}`,
);
