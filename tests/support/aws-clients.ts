import { resolve } from "node:path";
import * as sdk from "@aws-sdk/client-ecr";
import { expect } from "vitest";
import type { TestContext } from "vitest";
import type { OperationName } from "../../src/api/ecr/model/inputs.ts";
import { awsEnvironment } from "./call-boto3.ts";
import { getPeer } from "./peers.ts";
import { runProgram } from "./run.ts";

/** A call of the API by whichever client. */
export interface EcrStep {
  readonly operation: OperationName;
  /** `"${Operation.member}"` stands for what the latest call of that operation gave. */
  readonly input: Readonly<Record<string, unknown>>;
  /** Once, all pages of one entry each, or the waiter of this name. */
  readonly how: "call" | "pages" | "ImageScanComplete" | "LifecyclePolicyPreviewComplete";
}

/** What a step gave: the output's members, those of all pages together; or that, and why, it gave none. */
export type StepAnswer = { readonly refused?: string; readonly unknown?: true } & Readonly<Record<string, unknown>>;

export interface AwsClient {
  readonly name: string;
  /** From before `AWS_ENDPOINT_URL`, and before some of the operations. */
  readonly old: boolean;
  /** Its waiters ask again after an error that they do not know, until their time is over. */
  readonly patient: boolean;
  /** @param dataPath for those that know no `AWS_ENDPOINT_URL` */
  run(context: TestContext, url: string, dataPath: string, steps: readonly EcrStep[]): Promise<StepAnswer[]>;
}

const script = resolve(import.meta.dirname, "../ecr/run-steps.py");

/** A client in Python: `start` gives the program and its variables. */
function python(
  name: string,
  kind: "boto3" | "cli",
  old: boolean,
  start: (context: TestContext) => readonly [program: string, env?: Readonly<Record<string, string>>],
): AwsClient {
  const run: AwsClient["run"] = async (context, url, dataPath, steps) => {
    const [program, env = {}] = start(context);
    const way = old ? { AWS_ENDPOINT_URL: "", AWS_DATA_PATH: dataPath } : {};
    const all = { ...awsEnvironment(url), ...env, ...way };
    const { code, stdout, stderr } = await runProgram(program, [script, kind], all, JSON.stringify(steps));
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout).answers as StepAnswer[];
  };
  return { name, old, patient: false, run };
}

/** Each client of AWS of which the tests can have one. */
export const awsClients: readonly AwsClient[] = [
  python("AWS CLI v1", "cli", false, (context) => ["python3", { PYTHONPATH: `${getPeer(context, "aws")}.lib` }]),
  python("Debian's AWS CLI v2", "cli", true, (context) => [
    (getPeer(context, "aws-debian"), "/usr/bin/python3"),
    { PYTHONPATH: "" },
  ]),
  python("boto3", "boto3", false, (context) => [getPeer(context, "boto3")]),
  python("boto3 of 2022", "boto3", true, (context) => [getPeer(context, "boto3-old")]),
  {
    name: "AWS SDK for JavaScript",
    old: false,
    patient: true,
    run: async (_context, url, _path, steps) => runSdk(url, steps),
  },
];

type Sent = Parameters<sdk.ECRClient["send"]>[0];

async function runSdk(url: string, steps: readonly EcrStep[]): Promise<StepAnswer[]> {
  const credentials = { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "any" };
  const client = new sdk.ECRClient({ endpoint: url, region: "eu-central-1", credentials, maxAttempts: 1 });
  const given = new Map<string, Readonly<Record<string, unknown>>>();
  const answers: StepAnswer[] = [];
  try {
    for (const step of steps) {
      const answer = await makeStep(client, step, fill(step.input, given) as Readonly<Record<string, unknown>>);
      if (answer.refused === undefined && step.how === "call") given.set(step.operation, answer);
      answers.push(answer);
    }
  } finally {
    client.destroy();
  }
  return answers;
}

async function makeStep(
  client: sdk.ECRClient,
  { operation, how }: EcrStep,
  input: Readonly<Record<string, unknown>>,
): Promise<StepAnswer> {
  const parts: Readonly<Record<string, any>> = sdk;
  const { layerPartBlob } = input;
  const sent = typeof layerPartBlob === "string" ? { ...input, layerPartBlob: Buffer.from(layerPartBlob) } : input;
  try {
    if (how === "call") {
      const { $metadata, ...answer } = await client.send(new parts[`${operation}Command`](sent) as Sent);
      expect($metadata.requestId, "each answer has an id").toBeDefined();
      return answer as StepAnswer;
    }
    if (how === "pages") {
      const merged: Record<string, unknown> = { pages: 0 };
      for await (const { $metadata: _, nextToken: __, ...page } of parts[`paginate${operation}`](
        { client, pageSize: 1 },
        sent,
      )) {
        merged["pages"] = (merged["pages"] as number) + 1;
        for (const [name, value] of Object.entries(page)) {
          merged[name] = Array.isArray(value) ? [...((merged[name] as unknown[]) ?? []), ...value] : value;
        }
      }
      return merged;
    }
    await parts[`waitUntil${how}`]({ client, minDelay: 1, maxDelay: 1, maxWaitTime: 300 }, sent);
    return { waited: true };
  } catch (error) {
    if (!(error instanceof sdk.ECRServiceException)) throw error;
    expect(parts[error.name], `${error.name} is an error of the service's model`).toBeDefined();
    return { refused: error.name, message: error.message };
  }
}

function fill(value: unknown, given: ReadonlyMap<string, Readonly<Record<string, unknown>>>): unknown {
  if (typeof value === "string") {
    const [, operation, member] = /^\$\{(\w+)\.(\w+)\}$/.exec(value) ?? [];
    return operation === undefined ? value : given.get(operation)?.[member!];
  }
  if (Array.isArray(value)) return value.map((one) => fill(one, given));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, fill(one, given)]));
}
