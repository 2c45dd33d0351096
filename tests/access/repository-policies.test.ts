import { expect } from "vitest";
import {
  authenticate,
  authorize,
  deleteRepositoryPolicy,
  explainAccess,
  findReach,
  findRepositoryPolicyText,
  listVisible,
  operator,
  setRepositoryPolicy,
} from "../../src/access/index.ts";
import type { Caller, Principal } from "../../src/access/index.ts";
import { mayActAs } from "../../src/access/aws/look-at-session.ts";
import { findRobot, findTrustRule as findTrust } from "../../src/metadata/index.ts";
import { parseRepositoryName, RegistryError } from "../../src/oci/index.ts";
import { actions, IamFault } from "../../src/policy/index.ts";
import type { Action } from "../../src/policy/index.ts";
import { createRepository, deleteRepository, renameRepository, restoreRepository } from "../../src/registry/index.ts";
import { describeEachDatabase } from "../support/each-database.ts";
import type { GuardedRows } from "../support/each-database.ts";
import {
  basic,
  callerOf,
  grant,
  makeAccount,
  makeNamespace,
  makeRobot,
  makeToken,
  makeTrustRule,
} from "../support/open-rights.ts";

/* Policies of repositories in IAM's form, through the whole of authorisation. */

const account = "123456789012";
const arn = (what: string) => `arn:aws:iam::${account}:${what}`;
const app = parseRepositoryName("team/app");
const other = parseRepositoryName("team/other");
const root = callerOf(operator);
const pulls = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];

await describeEachDatabase((it, prepare) => {
  let given: GuardedRows;
  const ids = new Map<string, number>();
  let team: number;
  prepare(async (rows) => {
    given = rows;
    const { metadata } = rows.database;
    team = await makeNamespace(metadata, "team");
    for (const name of ["owner", "reader", "stranger", "maintainer"]) {
      const id = await makeAccount(metadata, name);
      ids.set(name, id);
      if (name !== "stranger") await grant(metadata, { account: id }, { namespace: team }, name as "owner");
    }
    await createRepository(rows.registry, root, app, undefined);
    await createRepository(rows.registry, root, other, undefined);
  });

  const as = (name: string): Caller => callerOf(principalOf("account", ids.get(name)!, `user:${name}`));
  const principalOf = (kind: Principal["kind"], id: number, name: string): Principal => ({
    ...{ kind, id, name, credential: "none", limits: [] },
  });
  const put = (by: Caller, statements: readonly object[], force = false, repository = app) => {
    const text = JSON.stringify({ Version: "2012-10-17", Statement: statements });
    return setRepositoryPolicy(given.registry.access, by, { repository, account, text, force });
  };
  const may = async (caller: Caller, action: Action, name = app) => {
    try {
      await authorize(given.registry.access, caller, action, name);
      return true;
    } catch (error) {
      if (error instanceof RegistryError && /^(?:DENIED|UNAUTHORIZED)$/.test(error.code)) return false;
      throw error;
    }
  };
  const messageOf = (work: Promise<unknown>) =>
    work.then(
      () => "",
      (error: unknown) => (error as Error).message,
    );

  it("an Allow lets somebody in whom no grant names, for what it says, and ends with the policy", async () => {
    await put(as("owner"), [{ Sid: "In", Effect: "Allow", Principal: { AWS: arn("user/stranger") }, Action: pulls }]);
    expect(await may(as("stranger"), "pull")).toBe(true);
    expect(await may(as("stranger"), "push")).toBe(false);
    expect(await may(as("stranger"), "pull", other)).toBe(false);
    const { reason } = await explainAccess(given.registry.access, as("stranger"), {
      ...{ principal: undefined, action: "pull", on: { repository: app }, tag: undefined },
    });
    expect(reason).toBe('statement 1 (Sid "In") of the policy of team/app allows ecr:BatchGetImage');
    await deleteRepositoryPolicy(given.registry.access, as("owner"), app);
    expect(await may(as("stranger"), "pull")).toBe(false);
  });

  it("a Deny wins over grants and every Allow, also for owners, who can still repair it", async () => {
    expect(await may(as("owner"), "pull")).toBe(true);
    await put(as("owner"), [
      { Effect: "Allow", Principal: "*", Action: "ecr:*" },
      { Sid: "No", Effect: "Deny", Principal: "*", Action: pulls },
    ]);
    for (const who of ["owner", "reader", "stranger"]) expect(await may(as(who), "pull"), who).toBe(false);
    expect(await messageOf(Promise.resolve(authorize(given.registry.access, as("owner"), "pull", app)))).toContain(
      'statement 2 (Sid "No") of the policy of team/app denies ecr:BatchGetImage',
    );
    await put(as("owner"), [{ Effect: "Deny", Principal: "*", Action: "ecr:*" }], true);
    expect(await may(as("owner"), "push")).toBe(false);
    expect(await findRepositoryPolicyText(given.registry.access, as("owner"), app)).toContain("ecr:*");
    await deleteRepositoryPolicy(given.registry.access, as("owner"), app);
    expect(await may(as("reader"), "pull")).toBe(true);
  });

  it("without force no policy is taken that keeps its author from setting another", async () => {
    const lock = [{ Effect: "Deny", Principal: "*", Action: "ecr:SetRepositoryPolicy" }];
    expect(await messageOf(put(as("owner"), lock))).toContain("statement 1 of the policy of team/app denies");
    expect(await findRepositoryPolicyText(given.registry.access, as("owner"), app)).toBeUndefined();
    await put(as("owner"), lock, true);
  });

  it("whoever is refused anyway is not told of a policy", async () => {
    const absent = await messageOf(
      Promise.resolve(authorize(given.registry.access, as("stranger"), "pull", parseRepositoryName("team/gone"))),
    );
    await put(as("owner"), [{ Effect: "Deny", Principal: "*", Action: pulls }]);
    const present = await messageOf(Promise.resolve(authorize(given.registry.access, as("stranger"), "pull", app)));
    expect(present).toBe(absent.replace("team/gone", "team/app"));
  });

  it("lists have what an Allow adds and not what a Deny takes, also where it asks for an address", async () => {
    const list = (caller: Caller, after = "", limit = 10) => listVisible(given.registry.access, caller, after, limit);
    await put(as("owner"), [
      { Effect: "Allow", Principal: { AWS: arn("user/stranger") }, Action: pulls },
      {
        ...{ Effect: "Deny", Principal: { AWS: arn("user/reader") }, Action: "ecr:BatchGetImage" },
        Condition: { IpAddress: { "aws:SourceIp": "192.0.2.0/24" } },
      },
    ]);
    expect(await list(as("stranger"))).toEqual(["team/app"]);
    expect(await list(as("reader"))).toEqual(["team/other"]);
    expect(await list({ ...as("reader"), address: "198.51.100.7" })).toEqual(["team/app", "team/other"]);
    expect(await list(as("reader"), "", 1)).toEqual(["team/other"]);
    expect(await list(as("owner"), "", 1)).toEqual(["team/app"]);
    expect(await list(as("owner"), "team/app", 1)).toEqual(["team/other"]);
    const reach = await findReach(given.registry.access, as("stranger"), "pull");
    expect(reach.repositories.map(({ name }) => name)).toEqual(["team/app"]);
    expect((await findReach(given.registry.access, as("reader"), "pull")).without.size).toBe(1);
    // What one address may is not remembered for another.
    expect(await may({ ...as("reader"), address: "198.51.100.7" }, "pull")).toBe(true);
    expect(await may(as("reader"), "pull")).toBe(false);
  });

  it("an operation of ECR is judged by its own name, and gives nothing else", async () => {
    await put(as("owner"), [
      { Effect: "Deny", Principal: { AWS: arn("user/reader") }, Action: "ecr:DescribeImages" },
      { Effect: "Allow", Principal: { AWS: arn("user/stranger") }, Action: "ecr:PutImage" },
    ]);
    const call = (who: string, operation: string): Caller => ({ ...as(who), operation });
    expect(await may(as("reader"), "pull")).toBe(true);
    expect(await may(call("reader", "ecr:DescribeImages"), "pull")).toBe(false);
    expect(await may(call("reader", "ecr:BatchGetImage"), "pull")).toBe(true);
    const permit = await authorize(given.registry.access, call("stranger", "ecr:PutImage"), "push", app);
    // To set roles free that settings make exceptions for takes more than one operation.
    expect([permit.mayOverwrite, permit.roles]).toEqual([true, {}]);
    expect(await may(call("stranger", "ecr:PutImage"), "manage-settings")).toBe(false);
    expect(await may(as("stranger"), "push")).toBe(false);
  });

  it("nobody allows what they do not have, and who may not manage access sets no policy", async () => {
    const metadata = given.database.metadata;
    await grant(metadata, { account: ids.get("stranger")! }, { namespace: team }, ["manage-access", "pull"]);
    const allow = (Action: string) => [{ Effect: "Allow", Principal: "*", Action }];
    expect(await messageOf(put(as("stranger"), allow("ecr:PutImage")))).toContain("that takes push there");
    await put(as("stranger"), allow("ecr:BatchGetImage"));
    for (const who of ["maintainer", "reader"]) {
      await expect(put(as(who), allow("ecr:BatchGetImage"))).rejects.toMatchObject({ code: "DENIED" });
      await expect(deleteRepositoryPolicy(given.registry.access, as(who), app)).rejects.toMatchObject({
        code: "DENIED",
      });
    }
  });

  it("the limits of a token, and of who answers for a robot or a trust rule, hold whatever a policy allows", async () => {
    const { metadata } = given.database;
    const { access } = given.registry;
    const id = ids.get("reader")!;
    const scope = [{ namespace: { id: team, path: "team" }, actions: ["pull"] as const }];
    const { secret } = await makeToken(metadata, id, scope);
    const narrowed = callerOf(await authenticate(access, basic("reader", secret)));
    const robot = await makeRobot(metadata, team, "ci", { account: id });
    const rule = await makeTrustRule(metadata, {
      ...{ name: "deploy", issuer: "https://issuer.example", conditions: [{ claim: ["sub"], equals: "x" }] },
      caller: as("owner"),
      namespace: "team",
    });
    await put(as("owner"), [
      {
        Effect: "Allow",
        Principal: { AWS: [arn("user/reader"), arn("role/robot_ci"), arn("role/deploy")] },
        Action: "ecr:*",
      },
    ]);
    expect([await may(as("reader"), "push"), await may(narrowed, "push")]).toEqual([true, false]);
    const asRobot = callerOf(principalOf("robot", robot.id, "robot:robot_ci"));
    expect(await may(asRobot, "push")).toBe(true);
    const workload = { ...principalOf("workload", rule, "workload:deploy/x"), rules: [{ id: rule, revision: 0 }] };
    const revision = (await access.metadata.read.first(findTrust, { rule }))!.revision;
    const asWorkload = callerOf({ ...workload, rules: [{ id: rule, revision }] });
    expect(await may(asWorkload, "push")).toBe(true);
    // Whoever answers for it may push no more: the robot's own Allow gives it no more than that.
    await put(as("owner"), [{ Effect: "Allow", Principal: { AWS: [arn("role/robot_ci")] }, Action: "ecr:*" }]);
    expect([await may(asRobot, "push"), await may(asRobot, "pull")]).toEqual([false, true]);
    await put(as("owner"), [
      { Effect: "Allow", Principal: { AWS: [arn("role/robot_ci")] }, Action: "ecr:*" },
      { Effect: "Deny", Principal: { AWS: arn("user/reader") }, Action: pulls },
    ]);
    expect(await may(asRobot, "pull")).toBe(false);
  });

  it("nobody acts as a robot, or sees a new secret of it, that a policy lets do what they may not", async () => {
    const { metadata } = given.database;
    const { access } = given.registry;
    const { id } = await makeRobot(metadata, team, "ci", { account: ids.get("owner")! });
    const robot = (await metadata.read.first(findRobot, { robot: id }))!;
    const { principal } = as("maintainer");
    const rotate = () =>
      metadata.write("rotateRobot", {
        ...{ caller: as("maintainer"), path: "team", robot: "ci", hash: "h", age: 1_000, overlap: 0, once: undefined },
      });
    expect(await mayActAs(access, principal, robot)).toBe(true);
    // What everybody may alike tells nobody apart.
    const net = { IpAddress: { "aws:SourceIp": "192.0.2.0/24" } };
    await put(as("owner"), [
      { Effect: "Allow", Principal: "*", Action: pulls, Condition: net },
      { Effect: "Deny", Principal: "*", Action: pulls, Condition: { NotIpAddress: net.IpAddress } },
    ]);
    expect(await mayActAs(access, principal, robot)).toBe(true);
    await put(as("owner"), [
      { Effect: "Allow", Principal: { AWS: arn("role/robot_ci") }, Action: "ecr:SetRepositoryPolicy" },
    ]);
    expect(await mayActAs(access, principal, robot)).toBe(false);
    await expect(rotate()).rejects.toMatchObject({ code: "DENIED" });
    await put(as("owner"), [
      { Effect: "Allow", Principal: "*", Action: pulls, Condition: { ArnLike: { "aws:PrincipalArn": arn("role/*") } } },
      { Effect: "Deny", Principal: { AWS: arn("user/maintainer") }, Action: pulls },
    ]);
    expect(await mayActAs(access, principal, robot)).toBe(false);
    await deleteRepositoryPolicy(access, as("owner"), app);
    await rotate();
  });

  it("a policy names who has a name now, goes along with a rename, and comes back with what was deleted", async () => {
    const { database } = given;
    const undoWindow = { standard: 60_000, longest: 60_000 };
    const registry = { ...given.registry, settings: { ...given.registry.settings, undoWindow } };
    const missing = await put(as("owner"), [
      { Effect: "Deny", Principal: { AWS: arn("user/nobody") }, Action: "ecr:*" },
    ]).catch((error: unknown) => error);
    expect(missing).toBeInstanceOf(IamFault);
    await put(as("owner"), [{ Effect: "Allow", Principal: { AWS: arn("user/stranger") }, Action: pulls }]);
    const moved = parseRepositoryName("team/moved");
    await renameRepository(registry, root, app, moved, undefined, false);
    expect([await may(as("stranger"), "pull", moved), await may(as("stranger"), "pull")]).toEqual([true, false]);
    expect(await listVisible(registry.access, as("stranger"), "", 10)).toEqual(["team/moved"]);
    await deleteRepository(registry, root, moved, undefined);
    expect(await may(as("stranger"), "pull", moved)).toBe(false);
    await createRepository(registry, root, app, undefined);
    expect(await may(as("stranger"), "pull")).toBe(false);
    await restoreRepository(registry, root, moved);
    expect(await may(as("stranger"), "pull", moved)).toBe(true);
    await database.metadata.write("deleteUser", { caller: root, user: "stranger", versions: undefined });
    ids.set("stranger", await makeAccount(database.metadata, "stranger"));
    expect(await may(as("stranger"), "pull", moved)).toBe(false);
  });

  it("a Deny that is added never allows more, for anybody, through all that decides", async () => {
    const people = ["owner", "reader", "stranger", "maintainer"];
    const decide = async () =>
      (await Promise.all(people.flatMap((who) => actions.map((action) => may(as(who), action))))).map(Number);
    const bits = [3, 5, 6, 9, 10, 12, 7, 14];
    const named = ["ecr:*", ...pulls, "ecr:PutImage", "ecr:Put*", "ecr:Batch*", "ecr:Delete*"];
    const statementOf = (seed: number, Effect: string) => ({
      Effect,
      Principal: {
        AWS: people.filter((_who, at) => (bits[seed % bits.length]! >> at) & 1).map((who) => arn(`user/${who}`)),
      },
      Action: named[(seed * 5) % named.length],
    });
    for (let seed = 0; seed < 12; seed++) {
      const allows = [statementOf(seed, "Allow"), statementOf(seed * 3 + 1, "Allow")];
      await put(root, allows, true);
      const before = await decide();
      await put(root, [...allows, statementOf(seed * 7 + 2, "Deny")], true);
      const after = await decide();
      expect(
        after.every((allowed, at) => allowed <= before[at]!),
        `seed ${seed}`,
      ).toBe(true);
    }
  });
});
