import type { TrailFilter } from "../access/index.ts";
import { askPages, askServer } from "./ask-server.ts";
import type { ReadTrail } from "./composition.ts";
import { openContext } from "./open-context.ts";
import type { ServerFlags } from "./open-context.ts";

/**
 * The audit rows of a server where the user has logged in: all, or those of a namespace's repositories.
 * @throws CommandError
 */
export async function openServerTrail(
  env: NodeJS.ProcessEnv,
  flags: ServerFlags,
  namespace: string | undefined,
): Promise<ReadTrail> {
  const { server } = await openContext(env, flags);
  const place = namespace === undefined ? {} : { parameters: { path: namespace } };
  const id = namespace === undefined ? "listAudit" : "listNamespaceAudit";
  return {
    latest({ since, until, ...exact }: TrailFilter) {
      const query = { ...exact, order: "latest", since: timeOf(since), until: timeOf(until) };
      return askPages(server, id, { ...place, query }, Number.MAX_SAFE_INTEGER) as ReturnType<ReadTrail["latest"]>;
    },
    async page(after) {
      const query = { limit: 1000, ...(after !== "" && { after }) };
      const { items, next, cursor } = await askServer(server, id, { ...place, query } as never);
      return { entries: items, next, cursor };
    },
    close: () => Promise.resolve(),
  };
}

function timeOf(milliseconds: number | undefined): string | undefined {
  return milliseconds === undefined ? undefined : new Date(milliseconds).toISOString();
}
