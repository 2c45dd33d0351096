import { z } from "zod";
import type { Endpoints } from "./endpoint.ts";
import { repository } from "./repositories.ts";
import { id, namespacePath, pageOf, pageQuery, repositoryName, tagName, time } from "./texts.ts";

const kind = z.enum(["tag", "manifest", "archive", "repository"]).meta({ id: "UndoKind" });

export const undoEntry = z
  .object({
    id,
    repository: z.string(),
    kind,
    target: z.string().meta({ description: "Tag, digest, or the name of a repository" }),
    digest: z
      .string()
      .nullable()
      .meta({ description: "Of the manifest, or of the one that the tag was at; null for a repository" }),
    movedTo: z.string().nullable().meta({ description: "Where a tag was moved to; null when it was deleted" }),
    tags: z.array(z.string()).meta({ description: "Tags that went with their manifest; at most 100" }),
    by: z.string().meta({ description: "Who did it" }),
    run: id.nullable().meta({ description: "The lifecycle run that did it" }),
    reason: z.string().nullable(),
    at: time,
    until: time.meta({ description: "It can be undone before" }),
  })
  .meta({ id: "UndoEntry" });

export const undone = z
  .object({
    kind,
    target: z.string(),
    digest: z.string().nullable(),
    tags: z.array(z.string()).meta({ description: "Tags that are there again" }),
    left: z
      .array(z.object({ tag: z.string(), reason: z.string() }))
      .meta({ description: "Tags that are not there again, and why" }),
  })
  .meta({ id: "Undone" });

export const undoneRun = z
  .object({
    run: id,
    repository: z.string(),
    restored: z
      .array(z.object({ kind, target: z.string(), digest: z.string().nullable(), tags: z.array(z.string()) }))
      .meta({ description: "What is there again, with its tags" }),
    left: z
      .array(z.object({ target: z.string(), tag: z.string().nullable(), reason: z.string() }))
      .meta({ description: "What is not, and why; `tag` where only that is not" }),
    next: id.nullable().meta({ description: "What to give as `after`; null when all had its turn" }),
  })
  .meta({ id: "UndoneRun" });

export const formerTag = z
  .object({
    digest: z.string(),
    until: time.nullable().meta({ description: "When it was moved away or deleted; null for where it is" }),
    ended: z.string().nullable().meta({ description: "`moved`, `deleted`, `deleted with its manifest`" }),
    by: z.string().nullable(),
    undo: id.nullable().meta({ description: "Number by which that is undone; null when it cannot be, or was" }),
  })
  .meta({ id: "FormerTag" });

const parameters = z.strictObject({ name: repositoryName });

const undoPage = pageOf(undoEntry).extend({
  notes: z
    .array(z.string())
    .meta({ description: "For people: why some of what was deleted is not in the list before its window ended" }),
});

export const undoEndpoints = {
  listNamespaceUndo: {
    method: "GET",
    path: "/namespaces/{path*}/-/undo",
    tag: "undo",
    summary: "List what can be undone below a namespace, by repository",
    about:
      "Deleted repositories are listed, too, by the names that they had. Of each repository the latest comes first. What the caller may not undo is left out: it takes `delete`, and for a deleted repository `delete-repository` on a namespace above it.",
    auth: { place: "known" },
    parameters: z.strictObject({ path: namespacePath }),
    query: z.strictObject(pageQuery),
    answer: undoPage,
    status: 200,
    errors: ["PAGINATION_INVALID"],
  },
  undoRepository: {
    method: "POST",
    path: "/repositories/{name+}/-/undo",
    tag: "undo",
    summary: "Bring a deleted repository back, with all that it held and what was granted on it",
    about:
      "By what is granted on namespaces, since grants on the repository ended with it; takes push and create-repository as well, and for another name pull. Rules for tags and quotas of this moment hold.",
    auth: { place: "repository", action: "delete-repository" },
    parameters,
    body: z.strictObject({
      as: repositoryName.optional().meta({ description: "Another name, where there is one of its name again" }),
      entry: id.optional().meta({ description: "Number of its deletion; the latest of that name when left out" }),
    }),
    answer: repository,
    status: 200,
    errors: ["NOT_FOUND", "CONFLICT"],
  },
  listUndo: {
    method: "GET",
    path: "/repositories/{name+}/-/undo",
    tag: "undo",
    summary: "List what can be undone in a repository, the latest first",
    auth: { place: "repository", action: "delete" },
    parameters,
    query: z.strictObject(pageQuery),
    answer: undoPage,
    status: 200,
    errors: ["NAME_UNKNOWN", "PAGINATION_INVALID"],
  },
  applyUndo: {
    method: "POST",
    path: "/repositories/{name+}/-/undo/{entry}",
    tag: "undo",
    summary: "Undo a delete or the move of a tag",
    about:
      "By the rules for tags of this moment; to move a tag that is there takes overwrite-tag. A manifest comes back with what it needs and with those of its tags that were not made again since.",
    auth: { place: "repository", action: "delete" },
    parameters: z.strictObject({ name: repositoryName, entry: id }),
    body: z.strictObject({}),
    answer: undone,
    status: 200,
    errors: ["NAME_UNKNOWN", "NOT_FOUND", "CONFLICT"],
  },
  purgeUndo: {
    method: "DELETE",
    path: "/repositories/{name+}/-/undo/{entry}",
    tag: "undo",
    summary: "Let a delete be final before its window ends, for legal reasons",
    about:
      "By owners only. What only it held is collected; a held repository is refused. The deletion of a repository is made final by the name that it had.",
    auth: { place: "repository", action: "manage-access" },
    parameters: z.strictObject({ name: repositoryName, entry: id }),
    status: 204,
    errors: ["NAME_UNKNOWN", "NOT_FOUND"],
  },
  undoLifecycleRun: {
    method: "POST",
    path: "/lifecycle/runs/{run}/undo",
    tag: "undo",
    summary: "Undo what a lifecycle run deleted",
    about:
      "Up to 500 of its images in a request, in small transactions: ask again with `next` until it is null. Takes `delete` on the repository. Tags that were made again since stay where they are, and what the rules of this moment refuse is in `left`.",
    auth: { place: "known" },
    parameters: z.strictObject({ run: id }),
    body: z.strictObject({ after: z.int().min(1).optional().meta({ description: "What `next` said" }) }),
    answer: undoneRun,
    status: 200,
    errors: ["NAME_UNKNOWN", "NOT_FOUND"],
  },
  getTagHistory: {
    method: "GET",
    path: "/repositories/{name+}/-/tags/{tag}/history",
    tag: "tags",
    summary: "List where a tag is and was, the latest first, for as long as that can be undone",
    auth: { place: "repository", action: "pull" },
    parameters: z.strictObject({ name: repositoryName, tag: tagName }),
    answer: z.object({ items: z.array(formerTag) }),
    status: 200,
    errors: ["NAME_UNKNOWN", "MANIFEST_UNKNOWN"],
  },
} as const satisfies Endpoints;
