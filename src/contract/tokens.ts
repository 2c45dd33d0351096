import { z } from "zod";
import type { Endpoints } from "./endpoint.ts";
import { accessKeyId, aws, secretAccessKey } from "./access-keys.ts";
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
  gone: z.literal(true).optional().meta({ description: "The place was deleted: this part reaches nothing" }),
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
    accessKeyId: accessKeyId.optional(),
    madeWith: z.string().nullable().meta({
      description: "The credential that made it, and with which it is revoked, such as `token:12`; null for a login",
    }),
  })
  .meta({ id: "Token" });

const login = z
  .object({
    id,
    client: z.string().meta({ description: "What the client calls itself" }),
    credential: z.string().meta({ description: "By which it logged in; it ends with that" }),
    createdAt: time,
    expiresAt: time,
  })
  .meta({ id: "Login" });

const revocation = z.strictObject({
  keepMade: z.boolean().optional().meta({
    description: "Let stay what was made with it until it ends by itself: robots, tokens, trust rules",
  }),
});

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
      "It never may do more than its user at the moment of use. What a token or robot makes ends with it at the latest. A scoped token makes none.",
    auth,
    parameters,
    body: z.strictObject({
      name: line(100).min(1),
      scope: z.array(scope).min(1).max(50).optional().meta({ description: "All that its user may do when not given" }),
      expiresIn: seconds.optional().meta({ description: "Seconds; the longest that the server allows when not given" }),
      aws,
    }),
    answer: token.extend({
      secret: z.string().nullable().optional().meta({
        description: "Shown once: null when the request is answered again. A token with a key pair has none",
      }),
      secretAccessKey,
    }),
    status: 201,
    errors: ["NOT_FOUND"],
    once: true,
    whenReadOnly: true,
  },
  getToken: {
    method: "GET",
    path: "/users/{user}/tokens/{token}",
    tag: "tokens",
    summary: "Show a personal token with what was made with it",
    auth,
    parameters: parameters.extend({ token: id }),
    answer: token.extend({
      made: z
        .object({
          tokens: z.array(id).meta({ description: "Personal tokens that are good" }),
          robots: z.array(z.string()).meta({ description: "Logins of robots with a good secret that it made" }),
          trustRules: z.array(z.string()).meta({ description: "Trust rules that are not disabled" }),
        })
        .meta({ description: "At first hand; what these made is shown with them" }),
    }),
    status: 200,
    errors: ["NOT_FOUND"],
  },
  revokeToken: {
    method: "DELETE",
    path: "/users/{user}/tokens/{token}",
    tag: "tokens",
    summary: "Revoke a personal token with what was made with it",
    about: "Also one that was revoked before, for what it left.",
    auth,
    parameters: parameters.extend({ token: id }),
    query: revocation,
    status: 204,
    errors: ["NOT_FOUND"],
    whenReadOnly: true,
  },
  revokeTokens: {
    method: "DELETE",
    path: "/users/{user}/tokens",
    tag: "tokens",
    summary: "Revoke all personal tokens of a user with what was made with them",
    auth,
    parameters,
    query: revocation,
    status: 204,
    errors: ["NOT_FOUND"],
    whenReadOnly: true,
  },
  listLogins: {
    method: "GET",
    path: "/users/{user}/logins",
    tag: "tokens",
    summary: "List a user's logins that clients such as docker keep as refresh tokens",
    auth,
    parameters,
    query: z.strictObject(pageQuery),
    answer: pageOf(login),
    status: 200,
    errors: ["NOT_FOUND", "PAGINATION_INVALID"],
  },
  endLogin: {
    method: "DELETE",
    path: "/users/{user}/logins/{login}",
    tag: "tokens",
    summary: "End one login that a client keeps",
    about: "Registry tokens that it gave go on to their end, minutes later; the credential behind it stays.",
    auth,
    parameters: parameters.extend({ login: id }),
    status: 204,
    errors: ["NOT_FOUND"],
    whenReadOnly: true,
  },
} as const satisfies Endpoints;
