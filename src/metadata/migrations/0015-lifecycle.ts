import type { Migration } from "./migration.ts";

/** What lifecycle policies select by beside the facts that are there: annotations, also of what was pushed before. */
export const lifecycle: Migration = {
  name: "0015-lifecycle",
  steps: [
    `alter table manifest add column annotations {text}`,
    `update manifest set annotations = (
       select case when length({annotationsOf}) <= 65536 then {annotationsOf} end
       from manifest_content c where c.manifest_id = manifest.id)`,
  ],
};
