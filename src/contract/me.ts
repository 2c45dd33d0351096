import { z } from "zod";
import type { Endpoints } from "./endpoint.ts";

export const me = z
  .object({
    kind: z.enum(["anonymous", "operator", "account", "robot", "workload", "system"]),
    name: z.string().meta({ description: "`user:alice`, `robot:robot_team_ci`, …" }),
    credential: z.string().meta({ description: "By what it was known: `password`, `token:12`, `secret:3`, `none`" }),
    scoped: z.boolean().meta({ description: "Whether the credential allows less than its owner may do" }),
    serverOwner: z.boolean().meta({ description: "Whether it may manage access on the root namespace" }),
  })
  .meta({ id: "Me" });

export const meEndpoints = {
  whoAmI: {
    method: "GET",
    path: "/me",
    tag: "me",
    summary: "Say who asks",
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
