import { getNamespaceAt, listVisibleNamespaces, plainCaller, versionOfNamespace } from "../../access/index.ts";
import { apiPrefix } from "../../contract/index.ts";
import type { namespaceEndpoints } from "../../contract/index.ts";
import type { NamespaceRow } from "../../metadata/index.ts";
import type { HandlersOf } from "./call.ts";
import { answerPage, timeOf } from "./page.ts";

/** Goes on after the root, whose path is empty: no path comes before a dash. */
const rootCursor = "-";

export const namespaceHandlers: HandlersOf<typeof namespaceEndpoints> = {
  async listNamespaces({ management: { registry }, caller, query }) {
    const read = ({ after, limit }: { readonly after: string | undefined; readonly limit: number }) =>
      listVisibleNamespaces(registry.access, caller, after, limit);
    return { body: await answerPage(query, read, ({ path }) => path || rootCursor, show) };
  },
  async createNamespace({ management: { registry }, caller, by, body, once }) {
    const { path } = body;
    const input = { by, caller: plainCaller(caller), path, public: body.public ?? false, once };
    const { replayed } = await registry.access.metadata.write("createNamespace", input);
    const row = await getNamespaceAt(registry.access, path);
    return { ...reply(row), replayed, location: `${apiPrefix}/namespaces/${path}` };
  },
  async getNamespace({ management: { registry }, parameters }) {
    return reply(await getNamespaceAt(registry.access, parameters.path));
  },
  async updateNamespace({ management: { registry }, caller, parameters: { path }, body, versions }) {
    const input = { caller: plainCaller(caller), path, versions, public: body.public };
    await registry.access.metadata.write("updateNamespace", input);
    return reply(await getNamespaceAt(registry.access, path));
  },
  async deleteNamespace({ management: { registry }, caller, parameters: { path }, versions }) {
    await registry.access.metadata.write("deleteNamespace", { caller: plainCaller(caller), path, versions });
    return { body: undefined };
  },
};

function reply(row: NamespaceRow) {
  return { body: show(row), version: versionOfNamespace(row) };
}

function show({ id, path, public: open, created_at: created }: NamespaceRow) {
  return { id, path, public: open !== 0, createdAt: timeOf(created) };
}
