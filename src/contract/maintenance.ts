import { z } from "zod";
import type { Endpoints } from "./endpoint.ts";
import { line, time } from "./texts.ts";

const maintenance = z
  .object({
    readOnly: z.boolean().meta({ description: "Nothing is changed, but for logins" }),
    reason: z.string().nullable(),
    by: z.string().nullable().meta({ description: "Who said so; null when the node was started so" }),
    since: time.nullable(),
  })
  .meta({ id: "Maintenance" });

export const maintenanceEndpoints = {
  getMaintenance: {
    method: "GET",
    path: "/maintenance",
    tag: "maintenance",
    summary: "Show whether the registry is read-only, and why",
    auth: { place: "known" },
    answer: maintenance,
    status: 200,
    errors: [],
  },
  setReadOnly: {
    method: "PUT",
    path: "/maintenance/read-only",
    tag: "maintenance",
    summary: "Make the whole registry read-only, or end it",
    about:
      "On all nodes within a second: changes are refused with the reason, deleting in the background pauses; pulls and logins go on. What a request had begun before, it ends.",
    auth: { place: "root", action: "manage-access" },
    body: z.strictObject({
      state: z.enum(["on", "off"]),
      reason: line(200).min(1).optional().meta({ description: "What people whose pushes are refused read; with `on`" }),
    }),
    answer: maintenance,
    status: 200,
    errors: [],
    whenReadOnly: true,
  },
} as const satisfies Endpoints;
