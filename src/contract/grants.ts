import { z } from "zod";
import type { Endpoints } from "./endpoint.ts";
import {
  action,
  id,
  namespacePath,
  pageOf,
  pageQuery,
  plainName,
  repositoryName,
  role,
  tagPattern,
  time,
} from "./texts.ts";

/** What a grant or a part of a robot's scope gives. */
export const rights = {
  role: role.optional(),
  actions: z.array(action).min(1).max(10).optional().meta({ description: "Beside or instead of a role" }),
  tags: z
    .array(tagPattern)
    .min(1)
    .max(50)
    .optional()
    .meta({ description: "Patterns of tags that may be pushed, moved and deleted; all when not given" }),
};

/** A robot's login: `robot_<path>_<name>`. */
const login = z
  .string()
  .max(300)
  .regex(/^robot_[a-z0-9._-]+$/, "is no robot's login");

const subject = z.union([
  z.strictObject({ user: plainName }),
  z.strictObject({ group: plainName }),
  z.strictObject({ robot: login }),
  z.strictObject({ trust: plainName }),
]);

export const grant = z
  .object({
    id,
    to: z.object({
      user: z.string().optional(),
      group: z.string().optional(),
      robot: z.string().optional().meta({ description: "Its login" }),
      trust: z.string().optional().meta({ description: "A trust rule" }),
    }),
    on: z.object({
      namespace: z.string().optional().meta({ description: "Empty for the root" }),
      repository: z.string().optional(),
    }),
    role: role.nullable(),
    actions: z.array(action),
    tags: z.array(z.string()).nullable(),
    createdAt: time,
    createdBy: z.string(),
    giverMay: z.boolean().nullable().meta({
      description:
        "Whether who gave it could give it now; it holds all the same. Null where nobody in particular gave it",
    }),
  })
  .meta({ id: "Grant" });

const body = z.strictObject({ to: subject, ...rights }).refine(({ role: given, actions }) => given ?? actions, {
  error: "names neither a role nor actions",
  path: ["role"],
});

const onNamespace = z.strictObject({ path: namespacePath });
const onRepository = z.strictObject({ name: repositoryName });
const aboutGiving = "It holds for all below, too. Nobody gives more than they have themselves.";

export const grantEndpoints = {
  listNamespaceGrants: {
    method: "GET",
    path: "/namespaces/{path*}/-/grants",
    tag: "grants",
    summary: "List the grants on a namespace itself",
    auth: { place: "namespace", action: "manage-access" },
    parameters: onNamespace,
    query: z.strictObject(pageQuery),
    answer: pageOf(grant),
    status: 200,
    errors: ["NAMESPACE_UNKNOWN", "PAGINATION_INVALID"],
  },
  createNamespaceGrant: {
    method: "POST",
    path: "/namespaces/{path*}/-/grants",
    tag: "grants",
    summary: "Give a role or actions on a namespace",
    about: aboutGiving,
    auth: { place: "namespace", action: "manage-access" },
    parameters: onNamespace,
    body,
    answer: grant,
    status: 201,
    errors: ["NAMESPACE_UNKNOWN", "NOT_FOUND"],
    once: true,
  },
  getNamespaceGrant: {
    method: "GET",
    path: "/namespaces/{path*}/-/grants/{grant}",
    tag: "grants",
    summary: "Show a grant on a namespace",
    auth: { place: "namespace", action: "manage-access" },
    parameters: onNamespace.extend({ grant: id }),
    answer: grant,
    status: 200,
    errors: ["NAMESPACE_UNKNOWN", "NOT_FOUND"],
  },
  deleteNamespaceGrant: {
    method: "DELETE",
    path: "/namespaces/{path*}/-/grants/{grant}",
    tag: "grants",
    summary: "Take a grant on a namespace away",
    about: "The grant of the last owner of the server stays.",
    auth: { place: "namespace", action: "manage-access" },
    parameters: onNamespace.extend({ grant: id }),
    status: 204,
    errors: ["NAMESPACE_UNKNOWN", "NOT_FOUND", "CONFLICT"],
  },
  listRepositoryGrants: {
    method: "GET",
    path: "/repositories/{name+}/-/grants",
    tag: "grants",
    summary: "List the grants on a repository itself",
    auth: { place: "repository", action: "manage-access" },
    parameters: onRepository,
    query: z.strictObject(pageQuery),
    answer: pageOf(grant),
    status: 200,
    errors: ["NAME_UNKNOWN", "PAGINATION_INVALID"],
  },
  createRepositoryGrant: {
    method: "POST",
    path: "/repositories/{name+}/-/grants",
    tag: "grants",
    summary: "Give a role or actions on a repository",
    about: "It ends with the repository: one that is made later under the same name is another.",
    auth: { place: "repository", action: "manage-access" },
    parameters: onRepository,
    body,
    answer: grant,
    status: 201,
    errors: ["NAME_UNKNOWN", "NOT_FOUND"],
    once: true,
  },
  getRepositoryGrant: {
    method: "GET",
    path: "/repositories/{name+}/-/grants/{grant}",
    tag: "grants",
    summary: "Show a grant on a repository",
    auth: { place: "repository", action: "manage-access" },
    parameters: onRepository.extend({ grant: id }),
    answer: grant,
    status: 200,
    errors: ["NAME_UNKNOWN", "NOT_FOUND"],
  },
  deleteRepositoryGrant: {
    method: "DELETE",
    path: "/repositories/{name+}/-/grants/{grant}",
    tag: "grants",
    summary: "Take a grant on a repository away",
    auth: { place: "repository", action: "manage-access" },
    parameters: onRepository.extend({ grant: id }),
    status: 204,
    errors: ["NAME_UNKNOWN", "NOT_FOUND"],
  },
  explainAccess: {
    method: "GET",
    path: "/access/explain",
    tag: "grants",
    summary: "Say whether somebody may do something, with the grants that decide",
    about:
      "Without `principal` it is about the caller and its credential. About others ask those who may `manage-access` on the place. `namespace` asks about a namespace instead of a repository.",
    auth: { place: "known" },
    query: z.strictObject({
      principal: z
        .string()
        .max(300)
        .regex(
          /^(?:(?:user:)?[a-z0-9._-]+|robot:robot_[a-z0-9._-]+|anonymous)$/,
          "is neither a user's name, nor user:…, robot:… or anonymous",
        )
        .optional(),
      action,
      name: repositoryName.optional(),
      namespace: z
        .string()
        .max(200)
        .refine((path) => path === "-" || namespacePath.safeParse(path).success, "is no namespace; - is the root")
        .optional(),
      tag: z.string().max(128).optional(),
    }),
    answer: z
      .object({
        principal: z.string(),
        allowed: z.boolean(),
        reason: z.string(),
        grants: z.array(grant).meta({ description: "Those that allow it" }),
        tags: z.array(z.array(z.string())).meta({
          description: "Lists of patterns, each of which a tag must match; empty for all tags",
        }),
      })
      .meta({ id: "Explanation" }),
    status: 200,
    errors: ["NOT_FOUND", "DENIED"],
  },
} as const satisfies Endpoints;
