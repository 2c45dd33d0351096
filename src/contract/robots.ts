import { z } from "zod";
import { accessKeyId, aws, secretAccessKey } from "./access-keys.ts";
import type { Endpoints } from "./endpoint.ts";
import { rights } from "./grants.ts";
import { id, line, namespacePath, pageOf, pageQuery, plainName, repositoryName, seconds, time } from "./texts.ts";

const shownRights = z.object({
  namespace: z.string().optional(),
  repository: z.string().optional(),
  role: z.string().nullable(),
  actions: z.array(z.string()),
  tags: z.array(z.string()).nullable(),
});

export const robot = z
  .object({
    id,
    namespace: z.string().meta({ description: "Who owns it; empty for the root" }),
    name: z.string(),
    login: z.string().meta({ description: "The user name that its clients give" }),
    description: z.string().nullable(),
    sponsor: z.string().nullable().meta({ description: "Who answers for it: it never may do more than that one" }),
    scope: z.array(shownRights).meta({ description: "Its grants" }),
    secrets: z
      .array(
        z.object({
          id,
          createdAt: time,
          expiresAt: time,
          accessKeyId: accessKeyId.optional(),
          madeWith: z.string().nullable().meta({
            description: "The credential that made it, and with which it is revoked; null for a login",
          }),
        }),
      )
      .meta({ description: "Good ones, two at most" }),
    disabled: z.boolean(),
    createdAt: time,
    expiresAt: time,
    usedAt: time.nullable().meta({ description: "To the minute" }),
  })
  .meta({ id: "Robot" });

const made = {
  secret: z.string().nullable().optional().meta({
    description: "Shown once: null when the request is answered again. A robot with a key pair has none",
  }),
  accessKeyId: accessKeyId.optional(),
  secretAccessKey,
};

const scope = z
  .array(
    z.union([
      z.strictObject({ namespace: namespacePath, ...rights }),
      z.strictObject({ repository: repositoryName, ...rights }),
    ]),
  )
  .max(50)
  .refine((parts) => parts.every(({ role, actions }) => role ?? actions), "names neither a role nor actions");

const expiresIn = seconds.optional().meta({ description: "Seconds; the server's access.robotAge when not given" });
const auth = { place: "namespace", action: "manage-robots" } as const;
const inNamespace = z.strictObject({ path: namespacePath });
const one = inNamespace.extend({ robot: plainName });

export const robotEndpoints = {
  listRobots: {
    method: "GET",
    path: "/namespaces/{path*}/-/robots",
    tag: "robots",
    summary: "List the robots of a namespace by name",
    auth,
    parameters: inNamespace,
    query: z.strictObject(pageQuery),
    answer: pageOf(robot),
    status: 200,
    errors: ["NAMESPACE_UNKNOWN"],
  },
  createRobot: {
    method: "POST",
    path: "/namespaces/{path*}/-/robots",
    tag: "robots",
    summary: "Make a robot with its first secret",
    about:
      "Whoever makes it answers for it: it gets no more than that one has, and never may do more at the moment of use. Made with a token or a robot's secret it ends with that at the latest. A robot with `manage-robots` makes narrower ones.",
    auth,
    parameters: inNamespace,
    body: z.strictObject({
      name: plainName,
      description: line(500).nullable().optional(),
      scope: scope
        .optional()
        .meta({ description: "What it may do, in its namespace and below; nothing when not given" }),
      expiresIn,
      aws,
    }),
    answer: robot.extend(made),
    status: 201,
    errors: ["NAMESPACE_UNKNOWN", "NAME_UNKNOWN", "CONFLICT"],
    once: true,
  },
  getRobot: {
    method: "GET",
    path: "/namespaces/{path*}/-/robots/{robot}",
    tag: "robots",
    summary: "Show a robot",
    auth,
    parameters: one,
    answer: robot,
    status: 200,
    errors: ["NAMESPACE_UNKNOWN", "NOT_FOUND"],
  },
  updateRobot: {
    method: "PATCH",
    path: "/namespaces/{path*}/-/robots/{robot}",
    tag: "robots",
    summary: "Describe, disable or enable a robot",
    auth,
    parameters: one,
    body: z.strictObject({ description: line(500).nullable().optional(), disabled: z.boolean().optional() }),
    answer: robot,
    status: 200,
    errors: ["NAMESPACE_UNKNOWN", "NOT_FOUND"],
    conditional: true,
  },
  deleteRobot: {
    method: "DELETE",
    path: "/namespaces/{path*}/-/robots/{robot}",
    tag: "robots",
    summary: "Delete a robot with its secrets, its grants and the robots that it made",
    auth,
    parameters: one,
    status: 204,
    errors: ["NAMESPACE_UNKNOWN", "NOT_FOUND"],
    conditional: true,
  },
  rotateRobot: {
    method: "POST",
    path: "/namespaces/{path*}/-/robots/{robot}/secrets",
    tag: "robots",
    summary: "Give a robot a new secret and more time",
    about:
      "Its latest secret stays good for `overlap` seconds, earlier ones end at once; with an overlap of 0 what it made ends, too. It gets no more time than the credential that asks has. Whoever does not answer for the robot must be allowed all that it is granted.",
    auth,
    parameters: one,
    body: z.strictObject({
      overlap: z
        .int()
        .min(0)
        .max(30 * 86_400)
        .optional()
        .meta({ description: "Seconds; a day when not given" }),
      expiresIn,
      aws,
    }),
    answer: robot.extend(made),
    status: 201,
    errors: ["NAMESPACE_UNKNOWN", "NOT_FOUND"],
    once: true,
  },
  takeOverRobot: {
    method: "POST",
    path: "/namespaces/{path*}/-/robots/{robot}/sponsor",
    tag: "robots",
    summary: "Answer for a robot from now on",
    about: "For an owner of its namespace, when whoever made it goes.",
    auth: { place: "namespace", action: "manage-access" },
    parameters: one,
    body: z.strictObject({}),
    answer: robot,
    status: 200,
    errors: ["NAMESPACE_UNKNOWN", "NOT_FOUND"],
  },
} as const satisfies Endpoints;
