import { describeCaller } from "../../access/index.ts";
import type { DescribedCaller } from "../../access/index.ts";
import type { meEndpoints } from "../../contract/index.ts";
import type { HandlersOf } from "./call.ts";
import { describeApi } from "./openapi.ts";
import { findTime } from "./page.ts";

/** Grants that are shown at most. */
const grantLimit = 500;

export const meHandlers: HandlersOf<typeof meEndpoints> = {
  async whoAmI({ management: { registry }, caller: { principal } }) {
    const { kind, name, credential, limits } = principal;
    const { until, scope, sponsor, grants, serverOwner } = await describeCaller(registry.access, principal);
    return {
      body: {
        ...{ kind, name, credential, scoped: limits.length > 0 },
        expiresAt: findTime(until ?? null),
        scope: scope?.map(showScope) ?? null,
        sponsor: sponsor ?? null,
        grants: grants.slice(0, grantLimit).map(showGrant),
        serverOwner,
      },
    };
  },
  describeApi: () => Promise.resolve({ body: describeApi() }),
};

function showScope({ namespace, repository, actions, tags }: NonNullable<DescribedCaller["scope"]>[number]) {
  return {
    ...(namespace && { namespace: namespace.path }),
    ...(repository && { repository: repository.name }),
    actions: [...actions],
    ...(tags && { tags: [...tags] }),
  };
}

function showGrant({ grant, path, repository }: DescribedCaller["grants"][number]) {
  const { id, to, role = null, actions, tags = null } = grant;
  return {
    ...{ id, to, role },
    ...(path === undefined ? { repository: repository?.name ?? "" } : { namespace: path }),
    actions: [...actions],
    tags: tags === null ? null : [...tags],
  };
}
