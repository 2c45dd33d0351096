import type { usageEndpoints } from "../../contract/index.ts";
import type { UsageReportRow } from "../../metadata/index.ts";
import { forgetUsage, listUsage, reportUsage } from "../../registry/index.ts";
import type { HandlersOf } from "./call.ts";
import { timeOf } from "./page.ts";

/** How long a report is good for when nobody says, in seconds. */
const standardAge = 86_400;

export const usageHandlers: HandlersOf<typeof usageEndpoints> = {
  async listUsage({ management: { registry }, caller, parameters: { path } }) {
    return { body: { items: (await listUsage(registry, caller, path)).map(show) } };
  },
  async reportUsage({ management: { registry }, caller, parameters: { path, source }, body }) {
    const age = (body.expiresIn ?? standardAge) * 1000;
    return { body: show(await reportUsage(registry, caller, { namespace: path, source }, body.uses, age)) };
  },
  async forgetUsage({ management: { registry }, caller, parameters: { path, source } }) {
    await forgetUsage(registry, caller, { namespace: path, source });
    return { body: undefined };
  },
};

function show({ source, digests, reported_by: reportedBy, reported_at, expires_at }: UsageReportRow) {
  return { source, digests, reportedBy, reportedAt: timeOf(reported_at), expiresAt: timeOf(expires_at) };
}
