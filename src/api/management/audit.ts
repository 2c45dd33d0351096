import { readTrailPage } from "../../access/index.ts";
import type { TrailFilter } from "../../access/index.ts";
import type { auditEndpoints } from "../../contract/index.ts";
import { findNamespace } from "../../metadata/index.ts";
import type { Call, HandlersOf } from "./call.ts";
import { standardPage } from "./page.ts";

export const auditHandlers: HandlersOf<typeof auditEndpoints> = {
  listAudit: async ({ management, query }) => ({ body: await readPage(management, query, {}) }),
  // What is asked for must lie within, too. Rows have names: what was there before the namespace was is another's.
  async listNamespaceAudit({ management, query, parameters: { path } }) {
    const row = await management.registry.metadata.read.first(findNamespace, { path });
    const within = path === "" ? {} : { within: path, since: row?.created_at };
    return { body: await readPage(management, query, within) };
  },
};

type Query = Call<typeof auditEndpoints.listAudit>["query"];

async function readPage({ registry }: Call<never>["management"], query: Query, within: TrailFilter) {
  const { after = "", limit = standardPage, order = "oldest", since, until, ...exact } = query;
  const millisecondsOf = (time: string | undefined) => (time === undefined ? undefined : Date.parse(time));
  const begin = Math.max(millisecondsOf(since) ?? 0, within.since ?? 0);
  const times = { since: begin === 0 ? undefined : begin, until: millisecondsOf(until) };
  const filter = { ...exact, ...within, ...times };
  const { entries, next, cursor } = await readTrailPage(registry.metadata.read, filter, { after, limit, order });
  return { items: [...entries], next, cursor };
}
