import type { Migration } from "./migration.ts";

/** Images that are kept and not served, and when they were put away and brought back last; also those that were deleted so. */
export const archive: Migration = {
  name: "0037-archive",
  steps: ["manifest", "undo_manifest"].flatMap((table) => [
    `alter table ${table} add column archived {int} not null default 0`,
    `alter table ${table} add column archived_at {int}`,
    `alter table ${table} add column activated_at {int}`,
  ]),
};
