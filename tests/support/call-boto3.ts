import { resolve } from "node:path";
import { expect } from "vitest";
import { getPeer } from "./peers.ts";
import { runProgram } from "./run.ts";
import type { TestContext } from "vitest";

/** A call by boto3's name of the operation; `pages` takes them all, another word waits with the waiter of that name. */
export type Boto3Call = readonly [operation: string, parameters: object, how?: string];

/** Variables with which clients of AWS ask this server. */
export function awsEnvironment(url: string, keys: { readonly id: string; readonly secret: string } = anyKeys) {
  return {
    AWS_ENDPOINT_URL: url,
    AWS_ACCESS_KEY_ID: keys.id,
    AWS_SECRET_ACCESS_KEY: keys.secret,
    AWS_REGION: "eu-central-1",
    AWS_DEFAULT_REGION: "eu-central-1",
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_CONFIG_FILE: "/dev/null",
    AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
    AWS_PAGER: "",
  };
}

/** In open mode every pair is good. */
const anyKeys = { id: "AKIAIOSFODNN7EXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" };

/** Makes calls with boto3, one after the other; what each gave, `{ error }` where it was refused. */
export async function callBoto3(
  context: TestContext,
  url: string,
  calls: readonly Boto3Call[],
  keys?: { readonly id: string; readonly secret: string },
  {
    peer = "boto3",
    env = {},
  }: { readonly peer?: "boto3" | "boto3-old"; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<any[]> {
  const script = resolve(import.meta.dirname, "../ecr/call-boto3.py");
  const input = JSON.stringify(calls);
  const program = getPeer(context, peer);
  const { stdout, stderr, code } = await runProgram(program, [script], { ...awsEnvironment(url, keys), ...env }, input);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as any[];
}
