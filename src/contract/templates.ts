import { z } from "zod";
import type { Endpoints } from "./endpoint.ts";
import { settingValues } from "./settings.ts";
import { namespacePath, plainName, time } from "./texts.ts";

const pattern = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[a-z0-9._/*-]+$/, "has characters that no repository name has; * stands for any")
  .meta({
    description: "Of names below the namespace, without its path: `*` stands for any characters, slashes too",
  });

const settings = settingValues.refine((values) => Object.keys(values).length > 0, "sets nothing");

export const template = z
  .object({
    name: z.string(),
    pattern: z.string(),
    settings: z.record(z.string(), z.unknown()).meta({ description: "As `SettingValues` has them" }),
    changedAt: time,
  })
  .meta({ id: "Template" });

const onNamespace = z.strictObject({ path: namespacePath });
const parameters = z.strictObject({ path: namespacePath, template: plainName });

export const templateEndpoints = {
  listTemplates: {
    method: "GET",
    path: "/namespaces/{path*}/-/templates",
    tag: "settings",
    summary: "List what repositories begin with that are made below a namespace",
    auth: { place: "namespace", action: "pull" },
    parameters: onNamespace,
    answer: z.object({ items: z.array(template) }),
    status: 200,
    errors: ["NAMESPACE_UNKNOWN"],
  },
  getTemplate: {
    method: "GET",
    path: "/namespaces/{path*}/-/templates/{template}",
    tag: "settings",
    summary: "Show a template",
    auth: { place: "namespace", action: "pull" },
    parameters,
    answer: template,
    status: 200,
    errors: ["NAMESPACE_UNKNOWN", "NOT_FOUND"],
  },
  putTemplate: {
    method: "PUT",
    path: "/namespaces/{path*}/-/templates/{template}",
    tag: "settings",
    summary: "Make a template, or put another in its place: what repositories begin with whose names match",
    about:
      "The nearest namespace with a template that matches decides alone; in it the pattern with the most characters that are no `*`, and of equals the first by name. Repositories that are there stay as they are. What is enforced at the namespace or above can only be made stricter.",
    auth: { place: "namespace", action: "manage-settings" },
    parameters,
    body: z.strictObject({ pattern, settings }),
    answer: template,
    status: 200,
    errors: ["NAMESPACE_UNKNOWN", "CONFLICT"],
    conditional: true,
  },
  deleteTemplate: {
    method: "DELETE",
    path: "/namespaces/{path*}/-/templates/{template}",
    tag: "settings",
    summary: "Delete a template; repositories that began with it stay as they are",
    auth: { place: "namespace", action: "manage-settings" },
    parameters,
    status: 204,
    errors: ["NAMESPACE_UNKNOWN", "NOT_FOUND"],
    conditional: true,
  },
} as const satisfies Endpoints;
