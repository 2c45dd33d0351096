import type { Migration } from "./migration.ts";

/** Installations that were there before tags could be immutable go on as they did; new ones have the default. */
export const tagRules: Migration = {
  name: "0017-tag-rules",
  steps: [
    `insert into setting (namespace_id, key, value, enforced, changed_at)
     select id, 'tagOverwrite', '{"rule":"allow","except":[],"by":null}', 0, 0 from namespace
     where path = '' and exists (select 1 from installation where name = 'upload-key')`,
  ],
};
