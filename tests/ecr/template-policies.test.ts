import { afterAll, describe, expect, test } from "vitest";
import { callHost, pushByHost } from "../support/call-host.ts";
import { openEcrCallers } from "../support/ecr-callers.ts";
import { startGuardedServer } from "../support/management-client.ts";
import { needPeers } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";

/* Policies that creation templates give: who may say one, and what it does in repositories that a push makes. */

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

const host = "000000000000.dkr.ecr.eu-central-1.example.com";
const userArn = (name: string) => `arn:aws:iam::000000000000:user/${name}`;
const textOf = (...statements: readonly object[]) => JSON.stringify({ Version: "2012-10-17", Statement: statements });
const pulls = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
const allow = (name: string, Action: unknown = pulls) => ({
  ...{ Effect: "Allow", Principal: { AWS: userArn(name) }, Action },
});
const push = { appliedFor: ["CREATE_ON_PUSH"] };

describe.each(["SQLite", "PostgreSQL"] as const)("%s", (kind) => {
  const open = async () => {
    const database = kind === "PostgreSQL" ? { database: await postgres!.makeDatabase() } : {};
    const accounts = [{ id: "000000000000", namespace: "shop" }];
    const guarded = await startGuardedServer({ ...database, ecr: { accounts } });
    expect((await guarded.admin.post("/namespaces", { path: "shop" })).status).toBe(201);
    return { ...guarded, people: await openEcrCallers(guarded) };
  };

  test("a push makes a repository that has the template's policy from then on, for whom it named when it was said", async (context) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    const opened = await open();
    const { server, admin, people } = opened;
    try {
      await people.add("guest");
      await people.add("reader", "shop", "reader");
      await people.add("writer", "shop", "writer");
      const repositoryPolicy = textOf(allow("guest"), { ...allow("reader"), Sid: "Out", Effect: "Deny" });
      const made = await people.call("admin", "CreateRepositoryCreationTemplate", {
        ...{ prefix: "prod", ...push, repositoryPolicy },
      });
      expect(made.status, made.text).toBe(200);
      const pushed = (name: string) =>
        pushByHost({ address: server.host, host, authorization: people.basic("writer") }, name, "v1", "layer");
      const pulled = async (who: string, name: string) => {
        const of = { address: server.host, host: server.host, authorization: people.basic(who) };
        return (await callHost(of, "GET", `/v2/shop/${name}/manifests/v1`)).status;
      };
      expect(await pushed("prod/app")).toMatchObject({ status: 201 });
      expect([await pulled("guest", "prod/app"), await pulled("reader", "prod/app")]).toEqual([200, 403]);
      const held = await people.call("admin", "GetRepositoryPolicy", { repositoryName: "prod/app" });
      expect(held.body.policyText, held.text).toBe(repositoryPolicy);
      const { items } = (await admin.get("/audit?order=latest")).body;
      const rows = items.filter(({ action }: { action: string }) => action === "set-repository-policy");
      expect(rows).toHaveLength(1);
      expect(rows[0]).toMatchObject({
        ...{ repository: "shop/prod/app", principal: "user:writer" },
        detail: { policy: JSON.parse(repositoryPolicy), template: "ECR's prod of namespace shop" },
      });
      // Whoever has the name later is somebody else, in repositories that are made later, too.
      expect((await admin.delete("/users/guest")).status).toBe(204);
      await people.add("guest");
      expect(await pushed("prod/late")).toMatchObject({ status: 201 });
      expect([await pulled("guest", "prod/late"), await pulled("reader", "prod/late")]).toEqual([403, 403]);
      // What a template says later is for what is made later; without one there is none.
      const none = { prefix: "prod", repositoryPolicy: "" };
      const emptied = await people.call("admin", "UpdateRepositoryCreationTemplate", none);
      expect(emptied.body.repositoryCreationTemplate, emptied.text).not.toHaveProperty("repositoryPolicy");
      expect(await pushed("prod/open")).toMatchObject({ status: 201 });
      expect([await pulled("reader", "prod/open"), await pulled("reader", "prod/app")]).toEqual([200, 403]);
      expect(server.errors).toEqual([]);
    } finally {
      await opened.close();
    }
  });

  test("only who could set it of each repository to come says it, changes or deletes its template, and sees it", async (context) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    const opened = await open();
    const { server, people } = opened;
    try {
      await people.add("guest");
      await people.add("maintainer", "shop", "maintainer");
      await people.add("giver", "shop", ["pull", "manage-settings", "manage-access"]);
      const create = (who: string, prefix: string, ...statements: readonly object[]) =>
        people.call(who, "CreateRepositoryCreationTemplate", {
          prefix,
          ...push,
          repositoryPolicy: textOf(...statements),
        });
      const change = (who: string, input: object) =>
        people.call(who, "UpdateRepositoryCreationTemplate", { prefix: "prod", ...input });
      const remove = (who: string) => people.call(who, "DeleteRepositoryCreationTemplate", { prefix: "prod" });
      const shown = async (who: string) => {
        const { body } = await people.call(who, "DescribeRepositoryCreationTemplates", { prefixes: ["prod"] });
        return body.repositoryCreationTemplates[0].repositoryPolicy;
      };
      const refused = { status: 400, body: { __type: "AccessDeniedException" } };
      expect(await create("maintainer", "prod", allow("guest"))).toMatchObject(refused);
      // Who may not manage access is not told who there is.
      expect(await create("maintainer", "prod", allow("nobody"))).toMatchObject(refused);
      const more = await create("giver", "prod", allow("guest", "ecr:PutImage"));
      expect(more).toMatchObject(refused);
      expect(more.body.message).toContain("may not allow ecr:PutImage on namespace shop, as statement 1 does");
      expect((await create("giver", "prod", allow("guest"))).status).toBe(200);
      const text = textOf(allow("guest"));
      expect([await shown("giver"), await shown("maintainer")]).toEqual([text, undefined]);
      // To change what it is for, or to take it away, is to give or to take the policy.
      for (const input of [{ appliedFor: ["REPLICATION"] }, { repositoryPolicy: "" }, { repositoryPolicy: text }]) {
        expect(await change("maintainer", input), JSON.stringify(input)).toMatchObject(refused);
      }
      expect(await remove("maintainer")).toMatchObject(refused);
      expect(await change("giver", { repositoryPolicy: textOf(allow("guest", "ecr:PutImage")) })).toMatchObject(
        refused,
      );
      expect(await shown("giver")).toBe(text);
      expect((await change("giver", { description: "for guests" })).body.repositoryCreationTemplate).toMatchObject({
        ...{ description: "for guests", repositoryPolicy: text },
      });
      // A registry's policy that denies it counts, as where the policy of a repository is set.
      const Resource = "arn:aws:ecr:eu-central-1:000000000000:repository/prod/*";
      const deny = { ...allow("giver"), Effect: "Deny", Resource };
      const put = await people.call("admin", "PutRegistryPolicy", { policyText: textOf(deny) });
      expect(put.status, put.text).toBe(200);
      expect(await change("giver", { repositoryPolicy: text })).toMatchObject(refused);
      expect((await people.call("admin", "DeleteRegistryPolicy")).status).toBe(200);
      expect((await change("giver", { repositoryPolicy: text })).status).toBe(200);
      // What cannot be evaluated is refused with its statement, and changes nothing.
      for (const [statement, words] of [
        [allow("nobody"), "is not there"],
        [{ ...allow("guest", "s3:GetObject"), Sid: "S3" }, 'statement 1 (Sid "S3")'],
        [{ ...allow("guest"), Principal: { AWS: "arn:aws:iam::111122223333:root" } }, "account"],
      ] as const) {
        for (const answer of [
          await change("giver", { repositoryPolicy: textOf(statement) }),
          await create("giver", "other", statement),
        ]) {
          expect(answer.body.__type, answer.text).toBe("InvalidParameterException");
          expect(answer.body.message).toContain(
            "Invalid parameter at 'repositoryPolicy' failed to satisfy constraint: 'Invalid repository policy provided",
          );
          expect(answer.body.message).toContain(words);
        }
      }
      expect(await shown("giver")).toBe(text);
      expect((await remove("giver")).body.repositoryCreationTemplate).toMatchObject({ repositoryPolicy: text });
      expect(server.errors).toEqual([]);
    } finally {
      await opened.close();
    }
  });
});
