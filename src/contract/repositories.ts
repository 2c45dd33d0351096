import { z } from "zod";
import type { Endpoints } from "./endpoint.ts";
import { force, pageOf, pageQuery, purge, repositoryName, time } from "./texts.ts";

const visibility = z
  .enum(["public", "private", "inherit"])
  .meta({ description: "`inherit` follows the namespace", id: "Visibility" });

const described = z.object({
  name: z.string(),
  visibility,
  public: z.boolean().meta({ description: "Whether anybody may pull: what `visibility` comes to" }),
  createdAt: time,
  pushedAt: time.nullable().meta({ description: "When a manifest was last pushed that was not there before" }),
});

export const repositorySummary = described.meta({ id: "RepositorySummary" });

export const repository = described
  .extend({
    pulledAt: time.nullable().meta({ description: "When a manifest was last pulled, to the minute" }),
    tags: z.int(),
    images: z.int().meta({ description: "Manifests that no index lists and that have no subject" }),
    manifests: z.int(),
    blobs: z.int(),
    size: z.int().meta({ description: "Bytes of its blobs and manifests, each counted once" }),
  })
  .meta({ id: "Repository" });

const parameters = z.strictObject({ name: repositoryName });

export const repositoryEndpoints = {
  listRepositories: {
    method: "GET",
    path: "/repositories",
    tag: "repositories",
    summary: "List the repositories that the caller may pull from, by name",
    auth: { place: "known" },
    query: z.strictObject(pageQuery),
    answer: pageOf(repositorySummary),
    status: 200,
    errors: [],
  },
  createRepository: {
    method: "POST",
    path: "/repositories",
    tag: "repositories",
    summary: "Make an empty repository",
    about:
      "Takes create-repository, and manage-settings for another visibility than `inherit`. A first push makes one, too.",
    auth: { place: "known" },
    body: z.strictObject({ name: repositoryName, visibility: visibility.optional() }),
    answer: repository,
    status: 201,
    errors: ["CONFLICT"],
    once: true,
  },
  getRepository: {
    method: "GET",
    path: "/repositories/{name+}",
    tag: "repositories",
    summary: "Show a repository and what it holds",
    auth: { place: "repository", action: "pull" },
    parameters,
    answer: repository,
    status: 200,
    errors: ["NAME_UNKNOWN"],
  },
  updateRepository: {
    method: "PATCH",
    path: "/repositories/{name+}",
    tag: "repositories",
    summary: "Say who may pull",
    auth: { place: "repository", action: "manage-settings" },
    parameters,
    body: z.strictObject({ visibility }),
    answer: repository,
    status: 200,
    errors: ["NAME_UNKNOWN"],
    conditional: true,
  },
  renameRepository: {
    method: "POST",
    path: "/repositories/{name+}/-/rename",
    tag: "repositories",
    summary: "Rename a repository, or move it to another namespace",
    about:
      "Tags, digests, times and grants on it stay; uploads under way become unknown. Takes pull as well, and push and create-repository under the new name.",
    auth: { place: "repository", action: "delete-repository" },
    parameters,
    body: z.strictObject({ to: repositoryName, force }),
    answer: repository,
    status: 200,
    errors: ["NAME_UNKNOWN", "CONFLICT"],
    conditional: true,
  },
  deleteRepository: {
    method: "DELETE",
    path: "/repositories/{name+}",
    tag: "repositories",
    summary: "Delete a repository with all that it holds",
    about:
      "It is gone at once and its bytes go later, until when it can be brought back. One that is made under its name is another.",
    auth: { place: "repository", action: "delete-repository" },
    parameters,
    query: z.strictObject({ force, purge }),
    status: 204,
    errors: ["NAME_UNKNOWN"],
    conditional: true,
  },
} as const satisfies Endpoints;
