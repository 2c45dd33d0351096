import { plainCaller, versionOfGroup } from "../../access/index.ts";
import { apiPrefix } from "../../contract/index.ts";
import type { groupEndpoints } from "../../contract/index.ts";
import { findGroup, listGroups, listMembers } from "../../metadata/index.ts";
import type { GroupRow } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import type { Registry } from "../../registry/index.ts";
import type { HandlersOf } from "./call.ts";
import { answerPage, timeOf } from "./page.ts";

export const groupHandlers: HandlersOf<typeof groupEndpoints> = {
  async listGroups({ management: { registry }, query }) {
    const page = await answerPage(
      query,
      async ({ after = "", limit }) => registry.metadata.read.all(listGroups, { after, limit }),
      ({ name }) => name,
      show,
    );
    return { body: page };
  },
  async createGroup({ management: { registry }, caller, body: { name }, once }) {
    const input = { caller: plainCaller(caller), name, once };
    const { replayed } = await registry.access.metadata.write("createGroup", input);
    return { ...reply(await getGroup(registry, name)), replayed, location: `${apiPrefix}/groups/${name}` };
  },
  async getGroup({ management: { registry }, parameters: { group } }) {
    return reply(await getGroup(registry, group));
  },
  async updateGroup({ management: { registry }, caller, parameters: { group }, body: { name }, versions }) {
    await registry.access.metadata.write("updateGroup", { caller: plainCaller(caller), group, versions, name });
    return reply(await getGroup(registry, name));
  },
  async deleteGroup({ management: { registry }, caller, parameters: { group }, versions }) {
    await registry.access.metadata.write("deleteGroup", { caller: plainCaller(caller), group, versions });
    return { body: undefined };
  },
  async listMembers({ management: { registry }, parameters, query }) {
    const { id: group } = await getGroup(registry, parameters.group);
    const page = await answerPage(
      query,
      async ({ after = "", limit }) => registry.metadata.read.all(listMembers, { group, after, limit }),
      ({ name }) => name,
      ({ name, source }) => ({ user: name, source }),
    );
    return { body: page };
  },
  async addMember({ management: { registry }, caller, parameters: { group, user } }) {
    const input = { caller: plainCaller(caller), group, user, member: true };
    await registry.access.metadata.write("changeMember", input);
    return { body: undefined };
  },
  async removeMember({ management: { registry }, caller, parameters: { group, user } }) {
    const input = { caller: plainCaller(caller), group, user, member: false };
    await registry.access.metadata.write("changeMember", input);
    return { body: undefined };
  },
};

async function getGroup({ metadata: { read } }: Registry, name: string): Promise<GroupRow> {
  const row = await read.first(findGroup, { name });
  if (row === undefined) throw new RegistryError("NOT_FOUND", `there is no group ${name}`);
  return row;
}

function reply(row: GroupRow) {
  return { body: show(row), version: versionOfGroup(row) };
}

function show({ id, name, source, created_at: created }: GroupRow) {
  return { id, name, source, createdAt: timeOf(created) };
}
