import { expect } from "vitest";
import {
  authorize,
  authorizeNamespace,
  deleteRegistryPolicy,
  explainAccess,
  findReach,
  findRegistryPolicyText,
  listVisible,
  operator,
  putRegistryPolicy,
  setRepositoryPolicy,
} from "../../src/access/index.ts";
import type { Caller, Principal } from "../../src/access/index.ts";
import { mayActAs } from "../../src/access/aws/look-at-session.ts";
import { findRepository, findRobot } from "../../src/metadata/index.ts";
import { parseRepositoryName, RegistryError } from "../../src/oci/index.ts";
import { actions, IamFault } from "../../src/policy/index.ts";
import type { Action } from "../../src/policy/index.ts";
import { createRepository } from "../../src/registry/index.ts";
import { describeEachDatabase } from "../support/each-database.ts";
import type { GuardedRows } from "../support/each-database.ts";
import { callerOf, grant, makeAccount, makeNamespace, makeRobot } from "../support/open-rights.ts";

/* Policies of registries in IAM's form, through the whole of authorisation: account 123456789012 is the namespace team. */

const account = "123456789012";
const arn = (what: string) => `arn:aws:iam::${account}:${what}`;
const repository = (name: string) => `arn:aws:ecr:eu-central-1:${account}:repository/${name}`;
const app = parseRepositoryName("team/app");
const other = parseRepositoryName("team/other");
const outside = parseRepositoryName("else/app");
const fresh = parseRepositoryName("team/fresh");
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
    const beside = await makeNamespace(metadata, "else");
    for (const name of ["owner", "reader", "stranger", "maintainer"]) {
      const id = await makeAccount(metadata, name);
      ids.set(name, id);
      if (name === "stranger") continue;
      await grant(metadata, { account: id }, { namespace: team }, name as "owner");
      await grant(metadata, { account: id }, { namespace: beside }, name as "owner");
    }
    for (const name of [app, other, outside]) await createRepository(rows.registry, root, name, undefined);
  });

  const principalOf = (kind: Principal["kind"], id: number, name: string): Principal => ({
    ...{ kind, id, name, credential: "none", limits: [] },
  });
  const as = (name: string): Caller => callerOf(principalOf("account", ids.get(name)!, `user:${name}`));
  const put = (by: Caller, statements: readonly object[], namespace = "team") => {
    const text = JSON.stringify({ Version: "2012-10-17", Statement: statements });
    return putRegistryPolicy(given.registry.access, by, { account, namespace }, text);
  };
  const allowed = async (work: unknown) => {
    try {
      await work;
      return true;
    } catch (error) {
      if (error instanceof RegistryError && /^(?:DENIED|UNAUTHORIZED)$/.test(error.code)) return false;
      throw error;
    }
  };
  const may = (caller: Caller, action: Action, name = app) =>
    allowed(authorize(given.registry.access, caller, action, name));
  const mayIn = (caller: Caller, operation: string, action: Action, path = "team") =>
    allowed(authorizeNamespace(given.registry.access, { ...caller, operation }, action, path));
  const messageOf = (work: Promise<unknown>) =>
    work.then(
      () => "",
      (error: unknown) => (error as Error).message,
    );
  const list = (who: string, limit = 10) => listVisible(given.registry.access, as(who), "", limit);

  it("an Allow lets somebody into the repositories that it names, in the registry alone, and ends with the policy", async () => {
    const statement = { Sid: "In", Effect: "Allow", Principal: { AWS: arn("user/stranger") }, Action: pulls };
    await put(as("owner"), [{ ...statement, Resource: repository("ap*") }]);
    expect([await may(as("stranger"), "pull"), await may(as("stranger"), "push")]).toEqual([true, false]);
    expect([await may(as("stranger"), "pull", other), await may(as("stranger"), "pull", outside)]).toEqual([
      false,
      false,
    ]);
    expect(await list("stranger")).toEqual(["team/app"]);
    expect(await list("reader", 1)).toEqual(["else/app"]);
    expect((await findReach(given.registry.access, as("stranger"), "pull")).repositories).toMatchObject([
      { name: "team/app" },
    ]);
    const { reason } = await explainAccess(given.registry.access, as("stranger"), {
      ...{ principal: undefined, action: "pull", on: { repository: app }, tag: undefined },
    });
    expect(reason).toBe('statement 1 (Sid "In") of the policy of the registry team allows ecr:BatchGetImage');
    await deleteRegistryPolicy(given.registry.access, as("owner"), "team");
    expect([await may(as("stranger"), "pull"), await list("stranger")]).toEqual([false, []]);
  });

  it("a Deny wins over grants and what a repository's policy allows, for owners, too", async () => {
    const { access } = given.registry;
    const allow = [{ Effect: "Allow", Principal: "*", Action: pulls }];
    const text = JSON.stringify({ Version: "2012-10-17", Statement: allow });
    await setRepositoryPolicy(access, as("owner"), { repository: app, account, text, force: false });
    await put(as("owner"), [{ Sid: "No", Effect: "Deny", Principal: "*", Action: pulls, Resource: repository("app") }]);
    for (const who of ["owner", "reader", "stranger"]) {
      expect(await may(as(who), "pull"), who).toBe(false);
      expect(await list(who), who).toEqual(who === "stranger" ? [] : ["else/app", "team/other"]);
    }
    expect((await findReach(access, as("reader"), "pull")).without.size).toBe(1);
    expect(await may(as("reader"), "pull", other)).toBe(true);
    expect(await messageOf(Promise.resolve(authorize(access, as("reader"), "pull", app)))).toContain(
      'statement 1 (Sid "No") of the policy of the registry team denies ecr:BatchGetImage',
    );
    await put(as("owner"), [{ Effect: "Deny", Principal: "*", Action: "*", Resource: "*" }]);
    expect(await may(as("owner"), "push", other)).toBe(false);
    // The policy itself can always be changed by those who manage access.
    expect(await findRegistryPolicyText(access, as("owner"), "team")).toContain('"Deny"');
    await deleteRegistryPolicy(access, as("owner"), "team");
    expect(await may(as("owner"), "push", other)).toBe(true);
  });

  it("who may make repositories is said of names that are not there yet, for pushes as well", async () => {
    const make = (who: string, Effect: string, Resource: string) => ({
      ...{ Effect, Principal: { AWS: arn(`user/${who}`) }, Action: "ecr:CreateRepository", Resource },
    });
    await put(as("owner"), [
      make("reader", "Allow", repository("fresh")),
      make("maintainer", "Deny", repository("fr*")),
    ]);
    expect(await may(as("reader"), "create-repository", fresh)).toBe(true);
    expect(await may(as("reader"), "create-repository", parseRepositoryName("team/frost"))).toBe(false);
    expect(await may(as("maintainer"), "create-repository", fresh)).toBe(false);
    expect(await may(as("maintainer"), "push", fresh)).toBe(false);
    expect(await may(as("maintainer"), "push", parseRepositoryName("team/new"))).toBe(true);
    await createRepository(given.registry, as("reader"), fresh, undefined);
  });

  it("what is done to the registry is judged by its operation where everything is meant, and by no other door", async () => {
    const statement = { Effect: "Deny", Principal: "*", Action: "ecr:Put*" };
    await put(as("owner"), [{ ...statement, Resource: repository("*") }]);
    expect(await mayIn(as("maintainer"), "ecr:PutReplicationConfiguration", "manage-settings")).toBe(true);
    await put(as("owner"), [
      { ...statement, Resource: "*" },
      { Effect: "Allow", Principal: { AWS: arn("user/stranger") }, Action: "ecr:DescribeRegistry", Resource: "*" },
    ]);
    expect(await mayIn(as("maintainer"), "ecr:PutReplicationConfiguration", "manage-settings")).toBe(false);
    expect(await mayIn(as("maintainer"), "ecr:PutReplicationConfiguration", "manage-settings", "else")).toBe(true);
    expect(await mayIn(as("stranger"), "ecr:DescribeRegistry", "pull")).toBe(true);
    expect(await mayIn(as("stranger"), "ecr:GetAccountSetting", "pull")).toBe(false);
    const { access } = given.registry;
    expect(await allowed(authorizeNamespace(access, as("maintainer"), "manage-settings", "team"))).toBe(true);
    expect(await allowed(authorizeNamespace(access, as("stranger"), "pull", "team"))).toBe(false);
  });

  it("nobody allows what they do not have in the whole registry, and who may not manage access puts no policy", async () => {
    const { metadata } = given.database;
    await grant(metadata, { account: ids.get("stranger")! }, { namespace: team }, ["manage-access", "pull"]);
    const allow = (Action: string) => [{ Effect: "Allow", Principal: "*", Action, Resource: repository("app") }];
    expect(await messageOf(put(as("stranger"), allow("ecr:PutImage")))).toContain(
      "that takes push there, for all tags",
    );
    expect(await messageOf(put(as("stranger"), allow("ecr:PutReplicationConfiguration")))).toContain(
      "may not allow ecr:PutReplicationConfiguration on namespace team",
    );
    await put(as("stranger"), allow("ecr:BatchGetImage"));
    for (const who of ["maintainer", "reader"]) {
      await expect(put(as(who), allow("ecr:BatchGetImage"))).rejects.toMatchObject({ code: "DENIED" });
      await expect(deleteRegistryPolicy(given.registry.access, as(who), "team")).rejects.toMatchObject({
        code: "DENIED",
      });
    }
    // What the registry denies somebody they do not give by a repository's policy.
    const deny = { Effect: "Deny", Principal: { AWS: arn("user/stranger") }, Action: pulls, Resource: "*" };
    await put(as("owner"), [deny]);
    const text = JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Principal: "*", Action: pulls }],
    });
    const wanted = { repository: app, account, text, force: true };
    await expect(setRepositoryPolicy(given.registry.access, as("stranger"), wanted)).rejects.toMatchObject({
      code: "DENIED",
    });
    await expect(put(as("owner"), [deny], "nowhere")).rejects.toBeInstanceOf(RegistryError);
  });

  it("nobody acts as a robot, or sees a new secret of it, that the registry's policy lets do what they may not", async () => {
    const { metadata } = given.database;
    const { access } = given.registry;
    const { id } = await makeRobot(metadata, team, "ci", { account: ids.get("owner")! });
    const robot = (await metadata.read.first(findRobot, { robot: id }))!;
    const { id: on } = (await metadata.read.first(findRepository, { name: app }))!;
    await grant(metadata, { robot: id }, { repository: on }, "reader");
    const mayAct = () => mayActAs(access, as("maintainer").principal, robot);
    const allow = { Effect: "Allow", Principal: { AWS: arn("role/robot_ci") }, Resource: "*" };
    expect(await mayAct()).toBe(true);
    await put(as("owner"), [{ ...allow, Action: pulls }]);
    expect(await mayAct()).toBe(true);
    await put(as("owner"), [{ ...allow, Action: "ecr:PutRegistryPolicy" }]);
    expect(await mayAct()).toBe(false);
    await put(as("owner"), [{ ...allow, Action: "ecr:SetRepositoryPolicy", Resource: repository("x*") }]);
    expect(await mayAct()).toBe(false);
    const deny = { Effect: "Deny", Principal: { AWS: arn("user/maintainer") }, Action: pulls };
    await put(as("owner"), [{ ...deny, Resource: repository("zzz") }]);
    expect(await mayAct()).toBe(true);
    await put(as("owner"), [{ ...deny, Resource: repository("app") }]);
    expect(await mayAct()).toBe(false);
    // What everybody may alike, and one is denied, the robot may and that one may not.
    await deleteRegistryPolicy(access, as("owner"), "team");
    const text = JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Principal: "*", Action: pulls }, deny],
    });
    await setRepositoryPolicy(access, as("owner"), { repository: other, account, text, force: false });
    expect(await mayAct()).toBe(false);
  });

  it("other accounts are named for replication alone, and names that nobody has are refused", async () => {
    const away = { AWS: "arn:aws:iam::999999999999:root" };
    const replicate = { Effect: "Allow", Principal: away, Action: ["ecr:CreateRepository", "ecr:ReplicateImage"] };
    await put(as("owner"), [{ ...replicate, Resource: repository("*") }]);
    for (const who of ["stranger", "reader"]) expect(await may(as(who), "create-repository", fresh), who).toBe(false);
    for (const statement of [
      { ...replicate, Action: "ecr:CreateRepository" },
      { ...replicate, Action: "ecr:*" },
      { ...replicate, Effect: "Deny", Principal: undefined, NotPrincipal: { AWS: [away.AWS, account] } },
      { ...replicate, Principal: { AWS: arn("user/nobody") } },
      { ...replicate, Resource: "arn:aws:ecr:eu-central-1:999999999999:repository/*" },
    ]) {
      const error = await put(as("owner"), [{ Resource: repository("*"), ...statement }]).catch((one: unknown) => one);
      expect(error, JSON.stringify(statement)).toBeInstanceOf(IamFault);
    }
    expect(await findRegistryPolicyText(given.registry.access, as("owner"), "team")).toContain("ReplicateImage");
  });

  it("a Deny that is added never allows more, for anybody, through all that decides", async () => {
    const people = ["owner", "reader", "stranger", "maintainer"];
    const decide = async () =>
      (await Promise.all(people.flatMap((who) => actions.map((action) => may(as(who), action))))).map(Number);
    const named = ["ecr:*", ...pulls, "ecr:PutImage", "ecr:Put*", "ecr:Batch*", "ecr:Create*"];
    const places = ["*", repository("*"), repository("app"), repository("other")];
    const statementOf = (seed: number, Effect: string) => ({
      ...{ Effect, Action: named[(seed * 5) % named.length], Resource: places[seed % places.length] },
      Principal: {
        AWS: people
          .filter((_who, at) => ((seed * 7 + 3) >> at) & 1 || at === seed % 4)
          .map((who) => arn(`user/${who}`)),
      },
    });
    for (let seed = 0; seed < 4; seed++) {
      const allows = [statementOf(seed, "Allow"), statementOf(seed * 3 + 1, "Allow")];
      await put(root, allows);
      const before = await decide();
      await put(root, [...allows, statementOf(seed * 7 + 2, "Deny")]);
      const after = await decide();
      expect(
        after.every((may_, at) => may_ <= before[at]!),
        `seed ${seed}`,
      ).toBe(true);
    }
  });
});
