import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { text as readAll } from "node:stream/consumers";
import { promisify } from "node:util";
import { usageLimit } from "../contract/index.ts";
import { askServer } from "./ask-server.ts";
import { CommandError, usageError } from "./command-error.ts";
import { exitCodes } from "./exit-codes.ts";
import { secondsOf } from "./field-flags.ts";
import { openContext } from "./open-context.ts";
import type { ServerFlags } from "./open-context.ts";
import { printResult } from "./print-result.ts";
import type { Output } from "./print-result.ts";
import { readUsage } from "./read-usage.ts";

/** Flags of `berth usage report`. */
export interface ReportFlags extends ServerFlags {
  readonly output: Output;
  readonly source?: string;
  readonly file?: string;
  readonly docker?: true;
  readonly anyHost?: true;
  readonly expires?: string;
}

/** Tells the server which digests run. @throws CommandError */
export async function reportUsage(env: NodeJS.ProcessEnv, place: string, flags: ReportFlags): Promise<number> {
  if ((flags.file === undefined) === (flags.docker === undefined)) {
    throw usageError("say what runs: --file with a path, or - for standard input, or --docker");
  }
  const source = flags.source ?? (flags.docker === true ? hostname().split(".")[0]!.toLowerCase() : undefined);
  if (source === undefined) throw usageError("say who reports: --source cluster-1");
  const expiresIn = flags.expires === undefined ? {} : { expiresIn: secondsOf(flags.expires) };
  const { server } = await openContext(env, flags);
  const text = flags.docker === true ? await askDocker(env) : await readText(flags.file!);
  const options = { host: new URL(server.url).host, anyHost: flags.anyHost === true, machine: source };
  const { uses, elsewhere, unknown } = readUsage(text, options);
  if (uses.length > usageLimit) {
    throw new CommandError(
      `${uses.length} digests run, and a report has ${usageLimit} at most: report by part, each as a source of its own`,
    );
  }
  const report = await askServer(server, "reportUsage", {
    parameters: { path: place.replace(/\/$/, ""), source } as never,
    body: { uses: [...uses], ...expiresIn } as never,
  });
  const notes = [
    ...(elsewhere === 0 ? [] : [["of other registries, not reported", String(elsewhere)]]),
    ...(unknown === 0 ? [] : [["without a known digest, not reported", String(unknown)]]),
  ];
  await printResult(flags.output, {
    value: { ...report, elsewhere, unknown },
    rows: [["source", report.source], ["digests", String(report.digests)], ["good until", report.expiresAt], ...notes],
  });
  return exitCodes.done;
}

async function readText(file: string): Promise<string> {
  if (file === "-") return readAll(process.stdin);
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new CommandError(`${file} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

/** Containers that run on this machine, and their images, as docker's own command tells them. */
async function askDocker(env: NodeJS.ProcessEnv): Promise<string> {
  const ask = async (...args: readonly string[]) => {
    try {
      const { stdout } = await promisify(execFile)("docker", [...args], { env, maxBuffer: 256 * 1024 * 1024 });
      return stdout;
    } catch (error) {
      const { stderr, message } = error as { readonly stderr?: string; readonly message: string };
      throw new CommandError(`docker ${args[0]} failed: ${(stderr || message).trim().split("\n")[0]}`, {
        cause: error,
      });
    }
  };
  const ids = (await ask("ps", "--quiet", "--no-trunc")).split("\n").filter(Boolean);
  if (ids.length === 0) return "[]";
  const containers = JSON.parse(await ask("inspect", "--type", "container", ...ids)) as { readonly Image: string }[];
  const images = [...new Set(containers.map(({ Image }) => Image))];
  return JSON.stringify([...containers, ...(JSON.parse(await ask("image", "inspect", ...images)) as object[])]);
}
