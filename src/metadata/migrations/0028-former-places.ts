import type { Migration } from "./migration.ts";

/** Places that tags were at, and children of deleted indexes, whose manifest is gone: found when it comes back. */
export const formerPlaces: Migration = {
  name: "0028-former-places",
  steps: [
    `create index undo_former_tag on undo (repository_id, digest)
      where kind = 'tag' and manifest_id is null and part_of is null and applied_at is null`,
    `create index undo_former_child on undo_child (digest) where child_id is null`,
  ],
};
