import { z } from "zod";
import type { Endpoints } from "./endpoint.ts";
import { id, namespacePath, pageOf, pageQuery, time } from "./texts.ts";

export const namespace = z
  .object({
    id,
    path: z.string().meta({ description: "Empty for the root" }),
    public: z
      .boolean()
      .meta({ description: "Whether anybody may pull from repositories below that say nothing themselves" }),
    createdAt: time,
  })
  .meta({ id: "Namespace" });

const parameters = z.strictObject({ path: namespacePath });

export const namespaceEndpoints = {
  listNamespaces: {
    method: "GET",
    path: "/namespaces",
    tag: "namespaces",
    summary: "List the namespaces on which the caller may pull, by path",
    auth: { place: "known" },
    query: z.strictObject(pageQuery),
    answer: pageOf(namespace),
    status: 200,
    errors: [],
  },
  createNamespace: {
    method: "POST",
    path: "/namespaces",
    tag: "namespaces",
    summary: "Make a namespace",
    about: "Repositories that are below it already follow its visibility, unless they have their own.",
    auth: { place: "parent", action: "manage-settings" },
    body: z.strictObject({ path: namespacePath.min(1), public: z.boolean().optional() }),
    answer: namespace,
    status: 201,
    errors: ["CONFLICT"],
    once: true,
  },
  getNamespace: {
    method: "GET",
    path: "/namespaces/{path*}",
    tag: "namespaces",
    summary: "Show a namespace",
    auth: { place: "namespace", action: "pull" },
    parameters,
    answer: namespace,
    status: 200,
    errors: ["NAMESPACE_UNKNOWN"],
  },
  updateNamespace: {
    method: "PATCH",
    path: "/namespaces/{path*}",
    tag: "namespaces",
    summary: "Make a namespace public or private",
    about: "Repositories below that have no visibility of their own follow in the same transaction.",
    auth: { place: "namespace", action: "manage-settings" },
    parameters,
    body: z.strictObject({ public: z.boolean() }),
    answer: namespace,
    status: 200,
    errors: ["NAMESPACE_UNKNOWN"],
    conditional: true,
  },
  deleteNamespace: {
    method: "DELETE",
    path: "/namespaces/{path*}",
    tag: "namespaces",
    summary: "Delete an empty namespace with the grants on it",
    about: "It is empty when no repository, namespace or robot is in it. The root stays.",
    auth: { place: "namespace", action: "manage-access" },
    parameters,
    status: 204,
    errors: ["NAMESPACE_UNKNOWN", "CONFLICT"],
    conditional: true,
  },
} as const satisfies Endpoints;
