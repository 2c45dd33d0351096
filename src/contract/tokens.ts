import { z } from "zod";
import type { Endpoints } from "./endpoint.ts";
import {
  action,
  id,
  line,
  namespacePath,
  pageOf,
  pageQuery,
  plainName,
  repositoryName,
  seconds,
  tagPattern,
  time,
} from "./texts.ts";

const limits = {
  actions: z.array(action).min(1).max(10),
  tags: z.array(tagPattern).min(1).max(50).optional().meta({ description: "Patterns; all tags when not given" }),
};

/** A part of a scope: what may be done in one place. */
const scope = z.union([
  z.strictObject({ namespace: namespacePath, ...limits }),
  z.strictObject({ repository: repositoryName, ...limits }),
]);

const shownScope = z.object({
  namespace: z.string().optional(),
  repository: z.string().optional(),
  actions: z.array(z.string()),
  tags: z.array(z.string()).optional(),
});

export const token = z
  .object({
    id,
    name: z.string(),
    scope: z.array(shownScope).nullable().meta({ description: "Null for all that its user may do" }),
    createdAt: time,
    expiresAt: time,
    usedAt: time.nullable().meta({ description: "To the minute" }),
    revokedAt: time.nullable(),
  })
  .meta({ id: "Token" });

const parameters = z.strictObject({ user: plainName });
const auth = { place: "self", action: "manage-access" } as const;

export const tokenEndpoints = {
  listTokens: {
    method: "GET",
    path: "/users/{user}/tokens",
    tag: "tokens",
    summary: "List a user's personal tokens in the order in which they were made",
    auth,
    parameters,
    query: z.strictObject(pageQuery),
    answer: pageOf(token),
    status: 200,
    errors: ["NOT_FOUND", "PAGINATION_INVALID"],
  },
  createToken: {
    method: "POST",
    path: "/users/{user}/tokens",
    tag: "tokens",
    summary: "Make a personal token",
    about:
      "It never may do more than its user at the moment of use. A token that a token makes ends with that one at the latest. A scoped token makes none.",
    auth,
    parameters,
    body: z.strictObject({
      name: line(100).min(1),
      scope: z.array(scope).min(1).max(50).optional().meta({ description: "All that its user may do when not given" }),
      expiresIn: seconds.optional().meta({ description: "Seconds; the longest that the server allows when not given" }),
    }),
    answer: token.extend({
      secret: z.string().nullable().meta({ description: "Shown once: null when the request is answered again" }),
    }),
    status: 201,
    errors: ["NOT_FOUND"],
    once: true,
  },
  revokeToken: {
    method: "DELETE",
    path: "/users/{user}/tokens/{token}",
    tag: "tokens",
    summary: "Revoke a personal token",
    auth,
    parameters: parameters.extend({ token: id }),
    status: 204,
    errors: ["NOT_FOUND"],
  },
  revokeTokens: {
    method: "DELETE",
    path: "/users/{user}/tokens",
    tag: "tokens",
    summary: "Revoke all personal tokens of a user",
    auth,
    parameters,
    status: 204,
    errors: ["NOT_FOUND"],
  },
} as const satisfies Endpoints;
