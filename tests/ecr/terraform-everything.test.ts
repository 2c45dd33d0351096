import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { pushByHost } from "../support/call-host.ts";
import { callEcr } from "../support/ecr-wire.ts";
import { needPeers } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";
import { startTestServer } from "../support/start-server.ts";
import { applyWhole, openTerraform } from "../support/terraform.ts";
import type { Terraform } from "../support/terraform.ts";
import { digestOf } from "../support/wire-client.ts";

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

const fixture = async (name: string) => readFile(resolve(import.meta.dirname, "../fixtures/ecr", name), "utf8");
const host = "000000000000.dkr.ecr.eu-central-1.example.com";

test.each(["SQLite", "PostgreSQL"] as const)(
  "Terraform makes, imports, repairs, changes and destroys all that it knows of ECR on %s, and has nothing left to do after each",
  { timeout: 1_800_000 },
  async (kind, context: any) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    const server = await startTestServer(kind === "PostgreSQL" ? { database: await postgres!.makeDatabase() } : {});
    let terraform: Terraform | undefined;
    try {
      terraform = await openTerraform(context, server.url);
      await terraform.write("everything.tf", await fixture("everything.tf"));
      const init = await terraform.run("init", "-no-color");
      expect(init.code, init.stdout + init.stderr).toBe(0);
      const made = await applyWhole(terraform);
      expect(made).toContain('names = "team/api team/web"');
      expect(made).toContain("key = true");

      // A push makes a repository by a template of a use that this provider does not know yet; it is taken over as it is.
      const encryption = (await callEcr(server.url, "DescribeRepositories", {})).body.repositories[0];
      const template = await callEcr(server.url, "CreateRepositoryCreationTemplate", {
        ...{ prefix: "prod", appliedFor: ["CREATE_ON_PUSH"], imageTagMutability: "IMMUTABLE" },
        encryptionConfiguration: encryption.encryptionConfiguration,
        resourceTags: [{ Key: "Team", Value: "platform" }],
      });
      expect(template.status, template.text).toBe(200);
      const push = (name: string, layer: string) => pushByHost({ address: server.host, host }, name, "v1", layer);
      for (const name of ["prod/app", "team/web"]) expect(await push(name, "one")).toMatchObject({ status: 201 });
      expect(await push("new/app", "one")).toMatchObject({ status: 404, code: "NAME_UNKNOWN" });
      await terraform.write("pushed.tf", await fixture("pushed.tf"));
      const taken = await applyWhole(terraform);
      expect(taken).toContain("1 imported, 0 added, 0 changed, 0 destroyed");
      expect(taken).toContain('tags  = "v1"');
      expect(taken).toMatch(/image = "sha256:[0-9a-f]{64}"/);

      // A tag that does not move is refused; what somebody changed by hand is found and repaired.
      expect(await push("team/web", "another")).toMatchObject({ status: 400, code: "TAG_INVALID" });
      for (const [operation, input] of [
        ["PutImageTagMutability", { repositoryName: "team/web", imageTagMutability: "MUTABLE" }],
        ["DeleteLifecyclePolicy", { repositoryName: "team/api" }],
        ["UpdateRepositoryCreationTemplate", { prefix: "copies", imageTagMutability: "MUTABLE" }],
        ["DeletePullThroughCacheRule", { ecrRepositoryPrefix: "public" }],
      ] as const) {
        const { status, text } = await callEcr(server.url, operation, input);
        expect(status, text).toBe(200);
      }
      expect(await applyWhole(terraform)).toContain("2 added, 2 changed, 0 destroyed");
      expect(await push("team/web", digestOf("third"))).toMatchObject({ status: 400, code: "TAG_INVALID" });

      await terraform.write("team.auto.tfvars", 'team = "shop"\n');
      const changed = await applyWhole(terraform);
      // The provider makes changed lifecycle policies anew.
      expect(changed).toMatch(/2 added, \d+ changed, 2 destroyed/);

      // What holds images is not deleted without force.
      const refused = await terraform.run(
        "destroy",
        "-auto-approve",
        "-no-color",
        "-target",
        "aws_ecr_repository.team",
      );
      expect(refused.code).not.toBe(0);
      expect(refused.stdout + refused.stderr).toMatch(/not empty|RepositoryNotEmptyException/);
      await terraform.write("team.auto.tfvars", 'team = "shop"\nforce = true\n');
      await applyWhole(terraform);
      const destroyed = await terraform.run("destroy", "-auto-approve", "-no-color");
      expect(destroyed.code, destroyed.stdout + destroyed.stderr).toBe(0);
      expect((await callEcr(server.url, "DescribeRepositories")).body).toEqual({ repositories: [] });
      const last = await callEcr(server.url, "DeleteRepositoryCreationTemplate", { prefix: "prod" });
      expect(last.status, last.text).toBe(200);
      expect((await callEcr(server.url, "DescribePullThroughCacheRules")).body.pullThroughCacheRules).toEqual([]);
      const templates = await callEcr(server.url, "DescribeRepositoryCreationTemplates");
      expect(templates.body.repositoryCreationTemplates).toEqual([]);
      expect(server.errors).toEqual([]);
    } finally {
      await terraform?.close();
      await server.close();
    }
  },
);
