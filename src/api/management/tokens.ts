import { findPresent, getUser, hashSecret, newAccessKey, newSecret, plainCaller } from "../../access/index.ts";
import type { PresentEntry, ScopeEntry } from "../../access/index.ts";
import { apiPrefix } from "../../contract/index.ts";
import type { tokenEndpoints } from "../../contract/index.ts";
import { formatDuration } from "../../lib/index.ts";
import {
  findAccessKeyOfToken,
  findToken,
  listLogins,
  listSecretsMadeWith,
  listTokens,
  listTokensMadeWith,
  listTrustRulesMadeWith,
} from "../../metadata/index.ts";
import type { LoginRow, TokenRow } from "../../metadata/index.ts";
import type { Registry } from "../../registry/index.ts";
import { RegistryError } from "../../oci/index.ts";
import type { HandlersOf } from "./call.ts";
import { forgotten } from "./forgotten.ts";
import { answerPage, findTime, numberAfter, timeOf } from "./page.ts";

export const tokenHandlers: HandlersOf<typeof tokenEndpoints> = {
  async listTokens({ management: { registry }, parameters, query }) {
    const { id: account } = await getUser(registry.access, parameters.user);
    const page = await answerPage(
      query,
      async ({ after, limit }) => registry.metadata.read.all(listTokens, { account, after: numberAfter(after), limit }),
      ({ id }) => String(id),
      (row) => row,
    );
    return { body: { ...page, items: await Promise.all(page.items.map((row) => show(registry, row))) } };
  },
  async createToken({ management: { registry }, caller, parameters: { user }, body, once }) {
    const { access, metadata } = registry;
    const { tokenAge } = access.settings;
    const { name, scope = null, expiresIn, aws = false } = body;
    const age = expiresIn === undefined ? tokenAge : expiresIn * 1000;
    if (age > tokenAge) {
      const message = `a token here is good for ${formatDuration(tokenAge)} at most: ask for less, or set access.tokenAge`;
      throw new RegistryError("REQUEST_INVALID", message);
    }
    // Of a token with a key pair nobody sees the secret.
    const secret = newSecret("token");
    const pair = aws ? newAccessKey(access) : undefined;
    const token = { user, name, hash: hashSecret(secret), scope, age, accessKey: pair?.kept };
    const input = { caller: plainCaller(caller), ...token, once };
    const { id, replayed } = await access.metadata.write("issueToken", input);
    const row = await metadata.read.first(findToken, { token: id });
    if (row === undefined) throw new RegistryError("NOT_FOUND", "the token was made, and deleted meanwhile");
    const location = `${apiPrefix}/users/${user}/tokens/${id}`;
    const shown = pair === undefined ? { secret } : { secretAccessKey: pair.shown.secret };
    return { body: { ...(await show(registry, row)), ...(replayed ? forgotten(shown) : shown) }, replayed, location };
  },
  async getToken({ management: { registry }, parameters: { user, token } }) {
    const { read } = registry.metadata;
    const { id: account } = await getUser(registry.access, user);
    const row = await read.first(findToken, { token });
    // Another user's token is none.
    if (row?.account_id !== account) throw new RegistryError("NOT_FOUND", `${user} has no token ${token}`);
    return { body: { ...(await show(registry, row)), made: await findMade(registry, `token:${token}`) } };
  },
  async revokeToken({ management: { registry }, caller, parameters: { user, token }, query: { keepMade = false } }) {
    await registry.access.metadata.write("revokeTokens", { caller: plainCaller(caller), user, token, keepMade });
    return { body: undefined };
  },
  async revokeTokens({ management: { registry }, caller, parameters: { user }, query: { keepMade = false } }) {
    const input = { caller: plainCaller(caller), user, token: undefined, keepMade };
    await registry.access.metadata.write("revokeTokens", input);
    return { body: undefined };
  },
  async listLogins({ management: { registry }, parameters: { user }, query }) {
    const { id: account } = await getUser(registry.access, user);
    const of = { holder: `account:${account}`, now: Date.now() };
    const page = await answerPage(
      query,
      async ({ after, limit }) => registry.metadata.read.all(listLogins, { ...of, after: numberAfter(after), limit }),
      ({ id }) => String(id),
      showLogin,
    );
    return { body: page };
  },
  async endLogin({ management: { registry }, caller, parameters: { user, login } }) {
    await registry.access.metadata.write("endLogin", { caller: plainCaller(caller), user, login });
    return { body: undefined };
  },
};

/** What a credential made that is good still. */
async function findMade({ metadata: { read } }: Registry, credential: string) {
  const now = Date.now();
  const tokens = await read.all(listTokensMadeWith, { credential });
  const secrets = await read.all(listSecretsMadeWith, { credential });
  const rules = await read.all(listTrustRulesMadeWith, { credential });
  return {
    tokens: tokens.filter((one) => one.revoked_at === null && one.expires_at > now).map(({ id }) => id),
    robots: [...new Set(secrets.filter((one) => one.expires_at > now).map(({ login }) => login))],
    trustRules: rules.filter(({ disabled }) => disabled === 0).map(({ name }) => name),
  };
}

function showLogin({ id, client, credential, created_at: created, expires_at: expires }: LoginRow) {
  return { id, client, credential, createdAt: timeOf(created), expiresAt: timeOf(expires) };
}

async function show({ metadata: { read } }: Registry, row: TokenRow) {
  const { id, name, scope, created_at: created, expires_at: expires, used_at: used, revoked_at: revoked } = row;
  const present = scope === null ? null : await findPresent(read, id, JSON.parse(scope) as ScopeEntry[]);
  const times = { createdAt: timeOf(created), expiresAt: timeOf(expires) };
  const key = await read.first(findAccessKeyOfToken, { token: id });
  return {
    id,
    name,
    scope: present?.map(showScope) ?? null,
    ...times,
    usedAt: findTime(used),
    revokedAt: findTime(revoked),
    ...(key && { accessKeyId: key.id }),
    madeWith: row.made_with,
  };
}

function showScope({ entry: { namespace, repository, actions, tags }, gone }: PresentEntry) {
  return {
    ...(namespace && { namespace: namespace.path }),
    ...(repository && { repository: repository.name }),
    actions: [...actions],
    ...(tags && { tags: [...tags] }),
    ...(gone && { gone }),
  };
}
