import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { callEcr } from "../support/ecr-wire.ts";
import { clientOf } from "../support/management-client.ts";
import { needPeers } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";
import { startTestServer } from "../support/start-server.ts";
import { applyWhole, openTerraform } from "../support/terraform.ts";
import type { Terraform } from "../support/terraform.ts";

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

const key = `
resource "aws_kms_key" "ecr" {
  description = "images"
  tags = {
    Team = "platform"
  }
}
`;

/** A user's configuration, which names a key that it does not define. */
const sample = await readFile(resolve(import.meta.dirname, "../fixtures/ecr/sample.tf"), "utf8");

const data = `
data "aws_ecr_repository" "again" {
  name = aws_ecr_repository.app.name
}

data "aws_ecr_authorization_token" "token" {
}

output "url" {
  value = data.aws_ecr_repository.again.repository_url
}

output "user" {
  value = data.aws_ecr_authorization_token.token.user_name
}
`;

test.each(["SQLite", "PostgreSQL"] as const)(
  "Terraform makes, changes and destroys a repository with its key and lifecycle policy on %s, and has nothing left to do after each",
  { timeout: 300_000 },
  async (kind, context: any) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    const server = await startTestServer(kind === "PostgreSQL" ? { database: await postgres!.makeDatabase() } : {});
    let terraform: Terraform | undefined;
    try {
      terraform = await openTerraform(context, server.url);
      await terraform.write("sample.tf", sample);
      await terraform.write("main.tf", key + data);
      const init = await terraform.run("init", "-no-color");
      expect(init.code, init.stdout + init.stderr).toBe(0);
      const made = await applyWhole(terraform);
      expect(made).toContain(`url = "${server.host}/my-application"`);
      expect(made).toContain('user = "AWS"');
      const { body } = await callEcr(server.url, "DescribeRepositories", {});
      expect(body.repositories[0]).toMatchObject({
        imageTagMutability: "IMMUTABLE",
        imageScanningConfiguration: { scanOnPush: true },
        encryptionConfiguration: { encryptionType: "KMS" },
      });
      const settings = await clientOf(() => server.url).get("/repositories/my-application/-/settings");
      expect(settings.text).toContain('"tagOverwrite","value":{"rule":"refuse"');

      const policy = await callEcr(server.url, "GetLifecyclePolicy", { repositoryName: "my-application" });
      expect(JSON.parse(policy.body.lifecyclePolicyText).rules).toHaveLength(2);

      const changed = sample
        .replace('"IMMUTABLE"', '"MUTABLE"')
        .replace("scan_on_push = true", "scan_on_push = false")
        .replace(/Team *= "platform"/, 'Squad = "b"')
        .replace(/countNumber *= 10/, "countNumber = 12");
      await terraform.write("sample.tf", changed);
      await terraform.write("main.tf", key.replace("images", "all images") + data);
      // The provider makes a changed policy anew.
      expect(await applyWhole(terraform)).toContain("1 added, 2 changed, 1 destroyed");
      const destroyed = await terraform.run("destroy", "-auto-approve", "-no-color");
      expect(destroyed.code, destroyed.stdout + destroyed.stderr).toBe(0);
      expect((await callEcr(server.url, "DescribeRepositories", {})).body).toEqual({ repositories: [] });
      expect(server.errors).toEqual([]);
    } finally {
      await terraform?.close();
      await server.close();
    }
  },
);
