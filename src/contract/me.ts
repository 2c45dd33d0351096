import { z } from "zod";
import type { Endpoints } from "./endpoint.ts";
import { action, id, role, time } from "./texts.ts";

export const me = z
  .object({
    kind: z.enum(["anonymous", "operator", "account", "robot", "workload", "system"]),
    name: z.string().meta({ description: "`user:alice`, `robot:robot_team_ci`, …" }),
    credential: z.string().meta({ description: "By what it was known: `password`, `token:12`, `secret:3`, `none`" }),
    scoped: z.boolean().meta({ description: "Whether the credential allows less than its owner may do" }),
    expiresAt: time.nullable().meta({ description: "When the credential ends by itself; null for never" }),
    scope: z
      .array(
        z.object({
          namespace: z.string().optional(),
          repository: z.string().optional(),
          actions: z.array(z.string()),
          tags: z.array(z.string()).optional(),
        }),
      )
      .nullable()
      .meta({ description: "What the credential was narrowed to; null for all that its owner may do" }),
    sponsor: z.string().nullable().meta({ description: "Of a robot: who answers for it, whose rights are its limit" }),
    grants: z
      .array(
        z.object({
          id,
          to: z.string().meta({ description: "The caller, a group of it, or a trust rule that believes it" }),
          namespace: z.string().optional().meta({ description: "Empty for the root" }),
          repository: z.string().optional(),
          role: role.nullable(),
          actions: z.array(action),
          tags: z.array(z.string()).nullable(),
        }),
      )
      .meta({ description: "What was granted, the first 500; the credential may allow less" }),
    serverOwner: z.boolean().meta({ description: "Whether it may manage access on the root namespace" }),
  })
  .meta({ id: "Me" });

export const meEndpoints = {
  whoAmI: {
    method: "GET",
    path: "/me",
    tag: "me",
    summary: "Say who asks, by which credential, until when, and with which roles where",
    auth: { place: "known" },
    answer: me,
    status: 200,
    errors: [],
  },
  describeApi: {
    method: "GET",
    path: "/openapi.json",
    tag: "me",
    summary: "Describe this API as an OpenAPI 3.1 document",
    auth: { place: "none" },
    answer: z.record(z.string(), z.unknown()),
    status: 200,
    errors: [],
  },
} as const satisfies Endpoints;
