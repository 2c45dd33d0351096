import { readTrailPage } from "../../access/index.ts";
import type { TrailFilter } from "../../access/index.ts";
import type { auditEndpoints } from "../../contract/index.ts";
import type { Call, HandlersOf } from "./call.ts";

export const auditHandlers: HandlersOf<typeof auditEndpoints> = {
  listAudit: async ({ management, query }) => ({ body: await readPage(management, query, {}) }),
  // What is asked for must lie within, too.
  listNamespaceAudit: async ({ management, query, parameters: { path } }) => ({
    body: await readPage(management, query, path === "" ? {} : { within: path }),
  }),
};

type Query = Call<typeof auditEndpoints.listAudit>["query"];

/** Entries of a page where the client does not say. */
const standardPage = 100;

async function readPage({ registry }: Call<never>["management"], query: Query, within: TrailFilter) {
  const { after = "", limit = standardPage, order = "oldest", since, until, ...exact } = query;
  const millisecondsOf = (time: string | undefined) => (time === undefined ? undefined : Date.parse(time));
  const filter = { ...exact, ...within, since: millisecondsOf(since), until: millisecondsOf(until) };
  const { entries, next, cursor } = await readTrailPage(registry.metadata.read, filter, { after, limit, order });
  return { items: [...entries], next, cursor };
}
