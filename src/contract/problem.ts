import { z } from "zod";

/** What an error looks like (RFC 9457), as `application/problem+json`; some have further facts. */
export const problem = z
  .looseObject({
    type: z.string().meta({ description: "`urn:berth:error:` and the code" }),
    title: z.string().meta({ description: "The status in words" }),
    status: z.int(),
    detail: z.string().meta({ description: "What happened, why, and what to do" }),
    code: z.string().meta({ description: "Berth's own code; docs/errors.md lists them" }),
    requestId: z.string().meta({ description: "Finds the request in the log and in the trail" }),
    fields: z
      .array(z.object({ field: z.string(), message: z.string() }))
      .optional()
      .meta({ description: "What is wrong with which part of the request" }),
  })
  .meta({ id: "Problem" });

export type Problem = z.infer<typeof problem>;
