import { hashPassword, operator } from "../../../src/access/index.ts";
import { parseConfig } from "../../../src/config.ts";
import { findRepository } from "../../../src/metadata/index.ts";
import type { Metadata } from "../../../src/metadata/index.ts";
import { openStores } from "../../../src/open-stores.ts";
import type { Action, Role } from "../../../src/policy/index.ts";
import type { Registry } from "../../../src/registry/index.ts";
import type { AllWrites } from "../../../src/writes.ts";
import { adminPassword, basicHeader } from "../management-client.ts";
import { indexOf, permit, putManifest, windowOf } from "../open-registry.ts";
import { callerOf, grant, makeAccount, makeNamespace, makeRobot, makeToken, makeTrustRule } from "../open-rights.ts";
import { KeptLog } from "../start-server.ts";

/** Somebody who asks, and what is true of it: the matrix works out from this what the server must say. */
export interface Player {
  /** Heads its column. */
  readonly name: string;
  /** Whether its credential is good; `none` shows nothing. */
  readonly credential: "none" | "good" | "bad";
  /** What it was given. */
  readonly grants: readonly { readonly role: Role; readonly on: string }[];
  /** What its token was narrowed to; undefined for all that its user may do. */
  readonly scope?: { readonly on: string; readonly actions: readonly Action[] };
  /** Name of the user that it is. */
  readonly user?: string;
  /** What it sends as `Authorization`. */
  readonly header: string | undefined;
  /** Fetches a registry token with its header for the repository that is asked for, and shows that. */
  readonly token?: readonly ("pull" | "push" | "delete")[];
  /** Which repository that token is for, where it is another. */
  readonly tokenFor?: string;
}

/** Namespaces: that of the roles, somebody else's, one whose repositories are public. A fourth, `none`, is not there. */
export const namespaces = { mine: "mine", hers: "hers", open: "open", none: "none" } as const;
/** A trust rule of each namespace that is private. */
export const rules = { mine: "rule-mine", hers: "rule-hers" } as const;

/** A webhook and a lifecycle run of each namespace that is private, and one that is not there. */
export const hooks = { mine: "1", hers: "2", none: "9" } as const;

/** Fills the rows of a data directory with everybody who asks, before a server opens it. */
export async function fillRows(data: string): Promise<Player[]> {
  const config = parseConfig({ data, open: false, listen: "127.0.0.1:0", ops: "off" });
  const stores = await openStores(config, new KeptLog());
  try {
    return await fill(stores.registry.metadata as unknown as Metadata<AllWrites>, stores.registry);
  } finally {
    await stores.close();
  }
}

const byOperator = { caller: callerOf(operator) };

async function fill(metadata: Metadata<AllWrites>, registry: Registry): Promise<Player[]> {
  const by = { principal: "system:test", credential: null, address: null, request: null, reason: null };
  await metadata.write("createFirstOwner", { by, name: "admin", password: await hashPassword(adminPassword) });
  const [mine, hers] = [await makeNamespace(metadata, namespaces.mine), await makeNamespace(metadata, namespaces.hers)];
  await makeNamespace(metadata, namespaces.open, true);
  const { id: crew } = await metadata.write("createGroup", { ...byOperator, name: "crew", once: undefined });
  for (const namespace of [namespaces.mine, namespaces.hers] as const) {
    const conditions = [{ claim: ["sub"], equals: "somebody" }];
    await makeTrustRule(metadata, { name: rules[namespace], namespace, issuer: "https://issuer.example", conditions });
  }
  for (const namespace of [namespaces.mine, namespaces.hers] as const) {
    // Where nothing may be sent to.
    const wish = { url: "http://127.0.0.1:1/", format: "cloudevents", events: null, repositories: null, tags: null };
    const hook = {
      on: { namespace },
      wish: { ...wish, description: null, disabled: true },
      secret: "",
      once: undefined,
    };
    const { id } = await metadata.write("createWebhook", { ...byOperator, ...hook });
    if (String(id) !== hooks[namespace]) throw new Error(`the webhook of ${namespace} is ${id}`);
    await makeRun(metadata, registry, namespace);
  }
  const players: Player[] = [
    { name: "anonymous", credential: "none", grants: [], header: undefined },
    { name: "server owner", credential: "good", user: "admin", ...given("owner", ""), header: admin() },
  ];
  const person = async (name: string, on?: number, role: Role = "reader") => {
    const account = await makeAccount(metadata, name);
    if (on !== undefined) await grant(metadata, { account }, { namespace: on }, role);
    return account;
  };
  const show = async (name: string, account: number, grants: Player["grants"], bearer = false) => {
    const { secret } = await makeToken(metadata, account, null, 3_600_000);
    const known = { credential: "good", grants, user: name } as const;
    players.push({ name, ...known, header: basicHeader(name, secret) });
    if (bearer) players.push({ name: `${name}, Bearer`, ...known, header: `Bearer ${secret}` });
  };
  await show("nobody", await person("nobody"), [], true);
  for (const role of ["reader", "writer", "maintainer", "owner"] as const) {
    await show(role, await person(role, mine, role), given(role, namespaces.mine).grants, true);
  }
  await show("stranger", await person("stranger", hers, "owner"), given("owner", namespaces.hers).grants);
  const member = await person("member");
  await metadata.write("changeMember", { ...byOperator, group: "crew", user: "member", member: true });
  await grant(metadata, { group: crew }, { namespace: mine }, "writer");
  await show("member", member, given("writer", namespaces.mine).grants);

  const boss = await person("boss", mine, "owner");
  const bossGrants = given("owner", namespaces.mine);
  const robot = await makeRobot(metadata, mine, "ci", { account: boss }, 3_600_000);
  await grant(metadata, { robot: robot.id }, { namespace: mine }, "writer");
  const robotHeader = basicHeader("robot_ci", robot.secret);
  players.push({ name: "robot", credential: "good", ...given("writer", namespaces.mine), header: robotHeader });
  const low = await person("low", mine, "reader");
  const proud = await makeRobot(metadata, mine, "proud", { account: low }, 3_600_000);
  await grant(metadata, { robot: proud.id }, { namespace: mine }, "owner");
  const proudHeader = basicHeader("robot_proud", proud.secret);
  players.push({
    name: "robot of a reader",
    credential: "good",
    ...given("reader", namespaces.mine),
    header: proudHeader,
  });
  const old = await makeRobot(metadata, mine, "old", { account: boss }, -1000);
  await grant(metadata, { robot: old.id }, { namespace: mine }, "owner");
  players.push({ name: "expired robot", credential: "bad", grants: [], header: basicHeader("token", old.secret) });

  const scoped = async (name: string, on: string, id: number, actions: readonly Action[]) => {
    const { secret } = await makeToken(metadata, boss, [{ namespace: { id, path: on }, actions }], 3_600_000);
    const scope = { on, actions };
    players.push({
      name,
      credential: "good",
      ...bossGrants,
      user: "boss",
      scope,
      header: basicHeader("token", secret),
    });
  };
  await scoped("owner, scope elsewhere", namespaces.hers, hers, ["pull", "push", "manage-access"]);
  await scoped("owner, scope pull", namespaces.mine, mine, ["pull"]);
  const late = await makeToken(metadata, boss, null, -1000);
  players.push({ name: "expired token", credential: "bad", grants: [], header: basicHeader("boss", late.secret) });
  const gone = await makeToken(metadata, boss, null, 3_600_000);
  await metadata.write("revokeTokens", { ...byOperator, user: "boss", token: gone.id });
  players.push({ name: "revoked token", credential: "bad", grants: [], header: basicHeader("boss", gone.secret) });
  players.push({ name: "token of another", credential: "bad", grants: [], header: swapped(players, "reader") });
  const barred = await person("barred", mine, "owner");
  const { secret } = await makeToken(metadata, barred, null, 3_600_000);
  const disabled = { display: undefined, email: undefined, disabled: true, versions: undefined };
  await metadata.write("updateUser", { ...byOperator, user: "barred", ...disabled });
  players.push({ name: "disabled user", credential: "bad", grants: [], header: basicHeader("barred", secret) });
  return [...players, ...withTokens(players)];
}

/** A lifecycle run of a repository, and something that it deleted. */
async function makeRun(metadata: Metadata<AllWrites>, registry: Registry, namespace: "mine" | "hers"): Promise<void> {
  const name = `${namespace}/run`;
  const repository = { repository: name, permit, visibility: "inherit", once: undefined } as const;
  await metadata.write("createRepository", repository);
  const { id } = (await metadata.read.first(findRepository, { name }))!;
  const { run } = await metadata.write("startLifecycleRun", { by: permit.by, target: { id, name }, confirms: null });
  if (String(run) !== hooks[namespace]) throw new Error(`the run of ${namespace} is ${run}`);
  const digest = await putManifest(registry, name, indexOf([]));
  await metadata.write("deleteManifest", {
    repository: name,
    permit,
    pin: 0,
    undoWindow: windowOf(86_400_000),
    digest,
    run,
  });
}

/** The same who fetch registry tokens, as docker does, and show those. */
function withTokens(players: readonly Player[]): Player[] {
  const all = ["pull", "push", "delete"] as const;
  const names = ["anonymous", "nobody", "reader", "writer", "maintainer", "owner", "stranger", "robot"];
  const found = [...names, "owner, scope pull"].map((name) => players.find((one) => one.name === name)!);
  const owner = players.find(({ name }) => name === "owner")!;
  return [
    ...found.map((one): Player => ({ ...one, name: `${one.name}, registry token`, token: all })),
    { ...owner, name: "owner, registry token for pull", token: ["pull"] },
    { ...owner, name: "owner, registry token for delete", token: ["delete"] },
    { ...owner, name: "owner, registry token for another", token: all, tokenFor: "mine/xyz" },
  ];
}

function given(role: Role, on: string): Pick<Player, "grants"> {
  return { grants: [{ role, on }] };
}

function admin(): string {
  return basicHeader("admin", adminPassword);
}

/** Somebody's token with the name of another user. */
function swapped(players: readonly Player[], name: string): string {
  const { header = "" } = players.find((one) => one.name === name)!;
  const [, secret = ""] = Buffer.from(header.slice(6), "base64").toString().split(":");
  return basicHeader("writer", secret);
}
