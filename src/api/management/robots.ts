import {
  getNamespaceAt,
  hashSecret,
  newAccessKey,
  newSecret,
  plainCaller,
  versionOfRobot,
} from "../../access/index.ts";
import { apiPrefix } from "../../contract/index.ts";
import type { robotEndpoints } from "../../contract/index.ts";
import {
  findAccessKeyOfSecret,
  findRobotByName,
  listGrantsOfRobot,
  listRobotSecrets,
  listRobots,
} from "../../metadata/index.ts";
import type { PlacedGrant, ShownRobot } from "../../metadata/index.ts";
import { RegistryError } from "../../oci/index.ts";
import type { Registry } from "../../registry/index.ts";
import type { HandlersOf } from "./call.ts";
import { forgotten } from "./forgotten.ts";
import { answerPage, findTime, timeOf } from "./page.ts";

/** How long an old secret stays good when nobody says, in seconds. */
const standardOverlap = 86_400;

export const robotHandlers: HandlersOf<typeof robotEndpoints> = {
  async listRobots({ management: { registry }, parameters, query }) {
    const { id: namespace } = await getNamespaceAt(registry.access, parameters.path);
    const { items, next } = await answerPage(
      query,
      async ({ after = "", limit }) => registry.metadata.read.all(listRobots, { namespace, after, limit }),
      ({ name }) => name,
      (row) => row,
    );
    return { body: { items: await Promise.all(items.map((row) => show(registry, row))), next } };
  },
  async createRobot({ management: { registry }, caller, parameters: { path }, body, once }) {
    const { name, description = null, expiresIn, aws } = body;
    const scope = (body.scope ?? []).map(({ role = null, actions = [], tags = null, ...on }) => {
      return { on: "namespace" in on ? { namespace: on.namespace } : on, role, actions, tags };
    });
    const { kept, ...made } = newCredential(registry, aws);
    const age = expiresIn === undefined ? registry.access.settings.robotAge : expiresIn * 1000;
    const robot = { path, name, description, ...kept, scope, age, once };
    const { replayed } = await registry.access.metadata.write("enrolRobot", { caller: plainCaller(caller), ...robot });
    const row = await reply(registry, path, name);
    const location = `${apiPrefix}/namespaces/${path === "" ? "" : `${path}/`}-/robots/${name}`;
    const shown = replayed ? forgotten(made.secrets) : { ...made.secrets, ...made.names };
    return { ...row, body: { ...row.body, ...shown }, replayed, location };
  },
  getRobot: ({ management: { registry }, parameters: { path, robot } }) => reply(registry, path, robot),
  async updateRobot({ management: { registry }, caller, parameters: { path, robot }, body, versions }) {
    const { description, disabled } = body;
    const input = { caller: plainCaller(caller), path, robot, versions, description, disabled };
    await registry.access.metadata.write("updateRobot", input);
    return reply(registry, path, robot);
  },
  async deleteRobot({ management: { registry }, caller, parameters: { path, robot }, versions }) {
    await registry.access.metadata.write("deleteRobot", { caller: plainCaller(caller), path, robot, versions });
    return { body: undefined };
  },
  async rotateRobot({ management: { registry }, caller, parameters: { path, robot }, body, once }) {
    const { overlap = standardOverlap, expiresIn, aws } = body;
    const { kept, ...made } = newCredential(registry, aws);
    const age = expiresIn === undefined ? registry.access.settings.robotAge : expiresIn * 1000;
    const change = { path, robot, ...kept, age, overlap: overlap * 1000, once };
    const { replayed } = await registry.access.metadata.write("rotateRobot", {
      caller: plainCaller(caller),
      ...change,
    });
    const rotated = await reply(registry, path, robot);
    const shown = replayed ? forgotten(made.secrets) : { ...made.secrets, ...made.names };
    return { ...rotated, body: { ...rotated.body, ...shown }, replayed };
  },
  async takeOverRobot({ management: { registry }, caller, parameters: { path, robot } }) {
    await registry.access.metadata.write("takeOverRobot", { caller: plainCaller(caller), path, robot });
    return reply(registry, path, robot);
  },
};

/** What is kept of a new credential, and what is shown of it once: a secret, or a key pair instead. */
function newCredential({ access }: Registry, aws = false) {
  const secret = newSecret("robot");
  const hash = hashSecret(secret);
  if (!aws) return { kept: { hash }, secrets: { secret }, names: {} };
  const { kept, shown } = newAccessKey(access);
  return {
    kept: { hash, accessKey: kept },
    secrets: { secretAccessKey: shown.secret },
    names: { accessKeyId: shown.id },
  };
}

/** @throws RegistryError NAMESPACE_UNKNOWN, NOT_FOUND */
async function reply(registry: Registry, path: string, name: string) {
  const { id: namespace } = await getNamespaceAt(registry.access, path);
  const row = await registry.metadata.read.first(findRobotByName, { namespace, name });
  if (row === undefined) throw new RegistryError("NOT_FOUND", `there is no robot ${name} in this namespace`);
  return { body: await show(registry, row), version: versionOfRobot(row) };
}

async function show({ metadata: { read } }: Registry, row: ShownRobot) {
  const { id, path, name, login, description, sponsor_user: user, sponsor_login: robot } = row;
  const secrets = await read.all(listRobotSecrets, { robot: id });
  const grants = await read.all(listGrantsOfRobot, { robot: id });
  const now = Date.now();
  const good = secrets.filter(({ expires_at: expires }) => expires > now);
  const keys = await Promise.all(good.map(async (one) => read.first(findAccessKeyOfSecret, { secret: one.id })));
  return {
    ...{ id, namespace: path, name, login, description },
    sponsor: user === null ? (robot === null ? null : `robot:${robot}`) : `user:${user}`,
    scope: grants.map(showRights),
    secrets: good.map((one, index) => ({
      id: one.id,
      createdAt: timeOf(one.created_at),
      expiresAt: timeOf(one.expires_at),
      ...(keys[index] && { accessKeyId: keys[index].id }),
      madeWith: one.made_with,
    })),
    disabled: row.disabled !== 0,
    createdAt: timeOf(row.created_at),
    expiresAt: timeOf(row.expires_at),
    usedAt: findTime(row.used_at),
  };
}

function showRights({ path, repository, role, actions, tags }: PlacedGrant) {
  return {
    ...(path === null ? { repository: repository ?? "" } : { namespace: path }),
    role,
    actions: actions === null ? [] : (JSON.parse(actions) as string[]),
    tags: tags === null ? null : (JSON.parse(tags) as string[]),
  };
}
