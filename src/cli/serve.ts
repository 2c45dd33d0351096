import { readConfig } from "../config.ts";
import type { Config } from "../config.ts";
import { formatAddress, openLog } from "../lib/index.ts";
import type { OpenLog } from "../lib/index.ts";
import type { Composition } from "./composition.ts";
import { exitCodes } from "./exit-codes.ts";
import { explainFailure } from "./explain-failure.ts";
import { describeFirstPush } from "./first-push.ts";
import type { Reach } from "./first-push.ts";
import type { GivenFlags } from "./flags.ts";
import type { Output } from "./print-result.ts";

/**
 * `berth serve`: runs until a signal ends it.
 * @param output for people (`table`) or machines (`json`, `yaml`); by the terminal when undefined
 */
export async function serve(composition: Composition, flags: GivenFlags, output: Output | undefined): Promise<number> {
  const { config, warnings } = await readConfig(flags, process.env);
  const form = output ?? (process.stdout.isTTY ? "table" : "json");
  const forPeople = form === "table";
  const log = await openLog(config.log.level, form === "table" ? "text" : form);
  const stopped = waitForStop();
  try {
    for (const warning of warnings) log.warn(warning);
    const server = await composition.startServer(config, log);
    announce(config, server, log, forPeople);
    endOnDefect(log);
    log.info("stopping", { because: await stopped });
    await server.close();
    log.info("stopped");
    return exitCodes.done;
  } catch (error) {
    const { lines, exitCode } = explainFailure(error);
    for (const line of lines) process.stderr.write(`berth: ${line}\n`);
    return exitCode;
  } finally {
    log.flush();
  }
}

type Started = Awaited<ReturnType<Composition["startServer"]>>;

function announce(config: Config, { address, initialPassword }: Started, log: OpenLog, forPeople: boolean): void {
  const host = formatAddress(address);
  const rows = config.database.kind === "sqlite" ? config.database.path : "PostgreSQL";
  const bytes = config.storage.kind === "filesystem" ? config.storage.directory : `s3://${config.storage.bucket}`;
  const tls = config.tls.key !== undefined;
  const reach = config.open ? "open to this machine only" : "for those who log in";
  if (!forPeople) {
    const { publicUrl, data } = config;
    // A log is no place for a password.
    if (initialPassword !== undefined) {
      const { user, file } = initialPassword;
      log.warn(`the first owner is ${user}: its password is in ${file}, change it`, { user, file });
    }
    log.info(`listens on ${host}, ${reach}`, { address: host, tls, publicUrl, data, rows, bytes });
    return;
  }
  // What clients call it is what they push to: a proxy may stand in front.
  const called = config.publicUrl === undefined ? { host, tls } : reachOf(new URL(config.publicUrl));
  const lines = [
    `Berth listens on ${host}, ${reach}.`,
    ...(config.publicUrl === undefined ? [] : [`Clients call it ${config.publicUrl}.`]),
    `Data: ${config.data}${rows.startsWith(config.data) && bytes.startsWith(config.data) ? "" : ` (rows: ${rows}, bytes: ${bytes})`}`,
    ...(initialPassword === undefined
      ? []
      : [
          "",
          `The first owner is \`${initialPassword.user}\`, its password ${initialPassword.password}`,
          `(also in ${initialPassword.file}). Change it.`,
        ]),
    "",
    config.open ? "A first push:" : `A first push, once \`berth login ${called.host}\` has let you in:`,
    ...describeFirstPush(called).map((line) => `  ${line}`),
    "",
    "Ctrl+C stops it.",
  ];
  process.stdout.write(`${lines.join("\n")}\n\n`);
}

function reachOf({ host, protocol }: URL): Reach {
  return { host, tls: protocol === "https:" };
}

/** How long a second signal counts as the first one heard twice: from the terminal and from the parent process. */
const echo = 500;

/** Resolves with the first signal; one that follows later ends the process at once. */
function waitForStop(): Promise<string> {
  return new Promise((resolve) => {
    let since: number | undefined;
    const stop = (because: string, number: number) => {
      if (since === undefined) {
        since = performance.now();
        resolve(because);
      } else if (performance.now() - since > echo) process.exit(128 + number);
    };
    process.on("SIGTERM", () => stop("SIGTERM", 15));
    process.on("SIGINT", () => stop("SIGINT", 2));
    // The older Node that started this one is gone: nobody else would stop it.
    process.once("disconnect", () => stop("the parent process ended", 15));
    process.channel?.unref();
  });
}

/** A defect that nobody caught leaves nothing to rely on: say it, and end. */
function endOnDefect(log: OpenLog): void {
  const end = (error: unknown) => {
    log.error("a defect ends the process", { error: error instanceof Error ? error.stack : String(error) });
    log.flush();
    process.exit(exitCodes.failed);
  };
  process.on("uncaughtException", end);
  process.on("unhandledRejection", end);
}
