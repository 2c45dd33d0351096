import { Option } from "commander";
import type { Command } from "commander";
import { outputs } from "./print-result.ts";

/** Settings that have a flag, with the flag's help. Names are those of the configuration file. */
export const settingFlags = {
  config: ["--config <file>", "YAML file with settings (BERTH_CONFIG)"],
  listen: ["--listen <host:port>", "where the registry listens (BERTH_LISTEN, default 127.0.0.1:5000)"],
  data: ["--data <directory>", "where Berth keeps its files (BERTH_DATA, default data)"],
  database: ["--database <place>", "SQLite file or postgres:// URL (BERTH_DATABASE, default berth.db in data)"],
  storage: ["--storage <place>", "directory or s3:// URL of the bytes (BERTH_STORAGE, default blobs in data)"],
  ops: ["--ops <host:port>", "health and metrics, or off (BERTH_OPS, default 127.0.0.1:5001)"],
  open: ["--open", "anyone on this machine may do everything (BERTH_OPEN)"],
  readOnly: ["--read-only", "refuse pushes and deletes, collect nothing (BERTH_READ_ONLY)"],
  publicUrl: ["--public-url <url>", "what clients call this registry behind a proxy (BERTH_PUBLIC_URL)"],
  "log.level": ["--log-level <level>", "trace, debug, info, warn, error or silent (BERTH_LOG_LEVEL, default info)"],
} as const;

export type FlagName = keyof typeof settingFlags;

/** Flags of commands that work on rows and bytes. */
export const storeFlags: readonly FlagName[] = ["config", "data", "database", "storage"];

/** Text of flags by setting name. */
export type GivenFlags = Readonly<Record<string, string | boolean | undefined>>;

/** Lets a command print its result in all forms. */
export function withOutput(command: Command): Command {
  return command.addOption(new Option("--output <form>", "form of the result").choices(outputs).default("table"));
}

/** Lets a command say to which server it speaks, among those that were logged in to. */
export function withServer(command: Command, otherwise = "the current one"): Command {
  return command
    .option("--context <name>", `which login; ${otherwise} when left out`)
    .option("--server <host>", "which server, by its host");
}

/** Gives a command the flags of these settings. */
export function addSettingFlags(command: Command, names: readonly FlagName[]): Command {
  for (const name of names) {
    const [flags, about] = settingFlags[name];
    command.addOption(new Option(flags, about));
  }
  return command;
}

/** What of {@link settingFlags} was given. */
export function givenFlags(command: Command): GivenFlags {
  const given: Record<string, string | boolean | undefined> = {};
  for (const [name, [flags]] of Object.entries(settingFlags)) {
    const option = new Option(flags);
    given[name] = command.getOptionValue(option.attributeName()) as string | boolean | undefined;
  }
  return given;
}
