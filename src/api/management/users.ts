import { changePassword, createUser, getUser, plainCaller, versionOfAccount } from "../../access/index.ts";
import { apiPrefix } from "../../contract/index.ts";
import type { userEndpoints } from "../../contract/index.ts";
import { listAccounts } from "../../metadata/index.ts";
import type { Account } from "../../metadata/index.ts";
import type { HandlersOf } from "./call.ts";
import { answerPage, timeOf } from "./page.ts";

export const userHandlers: HandlersOf<typeof userEndpoints> = {
  async listUsers({ management: { registry }, query }) {
    const page = await answerPage(
      query,
      async ({ after = "", limit }) => registry.metadata.read.all(listAccounts, { after, limit }),
      ({ name }) => name,
      show,
    );
    return { body: page };
  },
  async createUser({ management: { registry }, caller, body, once }) {
    const { name, display = null, email = null, password } = body;
    const { replayed } = await createUser(registry.access, caller, { name, display, email, password }, once);
    const made = reply(await getUser(registry.access, name));
    return { ...made, replayed, location: `${apiPrefix}/users/${name}` };
  },
  async getUser({ management: { registry }, parameters: { user } }) {
    return reply(await getUser(registry.access, user));
  },
  async updateUser({ management: { registry }, caller, parameters: { user }, body, versions }) {
    const { display, email, disabled } = body;
    const input = { caller: plainCaller(caller), user, versions, display, email, disabled };
    await registry.access.metadata.write("updateUser", input);
    return reply(await getUser(registry.access, user));
  },
  async deleteUser({ management: { registry }, caller, parameters: { user }, versions }) {
    await registry.access.metadata.write("deleteUser", { caller: plainCaller(caller), user, versions });
    return { body: undefined };
  },
  async changePassword({ management, caller, parameters: { user }, body }) {
    await changePassword(management.registry.access, caller, { user, old: body.old, password: body.new });
    await management.passwordChanged(user);
    return { body: undefined };
  },
};

function reply(account: Account) {
  return { body: show(account), version: versionOfAccount(account) };
}

function show({ id, name, display, email, source, disabled, created_at: created, changed_at: changed }: Account) {
  const shown = { id, name, display, email, source, disabled: disabled !== 0 };
  return { ...shown, createdAt: timeOf(created), passwordChangedAt: timeOf(changed) };
}
