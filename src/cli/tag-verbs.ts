import { usageError } from "./command-error.ts";
import { byForce, byForceOrPurge, heldPlace } from "./keeping-verbs.ts";
import { parsePlace } from "./parse-scope.ts";
import type { Joined, Spread, Verb } from "./verb.ts";

const inRepository = { labels: { name: "repository" } } as const;

/** A tag with its repository, as clients write it. */
const wholeTag: Spread = {
  about: "with its repository: team/app:v1",
  fields: ["name", "tag"],
  read: (text) => {
    const { repository, tag } = parsePlace(text);
    if (repository === undefined || tag === undefined) throw usageError("name a tag with its repository: team/app:v1");
    return { name: repository, tag };
  },
};

/** A tag after its repository, or with it. */
const joined: Joined = {
  about: "or with the tag: team/app:v1",
  example: "team/app:v1",
  split: (text) => {
    const { name, tag } = text.includes(":") ? wholeTag.read(text) : {};
    return tag === undefined ? undefined : [name as string, tag as string];
  },
};

/** `berth image …` */
export const imageVerbs: Readonly<Record<string, Verb>> = {
  list: {
    endpoint: "listImages",
    ...inRepository,
    columns: ["digest", "tags", "platforms", "size", "storageClass", "pushedAt", "pulledAt"],
  },
  show: { endpoint: "getImage", ...inRepository, digest: "digest" },
  archive: {
    endpoint: "setImageClass",
    about: "keep an image, and serve it no more",
    ...inRepository,
    digest: "digest",
    fixed: { storageClass: "archive" },
    ...byForce,
  },
  restore: {
    endpoint: "setImageClass",
    about: "serve an archived image again",
    ...inRepository,
    digest: "digest",
    fixed: { storageClass: "standard" },
    omit: ["force"],
  },
  delete: { endpoint: "deleteImage", ...inRepository, ...byForceOrPurge },
};

/** `berth tag …` */
export const tagVerbs: Readonly<Record<string, Verb>> = {
  list: { endpoint: "listTags", ...inRepository, columns: ["name", "digest", "movedAt", "pulledAt"] },
  show: { endpoint: "getTag", ...inRepository, joined },
  set: { endpoint: "setTag", ...inRepository, joined, args: ["name", "tag", "digest"], digest: "digest" },
  delete: { endpoint: "deleteTag", ...inRepository, joined, ...byForceOrPurge },
  history: {
    endpoint: "getTagHistory",
    about: "list where a tag is and was, the latest first, for as long as that can be undone",
    args: ["tag"],
    spread: { tag: wholeTag },
    columns: ["digest", "until", "ended", "by", "undo"],
  },
};

/** `berth undo …` */
export const undoVerbs: Readonly<Record<string, Verb>> = {
  list: {
    endpoint: "listNamespaceUndo",
    orElse: { field: "name", endpoint: "listUndo" },
    about: "list what can be undone in a repository, or in all below a namespace with those that were deleted",
    args: ["place"],
    spread: { place: heldPlace },
    columns: ["id", "repository", "kind", "target", "digest", "tags", "by", "at", "until"],
  },
  repository: { endpoint: "undoRepository", ...inRepository },
  apply: { endpoint: "applyUndo", ...inRepository },
  purge: { endpoint: "purgeUndo", ...inRepository },
};
