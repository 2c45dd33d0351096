import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import type { TestContext } from "vitest";
import { awsEnvironment } from "./call-boto3.ts";
import { runProgram } from "./run.ts";
import type { Ended } from "./run.ts";

/** Folders in which mirrors of Terraform's providers are; `TF_PLUGIN_MIRROR` names another. */
const mirrors = ["/usr/local/share/terraform/plugins", "/usr/share/terraform/plugins", "/opt/tf-plugins"];

/** Terraform with the provider of AWS, in a folder of its own, against one server. */
export interface Terraform {
  readonly folder: string;
  /** Variables with which it is run. */
  readonly env: Readonly<Record<string, string>>;
  /** Writes a file of the configuration. */
  write(name: string, text: string): Promise<void>;
  /** Runs a command to its end. */
  run(...args: readonly string[]): Promise<Ended>;
  close(): Promise<void>;
}

/**
 * Terraform and its provider are no packages that this repository could install: where they are missing the test counts as
 * skipped, also under CI.
 */
export async function openTerraform(
  context: TestContext,
  url: string,
  keys?: { readonly id: string; readonly secret: string },
): Promise<Terraform> {
  const mirror = [process.env["TF_PLUGIN_MIRROR"], ...mirrors].find((one) => one !== undefined && hasProvider(one));
  const found = mirror !== undefined && (await runProgram("terraform", ["version"]).catch(() => undefined));
  if (!found) context.skip("terraform, or a mirror with its provider of AWS, is not here");
  const folder = await mkdtemp(join(tmpdir(), "berth-terraform-"));
  const config = join(folder, "config.tfrc");
  const source = `filesystem_mirror {\n    path = ${JSON.stringify(mirror)}\n  }`;
  await writeFile(config, `provider_installation {\n  ${source}\n}\n`);
  const env = {
    ...awsEnvironment(url, keys),
    TF_CLI_CONFIG_FILE: config,
    TF_IN_AUTOMATION: "1",
    TF_DATA_DIR: join(folder, ".terraform"),
    CHECKPOINT_DISABLE: "1",
  };
  return {
    folder,
    env,
    write: async (name, text) => writeFile(join(folder, name), text),
    run: async (...args) => runProgram("terraform", [`-chdir=${folder}`, ...args], env),
    close: async () => rm(folder, { recursive: true, force: true }),
  };
}

/** Applies the configuration, after which nothing is left to do; what was said. */
export async function applyWhole(terraform: Terraform): Promise<string> {
  const applied = await terraform.run("apply", "-auto-approve", "-no-color");
  expect(applied.code, applied.stdout + applied.stderr).toBe(0);
  // What was written reads as it was written.
  const planned = await terraform.run("plan", "-detailed-exitcode", "-no-color");
  expect(planned.code, planned.stdout + planned.stderr).toBe(0);
  return applied.stdout;
}

function hasProvider(mirror: string): boolean {
  return existsSync(join(mirror, "registry.terraform.io/hashicorp/aws"));
}
