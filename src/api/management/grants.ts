import { explainAccess, getNamespaceAt, mayGiveNow, plainCaller } from "../../access/index.ts";
import type { Access, Caller, NamedPlace, NamedSubject } from "../../access/index.ts";
import { apiPrefix } from "../../contract/index.ts";
import type { BodyOf, grantEndpoints } from "../../contract/index.ts";
import { findGrant, findRepository, listGrantsOnNamespace, listGrantsOnRepository } from "../../metadata/index.ts";
import type { NamedGrant } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import type { Action, Role } from "../../policy/index.ts";
import type { Call, HandlersOf } from "./call.ts";
import { answerPage, numberAfter, timeOf } from "./page.ts";

type Given = BodyOf<typeof grantEndpoints.createNamespaceGrant>;

export const grantHandlers: HandlersOf<typeof grantEndpoints> = {
  async listNamespaceGrants({ management: { registry }, parameters, query }) {
    const { id: namespace } = await getNamespaceAt(registry.access, parameters.path);
    const { read } = registry.metadata;
    const page = await answerPage(
      query,
      async ({ after, limit }) => read.all(listGrantsOnNamespace, { namespace, after: numberAfter(after), limit }),
      ({ id }) => String(id),
      (row) => row,
    );
    return { body: { ...page, items: await showGrants(registry.access, page.items) } };
  },
  createNamespaceGrant: (call) => give(call, { namespace: call.parameters.path }),
  getNamespaceGrant: (call) => find(call, { namespace: call.parameters.path }, call.parameters.grant),
  deleteNamespaceGrant: (call) => take(call, { namespace: call.parameters.path }, call.parameters.grant),
  async listRepositoryGrants({ management: { registry }, permit, parameters: { name }, query }) {
    const { read } = registry.metadata;
    const found = await read.first(findRepository, { name });
    // Open mode asks about none in particular.
    const other = permit?.repository !== undefined && permit.repository !== found?.id;
    if (found === undefined || other) throw new RegistryError("NAME_UNKNOWN", `there is no repository ${name}`);
    const page = await answerPage(
      query,
      async ({ after, limit }) =>
        read.all(listGrantsOnRepository, { repository: found.id, after: numberAfter(after), limit }),
      ({ id }) => String(id),
      (row) => row,
    );
    return { body: { ...page, items: await showGrants(registry.access, page.items) } };
  },
  createRepositoryGrant: (call) => give(call, { repository: call.parameters.name }),
  getRepositoryGrant: (call) => find(call, { repository: call.parameters.name }, call.parameters.grant),
  deleteRepositoryGrant: (call) => take(call, { repository: call.parameters.name }, call.parameters.grant),
  async explainAccess({ management: { registry }, caller, query }) {
    const { principal, action, name, namespace, tag } = query;
    if ((name === undefined) === (namespace === undefined)) {
      throw new RegistryError("REQUEST_INVALID", "say one of `name`, a repository, and `namespace`");
    }
    const on: NamedPlace =
      name === undefined ? { namespace: namespace === "-" ? "" : namespace! } : { repository: name };
    const explained = await explainAccess(registry.access, caller, { principal, action, on, tag });
    const { grants, tags } = explained;
    const rows = await Promise.all(grants.map(async (grant) => registry.metadata.read.first(findGrant, { grant })));
    const shown = await showGrants(
      registry.access,
      rows.filter((row) => row !== undefined),
    );
    return { body: { ...explained, grants: shown, tags: tags.map((list) => [...list]) } };
  },
};

async function give(
  {
    management: { registry },
    caller,
    body,
    once,
  }: Pick<Call<typeof grantEndpoints.createNamespaceGrant>, "management" | "caller" | "body" | "once">,
  on: NamedPlace,
) {
  const { role = null, actions = [], tags = null } = body;
  const input = { caller: plainCaller(caller), to: subjectOf(body), on, role, actions, tags, once };
  const { id, replayed } = await registry.access.metadata.write("giveGrant", input);
  const row = await registry.metadata.read.first(findGrant, { grant: id });
  if (row === undefined) throw new RegistryError("NOT_FOUND", "the grant was given, and taken away meanwhile");
  const place =
    "namespace" in on
      ? `namespaces/${on.namespace === "" ? "" : `${on.namespace}/`}`
      : `repositories/${on.repository}/`;
  return { body: await showGrant(registry.access, row), replayed, location: `${apiPrefix}/${place}-/grants/${id}` };
}

async function find(
  { management: { registry }, permit }: Pick<Call<typeof grantEndpoints.getRepositoryGrant>, "management" | "permit">,
  on: NamedPlace,
  grant: number,
) {
  const row = await registry.metadata.read.first(findGrant, { grant });
  const here = "namespace" in on ? row?.path === on.namespace : row?.repository === on.repository;
  const other = permit?.repository !== undefined && permit.repository !== row?.repository_id;
  // A grant of another place is none.
  if (row === undefined || !here || other) {
    throw new RegistryError(
      "NOT_FOUND",
      `there is no grant ${grant} on ${"namespace" in on ? on.namespace || "the root namespace" : on.repository}`,
    );
  }
  return { body: await showGrant(registry.access, row) };
}

async function take(
  {
    management,
    caller,
  }: { readonly management: { readonly registry: { readonly access: Access } }; readonly caller: Caller },
  on: NamedPlace,
  grant: number,
) {
  const input = { caller: plainCaller(caller), on, grant };
  await management.registry.access.metadata.write("takeGrant", input);
  return { body: undefined };
}

function subjectOf({ to }: Given): NamedSubject {
  if ("user" in to) return { kind: "user", name: to.user };
  if ("group" in to) return { kind: "group", name: to.group };
  return "robot" in to ? { kind: "robot", name: to.robot } : { kind: "trust", name: to.trust };
}

function showGrants(access: Access, rows: readonly NamedGrant[]) {
  return Promise.all(rows.map((row) => showGrant(access, row)));
}

async function showGrant(access: Access, row: NamedGrant) {
  const { id, user, group, robot, trust, path, repository, role, actions, tags } = row;
  return {
    id,
    to: { ...(user && { user }), ...(group && { group }), ...(robot && { robot }), ...(trust && { trust }) },
    on: path === null ? { repository: repository ?? "" } : { namespace: path },
    role: role as Role | null,
    actions: actions === null ? [] : (JSON.parse(actions) as Action[]),
    tags: tags === null ? null : (JSON.parse(tags) as string[]),
    createdAt: timeOf(row.created_at),
    createdBy: row.created_by,
    giverMay: await mayGiveNow(access, row),
  };
}
