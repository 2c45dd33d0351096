import { getTrustRule, listVisibleTrustRules, plainCaller, versionOfTrustRule } from "../../access/index.ts";
import type { TrustGrant, TrustRule } from "../../access/index.ts";
import { apiPrefix } from "../../contract/index.ts";
import type { AnswerOf, BodyOf, trustRuleEndpoints } from "../../contract/index.ts";
import { RegistryError } from "../../oci/index.ts";
import { trustPresets } from "../../policy/index.ts";
import type { Action, Role, TrustCondition } from "../../policy/index.ts";
import type { HandlersOf } from "./call.ts";
import { answerPage, timeOf } from "./page.ts";

export const trustRuleHandlers: HandlersOf<typeof trustRuleEndpoints> = {
  async listTrustRules({ management: { registry }, caller, query }) {
    const read = ({ after, limit }: { readonly after: string | undefined; readonly limit: number }) =>
      listVisibleTrustRules(registry.access, caller, after, limit);
    return { body: await answerPage(query, read, ({ row }) => row.name, show) };
  },
  async createTrustRule({ management: { registry }, caller, body, once }) {
    const { name, issuer, audience } = body;
    const { replayed } = await registry.access.metadata.write("createTrustRule", {
      ...{ caller: plainCaller(caller), name, issuer, audience, once },
      description: body.description ?? null,
      namespace: body.namespace ?? "",
      conditions: body.conditions as readonly TrustCondition[],
      disabled: body.disabled ?? false,
      grants: body.grants.map(readGrant),
    });
    const rule = await getTrustRule(registry.access, caller, name);
    return { ...reply(rule), replayed, location: `${apiPrefix}/trust-rules/${name}` };
  },
  async getTrustRule({ management: { registry }, caller, parameters }) {
    return reply(await getTrustRule(registry.access, caller, parameters.rule));
  },
  async updateTrustRule({ management: { registry }, caller, parameters: { rule }, body, versions }) {
    const { description, issuer, audience, disabled } = body;
    await registry.access.metadata.write("updateTrustRule", {
      ...{ caller: plainCaller(caller), rule, versions, description, issuer, audience, disabled },
      conditions: body.conditions as readonly TrustCondition[] | undefined,
      grants: body.grants?.map(readGrant),
    });
    return reply(await getTrustRule(registry.access, caller, rule));
  },
  async takeOverTrustRule({ management: { registry }, caller, parameters: { rule } }) {
    const input = { caller: plainCaller(caller), rule, versions: undefined };
    await registry.access.metadata.write("takeOverTrustRule", input);
    return reply(await getTrustRule(registry.access, caller, rule));
  },
  async deleteTrustRule({ management: { registry }, caller, parameters: { rule }, versions }) {
    await registry.access.metadata.write("deleteTrustRule", { caller: plainCaller(caller), rule, versions });
    return { body: undefined };
  },
  listTrustPresets: () => Promise.resolve({ body: { items: trustPresets.map(showPreset) } }),
};

type GrantBody = BodyOf<typeof trustRuleEndpoints.createTrustRule>["grants"][number];

/** @throws RegistryError REQUEST_INVALID */
function readGrant({ namespace, repository, role = null, actions = [], tags = null }: GrantBody): TrustGrant {
  if ((namespace === undefined) === (repository === undefined)) {
    throw new RegistryError("REQUEST_INVALID", "a grant names a namespace or a repository: give one of them");
  }
  if (role === null && actions.length === 0) {
    throw new RegistryError("REQUEST_INVALID", "a grant gives nothing: give a role or actions");
  }
  const on = namespace === undefined ? { repository: repository! } : { namespace };
  return { on, role, actions, tags };
}

function reply(rule: TrustRule) {
  return { body: show(rule), version: versionOfTrustRule(rule.row) };
}

function show({ row, grants }: TrustRule): AnswerOf<typeof trustRuleEndpoints.getTrustRule> {
  const { id, name, description, issuer, audience } = row;
  return {
    ...{ id, name, description, issuer, audience },
    namespace: row.path,
    conditions: JSON.parse(row.conditions) as AnswerOf<typeof trustRuleEndpoints.getTrustRule>["conditions"],
    disabled: row.disabled !== 0,
    grants: grants.map(({ path, repository, role, actions, tags }) => ({
      ...(path === null ? { repository: repository ?? "" } : { namespace: path }),
      role: role as Role | null,
      actions: actions === null ? [] : (JSON.parse(actions) as Action[]),
      tags: tags === null ? null : (JSON.parse(tags) as string[]),
    })),
    sponsor: sponsorOf(row),
    madeWith: row.made_with,
    createdAt: timeOf(row.created_at),
    createdBy: row.created_by,
    changedAt: timeOf(row.changed_at),
  };
}

function sponsorOf({ sponsor_user: user, sponsor_login: robot }: TrustRule["row"]): string | null {
  if (user !== null) return `user:${user}`;
  return robot === null ? null : `robot:${robot}`;
}

function showPreset({ issuer, conditions, claims, ...rest }: (typeof trustPresets)[number]) {
  const open = conditions as AnswerOf<typeof trustRuleEndpoints.listTrustPresets>["items"][number]["conditions"];
  return { ...rest, issuer: issuer ?? null, conditions: open, claims: { ...claims } };
}
