import { getUser, hashSecret, newSecret, plainCaller } from "../../access/index.ts";
import type { ScopeEntry } from "../../access/index.ts";
import { apiPrefix } from "../../contract/index.ts";
import type { tokenEndpoints } from "../../contract/index.ts";
import { formatDuration } from "../../lib/index.ts";
import { findToken, listTokens } from "../../metadata/index.ts";
import type { TokenRow } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import type { HandlersOf } from "./call.ts";
import { answerPage, findTime, numberAfter, timeOf } from "./page.ts";

export const tokenHandlers: HandlersOf<typeof tokenEndpoints> = {
  async listTokens({ management: { registry }, parameters, query }) {
    const { id: account } = await getUser(registry.access, parameters.user);
    const page = await answerPage(
      query,
      async ({ after, limit }) => registry.metadata.read.all(listTokens, { account, after: numberAfter(after), limit }),
      ({ id }) => String(id),
      show,
    );
    return { body: page };
  },
  async createToken({ management: { registry }, caller, parameters: { user }, body, once }) {
    const { access, metadata } = registry;
    const { tokenAge } = access.settings;
    const { name, scope = null, expiresIn } = body;
    const age = expiresIn === undefined ? tokenAge : expiresIn * 1000;
    if (age > tokenAge) {
      const message = `a token here is good for ${formatDuration(tokenAge)} at most: ask for less, or set access.tokenAge`;
      throw new RegistryError("REQUEST_INVALID", message);
    }
    const secret = newSecret("token");
    const input = { caller: plainCaller(caller), user, name, hash: hashSecret(secret), scope, age, once };
    const { id, replayed } = await access.metadata.write("issueToken", input);
    const row = await metadata.read.first(findToken, { token: id });
    if (row === undefined) throw new RegistryError("NOT_FOUND", "the token was made, and deleted meanwhile");
    const location = `${apiPrefix}/users/${user}/tokens/${id}`;
    return { body: { ...show(row), secret: replayed ? null : secret }, replayed, location };
  },
  async revokeToken({ management: { registry }, caller, parameters: { user, token } }) {
    await registry.access.metadata.write("revokeTokens", { caller: plainCaller(caller), user, token });
    return { body: undefined };
  },
  async revokeTokens({ management: { registry }, caller, parameters: { user } }) {
    await registry.access.metadata.write("revokeTokens", { caller: plainCaller(caller), user, token: undefined });
    return { body: undefined };
  },
};

function show(row: TokenRow) {
  const { id, name, scope, created_at: created, expires_at: expires, used_at: used, revoked_at: revoked } = row;
  const entries = scope === null ? null : (JSON.parse(scope) as ScopeEntry[]).map(showScope);
  const times = { createdAt: timeOf(created), expiresAt: timeOf(expires) };
  return { id, name, scope: entries, ...times, usedAt: findTime(used), revokedAt: findTime(revoked) };
}

function showScope({ namespace, repository, actions, tags }: ScopeEntry) {
  return {
    ...(namespace && { namespace: namespace.path }),
    ...(repository && { repository: repository.name }),
    actions: [...actions],
    ...(tags && { tags: [...tags] }),
  };
}
