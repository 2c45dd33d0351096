import { chmod, mkdir } from "node:fs/promises";
import { delimiter, dirname, join, resolve } from "node:path";
import { CommandError, usageError } from "./command-error.ts";
import { getContext, readContexts } from "./contexts.ts";
import { editFile } from "./edit-file.ts";
import { exitCodes } from "./exit-codes.ts";
import { printResult } from "./print-result.ts";
import type { Output } from "./print-result.ts";
import { findServer } from "./server-address.ts";

/** Flags of `berth generate aws-endpoint`. */
export interface EndpointFlags {
  readonly directory: string;
  readonly context?: string;
  readonly insecureHttp?: true;
  readonly output: Output;
}

/** Where botocore looks for it below a data path: by service, and by version of its API. */
const place = join("ecr", "2015-09-21", "endpoint-rule-set-1.json");

/**
 * Writes the file with which tools of AWS that know no `AWS_ENDPOINT_URL` find a server: a rule set of botocore that has one
 * rule without conditions. Written again, it names the new server.
 * @param named host or URL; the server of the context when left out
 * @throws CommandError when there is another rule set than one of this command's, or the directory cannot be written
 */
export async function generateAwsEndpoint(
  env: NodeJS.ProcessEnv,
  named: string | undefined,
  { directory, context, insecureHttp, output }: EndpointFlags,
): Promise<number> {
  const root = resolve(directory);
  if (root.includes(delimiter)) {
    throw usageError(
      `${root} has a "${delimiter}", which parts directories in AWS_DATA_PATH: choose another directory`,
    );
  }
  if (named !== undefined && context !== undefined) {
    throw usageError("give a server or --context, not both: the server of a context is known");
  }
  const server =
    named === undefined
      ? getContext(await readContexts(env), context).server
      : (await findServer(named, undefined, insecureHttp === true)).url;
  const file = join(root, place);
  await makeReadable(dirname(file));
  await editFile(file, (before) => {
    if (before === undefined || isOurs(before)) return ruleSet(server);
    throw new CommandError(
      `${file} holds other rules for the endpoints of ECR, and nothing was changed: choose another --directory, or move that file away`,
    );
  });
  // It holds no secret, and jobs of other users may read it.
  await chmod(file, 0o644);
  await printResult(output, {
    value: { file, server, environment: { AWS_DATA_PATH: root } },
    rows: [
      ["file", file],
      ["server", server],
      ["to use it", `export AWS_DATA_PATH=${quoted(root)}`],
    ],
  });
  return exitCodes.done;
}

async function makeReadable(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true });
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new CommandError(`${directory} cannot be made (${reason}): choose another --directory`, { cause: error });
  }
}

/** The parameters are those that botocore passes; it refuses rules that lack one. */
function ruleSet(url: string): string {
  const flag = (builtIn: string) => ({ builtIn, required: true, default: false, type: "Boolean" });
  const text = (builtIn: string) => ({ builtIn, required: false, type: "String" });
  const rules = {
    version: "1.0",
    parameters: {
      Region: text("AWS::Region"),
      UseDualStack: flag("AWS::UseDualStack"),
      UseFIPS: flag("AWS::UseFIPS"),
      Endpoint: text("SDK::Endpoint"),
    },
    rules: [{ conditions: [], endpoint: { url, properties: {}, headers: {} }, type: "endpoint" }],
  };
  return `${JSON.stringify(rules, null, 2)}\n`;
}

/** Whether this command wrote a file, for whichever server. */
function isOurs(text: string): boolean {
  const [, url = ""] = /"url": "([^"]+)"/.exec(text) ?? [];
  return ruleSet(url) === text;
}

/** As a shell reads it. */
function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
